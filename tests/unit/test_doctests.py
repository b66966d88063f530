"""The examples in the core's docstrings do what they say."""

import doctest
import importlib
import pkgutil

import pytest

from wcs_hooks import core

_MODULES = sorted(module.name for module in pkgutil.iter_modules(core.__path__))


@pytest.mark.parametrize("name", [*(f"core.{name}" for name in _MODULES), "dead_letter"])
def test_given_a_module_when_its_examples_are_run_then_they_give_what_they_show(name: str) -> None:
    module = importlib.import_module(f"wcs_hooks.{name}")

    outcome = doctest.testmod(module, report=True, raise_on_error=False)

    assert outcome.failed == 0


def test_given_the_core_then_it_has_examples_to_run() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(f"wcs_hooks.core.{name}") for name in _MODULES]

    with_examples = {
        module.__name__
        for module in modules
        if any(found.examples for found in finder.find(module))
    }

    assert len(with_examples) >= 5
