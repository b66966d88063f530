"""The examples in the models' docstrings do what they say."""

import doctest
import importlib
import pkgutil

import pytest

from bench import model

_MODULES = sorted(
    # The plots are drawn in an environment of their own.
    module.name
    for module in pkgutil.iter_modules(model.__path__)
    if module.name != "plots"
)


@pytest.mark.parametrize("name", [*(f"model.{name}" for name in _MODULES), "local_load"])
def test_given_a_module_when_its_examples_are_run_then_they_give_what_they_show(name: str) -> None:
    module = importlib.import_module(f"bench.{name}")

    outcome = doctest.testmod(module, report=True, raise_on_error=False)

    assert outcome.failed == 0
