"""The cookbook: every need of `docs/reference/wcs-protocol.md`, section 8, with a test."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from strict_yaml import plain
from tools.docs_site import with_files
from wcsctl import cli
from wcsctl.errors import UsageError
from wcsctl.policies.files import load_directory
from wcsctl.policies.lint import lint

_REPOSITORY = Path(__file__).parents[2]
_COOKBOOK = _REPOSITORY / "policies" / "cookbook"
_RECIPES = sorted(path.name for path in _COOKBOOK.iterdir())
_SWITCHING = "flashphoner.properties"
_DOCS = _REPOSITORY / "docs"


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


def test_given_the_whole_cookbook_when_it_is_linted_then_all_it_says_is_what_to_switch_on() -> None:
    files = load_directory(_COOKBOOK)

    findings = [*files.findings, *lint(files.policies, files.files)]

    others = [str(found) for found in findings if _SWITCHING not in found.finding.message]
    assert others == []
    assert {found.app for found in findings} == {
        *("bans", "monthly-quota", "one-access-list", "one-hour-after-connect"),
        "stream-time-limit",
    }
    assert set(files.policies) == set(_RECIPES)


def test_given_the_recipes_for_tokens_and_origins_in_one_app_then_a_foreign_page_stays_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "site").mkdir()
    for recipe in ("token-at-connect", "allowed-origins"):
        text = (_COOKBOOK / recipe / "policies.yaml").read_text()
        (tmp_path / "site" / f"{recipe}.yaml").write_text(text)
    (tmp_path / "site" / "both.test.yaml").write_text("""
- name: A valid token from an own page
  hook: {method: connect, body: {origin: "https://rooms.example.org"}}
  claims: {sub: anna}
  expect: {action: echo}
- name: A valid token from a foreign page
  hook: {method: connect, body: {origin: "https://evil.example"}}
  claims: {sub: anna}
  expect: {action: deny, policy: foreign-origin}
- name: An own page without a token
  hook: {method: connect, body: {origin: "https://rooms.example.org"}}
  expect: {action: deny, policy: site}
""")

    result = CliRunner().invoke(cli.app, ["--json", "policy", "test", "--strict", str(tmp_path)])

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["warnings"] == []


def test_given_all_recipes_of_denials_in_one_app_then_each_can_still_be_reached(
    tmp_path: Path,
) -> None:
    (tmp_path / "site").mkdir()
    by_id: dict[str, Any] = {}
    for recipe in _RECIPES:
        policies = load_directory(_COOKBOOK).policies[recipe]
        if all(one["action"] != "echo" and not one.get("final") for one in policies.values()):
            # Two recipes that have the same item need it once.
            by_id |= {
                f"{recipe}-{key}" if key != "site" else key: one for key, one in policies.items()
            }
    items = [plain({**policy, "id": key, "app": "site"}) for key, policy in by_id.items()]
    (tmp_path / "site" / "policies.yaml").write_text(json.dumps(items))

    files = load_directory(tmp_path)
    findings = [*files.findings, *lint(files.policies, files.files)]

    assert len(by_id) > 20
    assert not [str(found) for found in findings if found.is_error]
    assert not [str(found) for found in findings if "reached" in found.finding.message]


def test_given_the_recipe_to_cut_a_stream_then_its_policy_to_arm_an_app_does_it_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "show").mkdir()
    policies = load_directory(_COOKBOOK).policies["stream-time-limit"]
    armed = {name: value for name, value in policies["armed"].items() if name != "app"}
    (tmp_path / "show" / "armed.yaml").write_text(json.dumps(armed))
    (tmp_path / "show" / "armed.test.yaml").write_text("""
- name: Connect's reply arms the session
  hook: {method: connect, body: {}}
  expect: {action: echo, restClientConfig: {StreamKeepAliveEvent: {restOnError: FAIL}}}
""")

    result = CliRunner().invoke(cli.app, ["policy", "test", "--strict", str(tmp_path)])

    assert result.exit_code == 0, result.output


def test_given_a_recipe_when_it_is_written_for_an_app_then_its_tests_pass_there(
    tmp_path: Path,
) -> None:
    runner, recipe = CliRunner(), "per-user-rights"

    written = runner.invoke(cli.app, ["policy", "new", recipe, str(tmp_path), "--app", "school"])

    assert written.exit_code == 0, written.output
    files = [tmp_path / "school" / f"{recipe}{suffix}" for suffix in (".test.yaml", ".yaml")]
    assert written.stdout.split() == list(map(str, files))
    folder = tmp_path / "school"
    assert f"wcsctl policy test {folder}, then wcsctl policy apply {folder}" in written.stderr
    assert runner.invoke(cli.app, ["policy", "test", "--strict", str(tmp_path)]).exit_code == 0
    again = runner.invoke(cli.app, ["policy", "new", recipe, str(tmp_path), "--app", "school"])
    assert isinstance(again.exception, UsageError)


def test_given_recipes_that_share_a_policy_when_both_are_written_then_that_is_said(
    tmp_path: Path,
) -> None:
    runner = CliRunner()
    words = [str(tmp_path), "--app", "*"]

    runner.invoke(cli.app, ["policy", "new", "bans", *words])
    second = runner.invoke(cli.app, ["policy", "new", "per-user-rights", *words])

    assert "site: id: is in" in second.stderr.replace("\n", "")
    assert runner.invoke(cli.app, ["policy", "new"]).stdout.split() == _RECIPES


def test_given_a_directory_full_of_other_yaml_when_a_recipe_is_written_then_none_of_it_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "openapi.yaml").write_text("openapi: 3.0.0")
    words = ["policy", "new", "teachers-only", str(tmp_path), "--app", "school"]

    written = CliRunner().invoke(cli.app, words)

    assert written.stderr.startswith("Next: ")


def test_given_wcsctl_when_it_is_built_then_the_package_has_the_cookbook() -> None:
    program = """
from setuptools import Distribution
made = Distribution()
made.parse_config_files()
made.include_package_data = False  # else it writes what it finds
build = made.get_command_obj("build_py")
build.ensure_finalized()
print(*(file for package, _, _, files in build.data_files for file in files if package == "wcsctl"))
"""

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=_REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )

    for recipe in _RECIPES:
        for file in (_COOKBOOK / recipe).iterdir():
            assert f"cookbook/{recipe}/{file.name}" in done.stdout.split()


@pytest.mark.parametrize("recipe", _RECIPES)
def test_given_a_recipe_then_its_page_links_to_its_files_and_the_site_shows_them_as_they_are(
    recipe: str,
) -> None:
    page = f"cookbook/{recipe}.md"
    text = (_DOCS / page).read_text()

    shown = re.findall(r"```yaml\n(.*?)```", with_files(text, page), re.DOTALL)

    for file in sorted((_COOKBOOK / recipe).iterdir()):
        assert f"](../../policies/cookbook/{recipe}/{file.name})" in text
        assert file.read_text() in shown, file
    assert "```yaml" not in text


def test_given_the_cookbook_then_each_recipe_has_a_page_which_its_index_lists_once() -> None:
    index = _DOCS / "cookbook" / "index.md"
    listed = re.findall(r"^- \[[^]]+\]\(([a-z-]+)\.md\): ", index.read_text(), re.MULTILINE)

    assert sorted(listed) == _RECIPES
    pages = {page.stem for page in (_DOCS / "cookbook").iterdir()} - {index.stem}
    assert sorted(pages) == _RECIPES
