"""Leaves out of botocore what no function uses: most of a cold start would be loading it.

Three things are changed in the unpacked wheels, whose versions and hashes `requirements.txt` pins:

- The data: of 400 services those that are called stay, of them the operations that are called, and
  no documentation. Regions and endpoints stay for every partition.
- The examples, and what describes the resources of boto3, of which nothing is used.
- Some imports that only documentation or HTTP/2 needs are carried out where it is made use of.

`tests/infra/test_packaging.py` makes every call of the adapters with what is left.
"""

import gzip
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

OPERATIONS: Final[Mapping[str, Sequence[str]]] = {
    "dynamodb": (*("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),),
    "events": ("PutEvents",),
    "secretsmanager": ("GetSecretValue",),
    "sqs": ("SendMessage",),
}
"""What the functions call, by botocore's name of the service."""

_DATA: Final = "botocore/data"
_ENDPOINTS: Final = "endpoints"
_SERVICE_FILES: Final = ("service-2", "endpoint-rule-set-1", "paginators-1")
_GENERAL_FILES: Final = ("partitions", "sdk-default-configuration", "_retry")
_UNUSED: Final = ("boto3/data", "boto3/examples")


class TrimmingError(Exception):
    """The wheels are not what this module knows. The text is one line."""


@dataclass(frozen=True, slots=True)
class _Deferral:
    """An import at the top of a module that only some of its functions need.

    Attributes
    ----------
    statement
        The import, a line of its own.
    functions
        The lines that define the functions; the import becomes the first line of each.
    """

    module: str
    statement: str
    functions: tuple[str, ...]


_METHOD: Final = "    def _write_docstring(self, *args, **kwargs):"

_DEFERRALS: Final = (
    _Deferral(
        "botocore/docs/__init__.py",
        "from botocore.docs.service import ServiceDocumenter",
        ("def generate_docs(root_dir, session):",),
    ),
    _Deferral(
        "botocore/docs/docstring.py",
        "from botocore.docs.bcdoc.restdoc import DocumentStructure",
        ("    def _create_docstring(self):",),
    ),
    _Deferral(
        "botocore/docs/docstring.py",
        "from botocore.docs.method import document_model_driven_method",
        (f"class ClientMethodDocstring(LazyLoadedDocstring):\n{_METHOD}",),
    ),
    _Deferral(
        "botocore/docs/docstring.py",
        "from botocore.docs.paginator import document_paginate_method",
        (f"class PaginatorDocstring(LazyLoadedDocstring):\n{_METHOD}",),
    ),
    _Deferral(
        "botocore/docs/docstring.py",
        "from botocore.docs.waiter import document_wait_method",
        (f"class WaiterDocstring(LazyLoadedDocstring):\n{_METHOD}",),
    ),
    _Deferral(
        "urllib3/http2/__init__.py",
        "from importlib.metadata import version",
        ("def inject_into_urllib3() -> None:",),
    ),
)


def trim_botocore(packages: Path) -> None:
    """Trim the botocore that is unpacked in a directory, with boto3 and urllib3; or leave none.

    Raises
    ------
    TrimmingError
        If they are not what this module knows.
    """
    if not (packages / _DATA).is_dir():
        return
    for name in _UNUSED:
        shutil.rmtree(packages / name, ignore_errors=True)
    _trim_data(packages / _DATA)
    for deferral in _DEFERRALS:
        _defer(packages, deferral)


def _trim_data(data: Path) -> None:
    kept: dict[Path, Any] = {Path(name): _read(data, name) for name in _GENERAL_FILES}
    endpoints = _read(data, _ENDPOINTS)
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in OPERATIONS if name in services}
    kept[Path(_ENDPOINTS)] = endpoints
    for service, operations in OPERATIONS.items():
        # botocore uses the latest version of an API unless told otherwise.
        version = max(path.name for path in (data / service).iterdir() if path.is_dir())
        directory = Path(service, version)
        model, rules, paginators = (_read(data, directory / name) for name in _SERVICE_FILES)
        paginators["pagination"] = {
            name: pagination
            for name, pagination in paginators["pagination"].items()
            if name in operations
        }
        trimmed = (_model(model, operations), rules, paginators)
        kept |= zip((directory / name for name in _SERVICE_FILES), trimmed, strict=True)
    shutil.rmtree(data)
    for name, content in kept.items():
        path = data / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_undocumented(content), separators=(",", ":")))


def _read(data: Path, name: Path | str) -> Any:
    plain, compressed = data / f"{name}.json", data / f"{name}.json.gz"
    if plain.exists():
        return json.loads(plain.read_bytes())
    if compressed.exists():
        return json.loads(gzip.decompress(compressed.read_bytes()))
    raise TrimmingError(f"botocore has no data {name}")


def _model(model: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A service's model with some of its operations, and the shapes that they need."""
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
    """The shapes that a part of a model refers to: `{"shape": name}`, however deep."""
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


def _defer(packages: Path, deferral: _Deferral) -> None:
    path = packages / deferral.module
    text = path.read_text()
    text = _replaced(deferral, text, f"\n{deferral.statement}\n", "\n")
    for function in deferral.functions:
        *_, line = function.splitlines()
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        text = _replaced(
            deferral, text, f"{function}\n", f"{function}\n{indent}{deferral.statement}\n"
        )
    # A new file: the old one may be a link to another's.
    path.unlink()
    path.write_text(text)


def _replaced(deferral: _Deferral, text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise TrimmingError(f"{deferral.module} is another than expected: {old.strip()!r}")
    return text.replace(old, new)
