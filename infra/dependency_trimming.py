"""Leaves out of the dependencies what no function uses: most of a cold start would be loading it.

Changed are the unpacked wheels, whose versions and hashes `requirements.txt` pins:

- botocore's data: of 400 services those that are called stay, of them the operations that are
  called, and no documentation. Regions and endpoints stay for every partition.
- What describes the resources of boto3, and time zones for a machine that has none.
- Some imports (documentation, HTTP/2, dates and profiles of logins) wait until they are needed.
- What Python 3.13 has itself is not taken from a backport.
- `inspect` is not needed: with the parts of Python's compiler that it imports, and what its use
  costs for each of botocore's event handlers, it was 7 % of a cold start.

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
_UNUSED: Final = ("boto3/data", "boto3/examples", "dateutil/zoneinfo")


class TrimmingError(Exception):
    """The wheels are not what this module knows. The text is one line."""


@dataclass(frozen=True, slots=True)
class _Deferral:
    """An import at the top of a module that hardly any of its functions needs.

    Attributes
    ----------
    statement
        The import, a line of its own.
    uses
        The first line in each function that needs it; the import is carried out before.
    """

    module: str
    statement: str
    uses: tuple[str, ...]


_DEFERRALS: Final = (
    _Deferral(
        "aws_lambda_powertools/logging/logger.py",
        "import inspect",
        ("frame = inspect.currentframe()",),
    ),
    _Deferral(
        "aws_lambda_powertools/tracing/tracer.py",
        "import inspect",
        ("if inspect.iscoroutinefunction(method):",),
    ),
    _Deferral(
        "botocore/configloader.py",
        "import configparser",
        ("cp = configparser.RawConfigParser()",),
    ),
    _Deferral(
        "botocore/credentials.py",
        "from dateutil.parser import parse",
        (
            "return parse(value)",
            "return parse(time_str)",
            "self._staged_expiry_time = parse(data['expiry_time'])",
            "expiry_time = parse(expiry_time)",
        ),
    ),
    _Deferral(
        "botocore/credentials.py",
        "import dateutil.parser",
        ("expiration = dateutil.parser.parse(token_dict['expiresAt'])",),
    ),
    _Deferral(
        "botocore/docs/__init__.py",
        "from botocore.docs.service import ServiceDocumenter",
        ("docs = ServiceDocumenter(",),
    ),
    _Deferral(
        "botocore/docs/docstring.py",
        "from botocore.docs.bcdoc.restdoc import DocumentStructure",
        ("docstring_structure = DocumentStructure('docstring', target='html')",),
    ),
    _Deferral(
        "botocore/docs/docstring.py",
        "from botocore.docs.method import document_model_driven_method",
        ("document_model_driven_method(*args, **kwargs)",),
    ),
    _Deferral(
        "botocore/docs/docstring.py",
        "from botocore.docs.paginator import document_paginate_method",
        ("document_paginate_method(*args, **kwargs)",),
    ),
    _Deferral(
        "botocore/docs/docstring.py",
        "from botocore.docs.waiter import document_wait_method",
        ("document_wait_method(*args, **kwargs)",),
    ),
    _Deferral(
        "botocore/tokens.py",
        "import dateutil.parser",
        (
            'expiry = dateutil.parser.parse(token["registrationExpiresAt"])',
            'expiration = dateutil.parser.parse(token_dict["expiresAt"])',
        ),
    ),
    _Deferral(
        "botocore/utils.py",
        "import dateutil.parser",
        ("return dateutil.parser.parse(value, tzinfos={'GMT': tzutc()})",),
    ),
    _Deferral(
        "urllib3/http2/__init__.py",
        "from importlib.metadata import version",
        ('h2_version = version("h2")',),
    ),
)


@dataclass(frozen=True, slots=True)
class _Replacement:
    """A line of a module, and what does the same."""

    module: str
    line: str
    by: str


_POWERTOOLS_FORMATTER: Final = "aws_lambda_powertools/logging/formatter.py"
_INITIALIZER: Final = "LambdaPowertoolsFormatter.__init__.__code__"

_REPLACEMENTS: Final = (
    _Replacement(
        "aws_lambda_powertools/utilities/jmespath_utils/__init__.py",
        "from typing_extensions import deprecated",
        "from warnings import deprecated",
    ),
    _Replacement(
        "aws_lambda_powertools/metrics/types.py",
        "from typing_extensions import NotRequired",
        "from typing import NotRequired",
    ),
    # What follows does without `inspect`, which `dataclasses` imports too.
    _Replacement(_POWERTOOLS_FORMATTER, "import inspect", ""),
    _Replacement(
        _POWERTOOLS_FORMATTER,
        "RESERVED_FORMATTER_CUSTOM_KEYS: list[str] = "
        "inspect.getfullargspec(LambdaPowertoolsFormatter).args[1:]",
        "RESERVED_FORMATTER_CUSTOM_KEYS: list[str] = "
        f"list({_INITIALIZER}.co_varnames[1:{_INITIALIZER}.co_argcount])",
    ),
    _Replacement("botocore/compat.py", "import inspect", ""),
    _Replacement(
        # Whether an event handler was written as handlers must be.
        "botocore/compat.py",
        "    return inspect.getfullargspec(func)[2]",
        "    return not hasattr(func, '__code__') or bool(func.__code__.co_flags & 0x08)",
    ),
    _Replacement("botocore/context.py", "from dataclasses import dataclass, field", ""),
    _Replacement("botocore/context.py", "@dataclass", ""),
    _Replacement(
        "botocore/context.py",
        "    features: set[str] = field(default_factory=set)",
        "    def __init__(self, features=None):\n"
        "        self.features = set() if features is None else features",
    ),
    _Replacement("botocore/plugin.py", "from dataclasses import dataclass", ""),
    _Replacement("botocore/plugin.py", "@dataclass", ""),
    _Replacement(
        "botocore/plugin.py",
        "    plugins: str | None = None",
        "    def __init__(self, plugins=None):\n        self.plugins = plugins",
    ),
    _Replacement("jmespath/compat.py", "import inspect", ""),
    _Replacement(
        "jmespath/compat.py",
        "    for name, method in inspect.getmembers(cls, predicate=inspect.isfunction):",
        "    members = ((name, getattr(cls, name, None)) for name in dir(cls))\n"
        "    for name, method in (one for one in members if type(one[1]) is type(get_methods)):",
    ),
)


def trim_dependencies(packages: Path) -> None:
    """Trim the wheels that are unpacked in a directory.

    Raises
    ------
    TrimmingError
        If they are not what this module knows.
    """
    for name in _UNUSED:
        shutil.rmtree(packages / name, ignore_errors=True)
    _trim_data(packages / _DATA)
    for deferral in _DEFERRALS:
        _defer(packages, deferral)
    for replacement in _REPLACEMENTS:
        module = packages / replacement.module
        lines = _lines(module)
        lines[_only(replacement.module, lines, replacement.line)] = replacement.by
        _rewrite(module, lines)


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
    lines = _lines(path)
    del lines[_only(deferral.module, lines, deferral.statement)]
    for use in deferral.uses:
        number = _only(deferral.module, [line.lstrip() for line in lines], use)
        indent = lines[number].removesuffix(use)
        lines.insert(number, f"{indent}{deferral.statement}")
    _rewrite(path, lines)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise TrimmingError(f"there is no {path.name} in {path.parent.name}")
    return path.read_text().splitlines()


def _only(module: str, lines: Sequence[str], wanted: str) -> int:
    """Where a line stands, of which there must be one."""
    if lines.count(wanted) != 1:
        times = f"{wanted!r} stands there {lines.count(wanted)} times"
        raise TrimmingError(f"{module} is another than expected: {times}")
    return lines.index(wanted)


def _rewrite(path: Path, lines: Sequence[str]) -> None:
    # A new file: the old one may be a link to another's.
    path.unlink()
    path.write_text("".join(f"{line}\n" for line in lines))
