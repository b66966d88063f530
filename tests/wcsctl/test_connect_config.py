"""Which changes of an edit hold only for sessions that connect after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from tests.support.aws_tables import Aws
from tests.support.policy_items import configure, deny, override
from tests.wcsctl.policy_commands import Commands, write_files

_AT_NEXT_CONNECT = "only sessions that connect from now on get"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    with mock_aws():
        yield Commands(Aws.set_up("s" * 40), monkeypatch)


def _lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if _AT_NEXT_CONNECT in line]


def test_given_a_first_denial_when_it_is_put_then_one_line_says_who_it_holds_for(
    run: Commands, tmp_path: Path
) -> None:
    policies = [
        deny("cut", "StreamKeepAliveEvent", match={"name": "offensive-1"}),
        override("alias", "playStream", set={"name": "real"}),
    ]
    write_files(tmp_path, {"school/a.yaml": policies})

    people = run("put", tmp_path / "school" / "a.yaml")

    [line] = _lines(people.out)
    assert line.startswith("school: ")
    assert "restOnError FAIL for StreamKeepAliveEvent" in line
    assert "restPolicy OVERWRITE for playStream; restOverwrite name for playStream" in line


def test_given_a_denial_where_refusals_had_effect_already_when_put_then_nothing_is_said(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("*", deny("armed", "call", match={"callee": "0"}))
    run.enforce("school", deny("one"))
    write_files(tmp_path, {"school/a.yaml": [deny("two"), deny("three", "call")]})

    ran = run("--json", "put", tmp_path / "school" / "a.yaml")

    assert ran.json["fromNextConnect"] == []


def test_given_an_edit_when_programs_ask_then_each_change_is_told_with_its_value_before(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("school", override(set={"name": "x"}))
    write_files(tmp_path, {"school/a.yaml": override(set={"name": "x", "record": True})})

    ran = run("--json", "apply", tmp_path, "--yes")

    assert ran.json["fromNextConnect"] == [
        {
            "app": "school",
            "method": "publishStream",
            "attribute": "restOverwrite",
            "before": "name",
            "after": "name,record",
        }
    ]


def test_given_a_policy_of_every_app_when_applied_then_the_line_is_about_every_app(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"_every_app/a.yaml": configure("arm", "call", restOnError="FAIL")})

    ran = run("apply", tmp_path, "--yes")

    [line] = _lines(ran.out)
    assert line.startswith("*: ")


def test_given_a_version_with_a_denial_when_rolled_back_to_then_its_effect_is_for_new_sessions(
    run: Commands,
) -> None:
    run.enforce("school", deny("no", "call"))
    run.aws.delete_policy("school", "no")
    run.enforce("school", deny("other", "publishStream"))

    ran = run("rollback", "school", 1, "--yes")

    [line] = _lines(ran.out)
    assert "restOnError LOG for publishStream" in line
    assert "restOnError FAIL for call" in line


def test_given_a_policy_when_it_is_edited_then_the_same_is_said(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.enforce("school", deny("no", mode="shadow"))
    monkeypatch.setenv("EDITOR", "sed -i s/shadow/enforce/")

    ran = run("edit", "school", "no")

    [line] = _lines(ran.out)
    assert "restOnError FAIL for publishStream" in line


def test_given_a_pin_when_policies_are_put_then_nothing_changes_for_anybody(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("school", deny("one", "call"))
    assert run("pin", "school", 1).status == 0
    write_files(tmp_path, {"school/a.yaml": deny("two")})

    ran = run("--json", "put", tmp_path / "school" / "a.yaml")

    assert ran.json["fromNextConnect"] == []
