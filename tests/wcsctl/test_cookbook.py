"""The cookbook: every need of `docs/wcs-protocol.md` section 8, each with a policy and a test."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wcsctl import cli
from wcsctl.policy_files import load_directory
from wcsctl.policy_lint import lint

_REPOSITORY = Path(__file__).parents[2]
_COOKBOOK = _REPOSITORY / "policies" / "cookbook"
_RECIPES = sorted(path.name for path in _COOKBOOK.iterdir())
_DOCS = (_REPOSITORY / "docs" / "policies.md").read_text()


@pytest.mark.parametrize("recipe", _RECIPES)
def test_given_a_recipe_when_its_tests_are_run_then_they_pass_and_reach_every_policy(
    recipe: str,
) -> None:
    words = ["--json", "policy", "test", "--strict", str(_COOKBOOK / recipe)]

    result = CliRunner().invoke(cli.app, words)

    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert len(said["tests"]) > 1
    assert said["policies"] > 0


def test_given_the_whole_cookbook_when_it_is_linted_then_there_is_not_even_a_warning() -> None:
    files = load_directory(_COOKBOOK)

    findings = [*files.findings, *lint(files.policies, files.files)]

    assert [str(finding) for finding in findings] == []
    assert set(files.policies) == set(_RECIPES)


@pytest.mark.parametrize("recipe", _RECIPES)
def test_given_a_recipe_then_the_documentation_shows_it_as_it_is(recipe: str) -> None:
    shown = re.findall(r"```yaml\n(.*?)```", _DOCS, re.DOTALL)

    for file in sorted((_COOKBOOK / recipe).iterdir()):
        assert file.read_text() in shown, file
