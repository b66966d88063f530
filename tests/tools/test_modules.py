"""The tools do not know the benchmark, and the examples of both hold."""

import ast
import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_FILES = [path for room in ("bench", "tools") for path in sorted((_ROOT / room).rglob("*.py"))]


def _module(path: Path) -> str:
    return ".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__")


_MODULES = {_module(path): path.read_text() for path in _FILES}


def _imports(source: str) -> Iterator[str]:
    """Every module that a source imports, also where only the type checker does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_given_the_tools_then_they_do_not_know_the_benchmark_which_uses_them() -> None:
    tools = [source for name, source in _MODULES.items() if name.startswith("tools")]

    assert not [name for source in tools for name in _imports(source) if name.startswith("bench")]


@pytest.mark.parametrize("name", [name for name, source in _MODULES.items() if ">>> " in source])
def test_given_a_module_when_its_examples_are_run_then_they_give_what_they_show(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))

    assert outcome.attempted > 0
    assert outcome.failed == 0
