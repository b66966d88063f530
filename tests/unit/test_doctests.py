"""The examples in the functions' docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import wcs_hooks

_FUNCTIONS = Path(wcs_hooks.__path__[0]).parent
_MODULES = [
    ".".join(path.relative_to(_FUNCTIONS).with_suffix("").parts)
    for path in sorted(_FUNCTIONS.rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", _MODULES)
def test_given_a_module_when_its_examples_are_run_then_they_give_what_they_show(name: str) -> None:
    module = importlib.import_module(name)

    outcome = doctest.testmod(module, report=True, raise_on_error=False)

    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_given_the_core_then_it_has_examples_to_run() -> None:
    assert len([name for name in _MODULES if name.startswith("wcs_hooks.core.")]) >= 5
