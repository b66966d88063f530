"""Descriptions of the AWS services that the functions call, cut down to what they call.

botocore describes 400 services in its data directory, and a cold start would spend most of its time
reading the few that it needs. Libraries are packaged as released, without that directory; instead
the package has a directory of its own, made from it, in which botocore looks first (its `Loader`
takes further search paths): the services in `OPERATIONS`, of them the operations that are called,
without documentation. Regions and endpoints are there for every partition.

`tests/infra/test_packaging.py` makes every call of the adapters with these descriptions.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

OPERATIONS: Final[Mapping[str, Sequence[str]]] = {
    "dynamodb": (
        *("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query"),
        *("TransactWriteItems", "UpdateItem"),
    ),
    "events": ("PutEvents",),
    "secretsmanager": ("GetSecretValue",),
    "sqs": ("SendMessage",),
}
"""What the functions call, by botocore's name of the service."""

_ENDPOINTS: Final = "endpoints"
_SERVICE_FILES: Final = ("service-2", "endpoint-rule-set-1", "paginators-1")
_GENERAL_FILES: Final = ("partitions", "sdk-default-configuration", "_retry")


class ServiceModelsError(Exception):
    """botocore's data is not laid out as this module expects. The text is one line."""


def write_service_models(data: Path, directory: Path) -> None:
    """Write the descriptions that the functions need.

    Parameters
    ----------
    data
        botocore's data directory, as released.
    directory
        Where the descriptions go; made if it is missing.

    Raises
    ------
    ServiceModelsError
        If a description is not where it is expected.
    """
    models: dict[Path, Any] = {Path(name): _read(data, name) for name in _GENERAL_FILES}
    endpoints = _read(data, _ENDPOINTS)
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in OPERATIONS if name in services}
    models[Path(_ENDPOINTS)] = endpoints
    for service, operations in OPERATIONS.items():
        # botocore uses the latest version of an API unless it is configured otherwise.
        version = max(path.name for path in (data / service).iterdir() if path.is_dir())
        model, rules, paginators = (
            _read(data, Path(service, version, name)) for name in _SERVICE_FILES
        )
        paginators["pagination"] = {
            name: pagination
            for name, pagination in paginators["pagination"].items()
            if name in operations
        }
        for name, content in zip(
            _SERVICE_FILES, (_called(model, operations), rules, paginators), strict=True
        ):
            models[Path(service, version, name)] = content
    for place, content in models.items():
        path = directory / f"{place}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_undocumented(content), separators=(",", ":")))


def _read(data: Path, name: Path | str) -> Any:
    plain, compressed = data / f"{name}.json", data / f"{name}.json.gz"
    if plain.exists():
        return json.loads(plain.read_bytes())
    if compressed.exists():
        return json.loads(gzip.decompress(compressed.read_bytes()))
    raise ServiceModelsError(f"botocore has no data {name}")


def _called(model: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return a service's model with some of its operations, and the shapes that they need."""
    operations = {name: model["operations"][name] for name in names}
    needed: dict[str, Any] = {}
    unread = list(_shapes_of(operations))
    while unread:
        name = unread.pop()
        if name not in needed:
            needed[name] = model["shapes"][name]
            unread += _shapes_of(needed[name])
    shapes = {name: shape for name, shape in model["shapes"].items() if name in needed}
    return {**model, "operations": operations, "shapes": shapes}


def _shapes_of(value: Any) -> Iterator[str]:
    """Yield the shapes that a part of a model refers to: `{"shape": name}`, however deep."""
    match value:
        case {"shape": str(name)}:
            yield name
        case dict():
            for inner in value.values():
                yield from _shapes_of(inner)
        case list():
            for inner in value:
                yield from _shapes_of(inner)


def _undocumented(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: _undocumented(inner)
                for name, inner in value.items()
                if not (name == "documentation" and isinstance(inner, str))
            }
        case list():
            return [_undocumented(inner) for inner in value]
        case _:
            return value
