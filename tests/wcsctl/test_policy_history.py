"""Who changed policies and why, what changed between versions, and the way back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from tests.support.aws_tables import Aws
from tests.support.policy_items import deny
from tests.wcsctl.policy_commands import Commands, write_files
from wcsctl.errors import ExitStatus


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    with mock_aws():
        yield Commands(Aws.set_up("s" * 40), monkeypatch)


def authors(run: Commands) -> list[tuple[int, str, str]]:
    versions: list[dict[str, Any]] = run("--json", "history", "school").json
    return [(one["version"], one["by"].rpartition("/")[2], one["message"]) for one in versions]


def test_given_edits_by_wcsctl_then_the_history_says_whose_they_were_and_why(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"school/a.yaml": [deny("a"), deny("b")]})

    assert run("apply", tmp_path, "--yes", "-m", "Nobody publishes on Sunday").status == 0
    assert run("delete", "school", "b", "--yes").status == 0

    assert authors(run) == [(2, "moto", ""), (1, "moto", "Nobody publishes on Sunday")]
    assert run("--json", "history", "school").json[0]["by"].startswith("arn:aws:sts::")
    shown = run("history", "school").out
    assert "moto" in shown
    assert "Nobody publishes on" in shown


def test_given_an_edit_without_wcsctl_then_the_one_before_is_not_taken_for_its_author(
    run: Commands, tmp_path: Path
) -> None:
    run("put", write_files(tmp_path, {"school/a.yaml": deny("a")}) / "school/a.yaml", "-m", "one")

    run.enforce("school", deny("b"))
    # A pin changes no policies, and so makes nobody their author.
    assert run("pin", "school", 1).status == 0
    assert run("unpin", "school").status == 0

    assert authors(run)[-2:] == [(2, "", ""), (1, "moto", "one")]


def test_given_versions_when_compared_then_the_difference_of_any_two_is_shown(
    run: Commands,
) -> None:
    run.enforce("school", deny("a"), deny("b", reason="before"))
    run.enforce("school", deny("b", reason="after"))
    run.aws.delete_policy("school", "a")
    run.enforce("school", deny("b", reason="last"))

    ran = run("diff", "school", 1, 3)
    to_the_table = run("diff", "school", 2)

    assert ran.status == to_the_table.status == ExitStatus.FAILED
    assert "- school a" in ran.out
    assert "- reason: before\n    + reason: last" in ran.out
    assert "- reason: after\n    + reason: last" in to_the_table.out
    assert run("diff", "school", 3, 3).status == 0
    assert run("diff", "school", 3, 9).status == ExitStatus.NOT_FOUND


def test_given_a_bad_edit_when_rolled_back_to_the_previous_version_then_twice_undoes_it(
    run: Commands,
) -> None:
    run.enforce("school", deny("no", reason="good"))
    assert run("rollback", "school", "--previous", "--yes").status == ExitStatus.NOT_FOUND
    run.enforce("school", deny("no", reason="bad"))

    ran = run("rollback", "school", "--previous", "--yes", "-m", "Refused everybody")

    assert "school: version 3 is active" in ran.out
    assert "reason: good" in run("get", "school", "no").out
    assert run("rollback", "school", "--previous", "--yes").status == 0
    assert "reason: bad" in run("get", "school", "no").out
    assert authors(run)[:2] == [
        (4, "moto", "Roll back to version 2"),
        (3, "moto", "Refused everybody"),
    ]


@pytest.mark.parametrize("words", [(), (1, "--previous")])
def test_given_no_version_or_two_when_rolled_back_then_nothing_is_done(
    run: Commands, words: tuple[object, ...]
) -> None:
    assert run("rollback", "school", *words, "--yes").status == ExitStatus.USAGE
