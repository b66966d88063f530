"""How the modules of the benchmark and the tools hang together, and that their examples hold."""

import ast
import doctest
import importlib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
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


def _sort(sources: dict[str, str]) -> None:
    graph = {name: set(_imports(source)) & set(sources) for name, source in sources.items()}
    TopologicalSorter(graph).prepare()


def test_given_the_modules_when_their_imports_are_followed_then_none_leads_in_a_circle() -> None:
    assert len(_MODULES) > 30
    _sort(_MODULES)


def test_given_a_circle_of_types_alone_when_imports_are_followed_then_it_is_found() -> None:
    first = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from b import C\n"

    with pytest.raises(CycleError):
        _sort({"a": first, "b": "import a"})


def test_given_the_tools_then_they_do_not_know_the_benchmark_which_uses_them() -> None:
    tools = [source for name, source in _MODULES.items() if name.startswith("tools")]

    assert not [name for source in tools for name in _imports(source) if name.startswith("bench")]


@pytest.mark.parametrize("name", [name for name, source in _MODULES.items() if ">>> " in source])
def test_given_a_module_when_its_examples_are_run_then_they_give_what_they_show(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))

    assert outcome.attempted > 0
    assert outcome.failed == 0
