"""The OpenAPI document is what the code says."""

import yaml

from tools.openapi import FILE, document, text
from wcs_hooks.core.methods import METHODS


def test_the_file_is_what_the_command_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run: make reference"
    assert yaml.safe_load(text()) == document()


def test_given_the_known_methods_then_each_has_a_path_and_others_share_one() -> None:
    paths = document()["paths"]

    assert set(paths) == {*(f"/{name}" for name in METHODS), "/{method}"}
    assert all(list(path) == ["post"] for path in paths.values())


def test_given_the_routes_of_the_stack_then_the_operations_are_named_apart() -> None:
    names = [path["post"]["operationId"] for path in document()["paths"].values()]

    assert len(set(names)) == len(names)
