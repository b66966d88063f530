"""Names: one thing has one name, and one name means one thing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PRODUCT = ("functions", "wcsctl", "simulated_wcs", "infra", "local")
_SOURCES = {
    path.relative_to(_ROOT): path.read_text()
    for package in _PRODUCT
    for path in sorted((_ROOT / package).rglob("*.py"))
}


def _functions(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


@pytest.mark.parametrize("path", _SOURCES, ids=str)
def test_given_a_module_then_each_function_says_what_it_returns_and_none_is_called_of(
    path: Path,
) -> None:
    assert "of" not in _functions(_SOURCES[path])


def _public_types(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(_SOURCES[path])):
        if isinstance(node, ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.TypeAlias):
            name = node.name.id
        else:
            continue
        if not name.startswith("_"):
            yield name


def test_given_all_classes_and_types_then_no_two_bear_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in _SOURCES:
        for name in _public_types(path):
            places.setdefault(name, []).append(str(path))

    assert len(places) > 200
    assert not {name: found for name, found in places.items() if len(found) > 1}
