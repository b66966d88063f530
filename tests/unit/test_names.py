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
