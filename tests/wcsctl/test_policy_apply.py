"""Applying, rolling back, pinning; and that nobody overwrites what somebody else wrote."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from tests.support.aws_tables import POLICIES, Aws
from tests.support.policy_items import configure, deny, override, policy
from tests.wcsctl.policy_commands import Commands, write_files
from wcsctl.commands import asking
from wcsctl.errors import ExitStatus
from wcsctl.policies import apply as policy_apply
from wcsctl.policies.table import PolicyTable, Write, chunks


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    with mock_aws():
        yield Commands(Aws.set_up("s" * 40), monkeypatch)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Lets something happen between the last look at the table and the write."""

    def arrange(happen: Callable[[], object]) -> None:
        write = PolicyTable.write

        def after(*arguments: Any, **options: Any) -> Any:
            monkeypatch.setattr(PolicyTable, "write", write)
            happen()
            return write(*arguments, **options)

        monkeypatch.setattr(PolicyTable, "write", after)

    return arrange


def _answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "interactive", lambda: True)


def test_given_one_apps_folder_when_applied_then_other_apps_are_not_mentioned(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("*", deny("everywhere"))
    write_files(tmp_path, {"school/a.yaml": deny("new")})

    alone = run("apply", tmp_path / "school", "--yes")
    beside = run("apply", tmp_path, "--yes")

    assert "school: version 1 is active" in alone.out
    assert alone.aside == ""
    assert "App * has no folder there and stays as it is: 1 policy (everywhere)" in beside.aside


def test_given_files_when_applied_then_the_difference_is_shown_and_they_are_in_force(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.enforce("school", deny("old"), deny("kept", reason="before"))
    write_files(
        tmp_path,
        {"school/a.yaml": [deny("kept", reason="after"), deny("new")], "_every_app/b.yaml": deny()},
    )
    _answer(monkeypatch)

    ran = run("apply", tmp_path, typed="y\n")

    assert ran.status == 0, ran.error
    assert "~ school kept" in ran.out
    assert "- reason: before\n    + reason: after" in ran.out
    assert "+ school new" in ran.out
    assert "- school old" in ran.out
    assert "school: version 2 is active" in ran.out
    assert "*: version 1 is active" in ran.out
    assert (run.ids("school"), run.ids("*")) == (["kept", "new"], ["no"])


def test_given_a_no_when_asked_then_nothing_is_written(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"school/a.yaml": deny()})
    _answer(monkeypatch)

    ran = run("apply", tmp_path, typed="n\n")

    assert ran.status == ExitStatus.FAILED
    assert run.ids("school") == []


def test_given_nobody_to_ask_when_applied_without_yes_then_it_is_a_usage_error(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"school/a.yaml": deny()})

    ran = run("apply", tmp_path)

    assert ran.status == ExitStatus.USAGE
    assert "--yes" in ran.error
    assert run.ids("school") == []


def test_given_no_delete_when_applied_then_what_the_files_lack_stays(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("school", deny("theirs"))
    run.enforce("other", deny("elsewhere"))
    write_files(tmp_path, {"school/a.yaml": deny("ours")})

    kept = run("apply", tmp_path, "--yes", "--no-delete")
    after_keeping = run.ids("school")
    run("apply", tmp_path, "--yes")

    assert kept.status == 0
    assert after_keeping == ["ours", "theirs"]
    assert (run.ids("school"), run.ids("other")) == (["ours"], ["elsewhere"])


def test_given_what_is_in_the_table_when_applied_again_then_there_is_nothing_to_do(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"school/a.yaml": "id: a\nmethod: call\naction: deny\npriority: 0.10\n"})
    assert run("apply", tmp_path, "--yes").status == 0

    ran = run("apply", tmp_path)

    assert (ran.status, ran.out.strip()) == (0, "Nothing to do: the table holds just this.")


def test_given_an_error_in_the_files_when_applied_then_nothing_is_written(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"school/a.yaml": [deny("good"), deny("bad", when="body.name ==")]})

    ran = run("apply", tmp_path, "--yes")

    assert ran.status == ExitStatus.FAILED
    assert "a.yaml: bad: when: " in ran.aside
    assert run.ids("school") == []


def test_given_another_app_in_force_when_a_contradiction_is_applied_then_it_is_found_first(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("*", deny("no"))
    write_files(tmp_path, {"school/a.yaml": configure("mine", restOnError="LOG")})

    ran = run("apply", tmp_path, "--yes")

    assert ran.status == ExitStatus.FAILED
    assert "would undo policy 'no' of app *" in ran.aside
    assert run.ids("school") == []


def test_given_files_that_lint_clean_when_applied_one_after_the_other_then_both_come_into_force(
    run: Commands, tmp_path: Path
) -> None:
    conf = configure("conf", "call", restOnError="LOG")
    write_files(
        tmp_path / "1", {"school/a.yaml": conf, "_every_app/b.yaml": policy("echo", "call")}
    )
    write_files(
        tmp_path / "2",
        {"school/a.yaml": policy("x", "call"), "_every_app/b.yaml": deny("no-calls", "call")},
    )
    assert run("apply", tmp_path / "1", "--yes").status == 0

    ran = run("apply", tmp_path / "2", "--yes")
    again = run("apply", tmp_path / "2", "--yes")

    assert ran.status == 0, ran.out
    assert "*: version 2 is active" in ran.out
    assert "school: version 2 is active" in ran.out
    assert (again.status, again.out.strip()) == (0, "Nothing to do: the table holds just this.")


def test_given_what_the_table_holds_is_not_active_when_applied_again_then_it_waits_and_says_why(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"school/a.yaml": deny("a")})
    run.enforce("school", deny("a"))
    run.compiles = False
    run.aws.put_policies(
        "school",
        {"id": "#status", "version": 0, "ok": False, "compiledAt": "2030-01-01T00:00:00+00:00"}
        | {"errors": [{"policy": "a", "attribute": "when", "message": "is wrong"}]},
    )

    ran = run("apply", tmp_path, "--wait", "1")
    as_json = run("--json", "apply", tmp_path, "--wait", "1")

    assert ran.status == ExitStatus.FAILED
    assert "Nothing to do: the table holds just this." in ran.out
    assert "a: when: is wrong" in ran.out
    assert [(one["app"], one["inForce"]) for one in as_json.json["apps"]] == [("school", False)]


def test_given_an_edit_in_the_console_that_is_not_compiled_yet_when_applied_then_it_waits_for_it(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"school/a.yaml": deny("a", reason="new")})
    run.enforce("school", deny("a", reason="old"))
    run.aws.put_policies("school", deny("a", reason="new"))

    ran = run("--json", "apply", tmp_path)

    assert ran.status == 0
    assert [(one["version"], one["inForce"]) for one in ran.json["apps"]] == [(2, True)]


def test_given_errors_that_the_table_has_too_when_applied_then_they_are_errors_all_the_same(
    run: Commands, tmp_path: Path
) -> None:
    broken = deny("bad", when="body.name ==")
    run.aws.put_policies("school", broken)
    write_files(tmp_path, {"school/a.yaml": broken})

    ran = run("apply", tmp_path, "--yes")

    assert ran.status == ExitStatus.FAILED
    assert "bad: when: " in ran.aside


def test_given_somebody_removes_what_was_written_before_it_is_active_then_that_is_said(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.enforce("race", deny("p1"))
    write_files(tmp_path, {"race/a.yaml": [deny("p1"), deny("p2")]})
    write = PolicyTable.write

    def then_removed(*arguments: Any, **options: Any) -> Any:
        written = write(*arguments, **options)
        run.aws.delete_policy("race", "p2")
        run.aws.put_policies("race", deny("p3"))
        return written

    monkeypatch.setattr(PolicyTable, "write", then_removed)

    ran = run("apply", tmp_path, "--yes")

    assert ran.status == ExitStatus.FAILED
    assert "written, but somebody else has edited p2 since: version 2 is active" in ran.out


def test_given_somebody_adds_another_policy_before_what_was_written_is_active_then_all_is_well(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"race/a.yaml": "id: p1\nmethod: call\naction: deny\npriority: 0.10\n"})
    write = PolicyTable.write

    def then_edited(*arguments: Any, **options: Any) -> Any:
        written = write(*arguments, **options)
        run.aws.put_policies("race", deny("p2"))
        return written

    monkeypatch.setattr(PolicyTable, "write", then_edited)

    ran = run("apply", tmp_path, "--yes")

    assert ran.status == 0
    assert "race: version 1 is active" in ran.out.splitlines()


@pytest.mark.parametrize(
    ("folder", "item", "message"),
    [
        pytest.param("a" * 100, deny("i" * 1_025), "id: has 1,025 bytes", id="id"),
        pytest.param("%23x", deny(), "app: an app that begins with #", id="app of the system's"),
        pytest.param(
            "a", deny(note="ž" * 210_000), "the policy has 420,", id="larger than an item"
        ),
    ],
)
@pytest.mark.parametrize("command", ["apply", "lint"])
def test_given_what_dynamodb_would_refuse_when_linted_or_applied_then_it_is_an_error(
    run: Commands, tmp_path: Path, folder: str, item: Any, message: str, command: str
) -> None:
    write_files(tmp_path, {f"{folder}/a.yaml": item})

    ran = run(command, tmp_path, *(["--yes"] if command == "apply" else []))

    assert ran.status == ExitStatus.FAILED
    assert message in ran.out + ran.aside


def test_given_an_app_of_too_long_a_name_when_put_then_it_is_an_error(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"any.yaml": {"app": "ž" * 513, **deny()}})

    ran = run("put", tmp_path / "any.yaml")

    assert ran.status == ExitStatus.FAILED
    assert "app: an app's name can have 1,024 bytes at most; this one has 1,026" in ran.aside


@pytest.mark.parametrize("command", ["show", "rollback"])
def test_given_a_version_of_which_a_part_has_expired_when_asked_for_then_that_is_said(
    run: Commands, command: str
) -> None:
    run.enforce("school", deny("a"))
    run.enforce("school", deny("b"))
    run.aws.delete_item("PolicySnapshots", {"app": "school", "item": "v0000000001#source#000"})

    ran = run(command, "school", 1, *(["--yes"] if command == "rollback" else []))

    assert ran.status == ExitStatus.NOT_FOUND
    assert "Version 1 of the policies of app school has expired" in ran.error


@pytest.mark.parametrize(
    ("edit", "left"),
    [
        pytest.param(lambda aws: aws.put_policies("school", deny("a", reason="theirs")), ["a"]),
        pytest.param(lambda aws: aws.delete_policy("school", "a"), []),
        pytest.param(lambda aws: aws.put_policies("school", deny("b")), ["a", "b"]),
    ],
    ids=["changed", "removed", "added"],
)
@pytest.mark.parametrize("when", ["before the question", "after the last look"])
def test_given_somebody_else_edits_meanwhile_when_applied_then_it_is_a_conflict_and_theirs_stays(  # noqa: PLR0913, PLR0917 - who, what, when
    run: Commands,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Callable[[], object]], None],
    edit: Callable[[Aws], None],
    left: list[str],
    when: str,
) -> None:
    run.enforce("school", deny("a"))
    ours = [deny("a", reason="ours"), deny("b", reason="ours")]
    write_files(tmp_path, {"school/a.yaml": ours})
    if when == "before the question":

        def asked(*_: Any, **__: Any) -> bool:
            edit(run.aws)
            return True

        _answer(monkeypatch)
        monkeypatch.setattr("typer.confirm", asked)
        ran = run("apply", tmp_path)
    else:
        meanwhile(lambda: edit(run.aws))
        ran = run("apply", tmp_path, "--yes")

    assert ran.status == ExitStatus.CONFLICT
    assert "nothing was written" in ran.error
    assert run.ids("school") == left
    items = [run.aws.policy_item("school", item_id) for item_id in left]
    assert "ours" not in json.dumps(items)


def test_given_two_people_who_add_different_policies_when_both_apply_then_the_second_is_told(
    run: Commands, tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    run.enforce("school", deny("a"))
    write_files(tmp_path / "one", {"school/a.yaml": [deny("a"), deny("mine")]})
    write_files(tmp_path / "two", {"school/a.yaml": [deny("a"), deny("theirs")]})
    theirs = []
    meanwhile(lambda: theirs.append(run("apply", tmp_path / "two", "--yes")))

    ran = run("apply", tmp_path / "one", "--yes")

    assert [one.status for one in theirs] == [0]
    assert ran.status == ExitStatus.CONFLICT
    assert run.ids("school") == ["a", "theirs"]


def test_given_more_than_a_transaction_when_applied_then_it_is_said_and_all_are_written(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"school/a.yaml": [deny(f"p{number:03}") for number in range(130)]})

    ran = run("apply", tmp_path, "--yes")

    assert ran.status == 0
    assert "do not fit into one transaction" in ran.aside
    assert len(run.ids("school")) == 130


def test_given_many_apps_when_put_into_transactions_then_none_is_too_large_or_tears_an_app() -> (
    None
):
    sizes = {"a": 60, "b": 60, "c": 99, "d": 1, "e": 250, "f": 20}
    writes = [
        Write(app, str(number), None, {}) for app, count in sizes.items() for number in range(count)
    ]

    made = list(chunks(writes))

    assert [one for chunk in made for one in chunk.writes] == writes
    assert all(len(chunk.writes) + len(chunk.begun) <= 100 for chunk in made)
    for app in "abcdf":
        assert sum(any(one.app == app for one in chunk.writes) for chunk in made) == 1
    assert [app for chunk in made for app in sorted(chunk.begun)] == list("abcdef")


def test_given_a_compiler_that_says_nothing_when_applied_then_it_is_said_that_it_is_written(
    run: Commands, tmp_path: Path
) -> None:
    run.compiles = False
    write_files(tmp_path, {"school/a.yaml": deny()})

    ran = run("apply", tmp_path, "--yes", "--wait", "1")

    assert ran.status == ExitStatus.FAILED
    assert "are written, but were not compiled within 1 s" in ran.error
    assert run.ids("school") == ["no"]


def test_given_an_edit_outside_when_diffed_then_it_shows_and_its_types_do_not(
    run: Commands, tmp_path: Path
) -> None:
    write_files(tmp_path, {"school/a.yaml": deny("a", ["call", "playStream"])})
    run("apply", tmp_path, "--yes")
    same = {"app": {"S": "school"}, "id": {"S": "a"}, "action": {"S": "deny"}}
    run.aws.dynamodb.put_item(
        TableName="Policies", Item={**same, "method": {"SS": ["playStream", "call"]}}
    )

    alike = run("diff", tmp_path)
    run.aws.put_policies("school", deny("by-hand"))
    run.aws.put_policies("elsewhere", deny("unknown"))
    differing = run("--json", "diff", tmp_path)

    assert alike.status == 0, alike.out
    assert differing.status == ExitStatus.FAILED
    assert [(one["id"], one["change"]) for one in differing.json["changes"]] == [
        ("by-hand", "removed")
    ]
    assert differing.json["withoutFolder"] == {"elsewhere": ["unknown"]}


def test_given_numbers_of_38_digits_when_applied_and_exported_then_they_are_exact(
    run: Commands, tmp_path: Path
) -> None:
    text = (
        "id: a\nmethod: call\naction: override\nset:\n"
        "  big: 12345678901234567890123456789012345678\n"
        "  small: 0.1234567890123456789012345678901234567\n  rate: 0.10\n  huge: 1e30\n"
        "  until: '2030-01-31'\n  word: 'off'\n"
    )
    write_files(tmp_path / "in", {"school/a.yaml": text})
    assert run("apply", tmp_path / "in", "--yes").status == 0

    run("export", tmp_path / "out")
    again = run("diff", tmp_path / "out")

    exported = (tmp_path / "out" / "school" / "a.yaml").read_text()
    stored = run.aws.dynamodb.get_item(
        TableName="Policies", Key={"app": {"S": "school"}, "id": {"S": "a"}}
    )["Item"]["set"]["M"]
    assert stored["big"] == {"N": "12345678901234567890123456789012345678"}
    assert stored["small"] == {"N": "0.1234567890123456789012345678901234567"}
    assert "big: 12345678901234567890123456789012345678\n" in exported
    assert "small: 0.1234567890123456789012345678901234567\n" in exported
    assert "rate: 0.1\n" in exported
    assert "until: '2030-01-31'\n" in exported
    assert "word: 'off'\n" in exported
    assert again.status == 0, again.out


def test_given_a_directory_with_something_in_it_when_exported_then_it_is_left_alone(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("school", deny())
    write_files(tmp_path, {"school/no.yaml": "# a comment\n"})

    ran = run("export", tmp_path)

    assert ran.status == ExitStatus.USAGE
    assert (tmp_path / "school" / "no.yaml").read_text() == "# a comment\n"


def test_given_versions_when_rolled_back_then_the_old_policies_are_in_the_table_and_in_force(
    run: Commands,
) -> None:
    run.enforce("school", deny("a"), deny("b"))
    run.aws.delete_policy("school", "b")
    run.enforce("school", deny("a", reason="new"), deny("c"))

    versions = run("--json", "history", "school").json
    shown = run("show", "school", 1)
    ran = run("rollback", "school", 1, "--yes")

    assert [(one["version"], one["inForce"]) for one in versions] == [(2, True), (1, False)]
    assert versions[0]["changed"]["removed"] == {"count": 1, "first": ["b"]}
    assert "id: b" in shown.out
    assert "school: version 3 is active" in ran.out
    assert run.ids("school") == ["a", "b"]
    assert run("history", "school").out.splitlines()[1].endswith("active")
    assert run("rollback", "school", 9, "--yes").status == ExitStatus.NOT_FOUND


@pytest.mark.parametrize(
    "number",
    [
        "0.1234567890123456789012345678901234567",
        "12345678901234567890123456789012345678",
        "12345678901234567890",
        "0.1",
        "100",
        "-0.000000015",
    ],
)
def test_given_a_number_of_many_digits_when_rolled_back_then_the_table_has_the_very_same_item(
    run: Commands, number: str
) -> None:
    def stored() -> Any:
        key: Any = {"app": {"S": "school"}, "id": {"S": "o"}}
        return run.aws.dynamodb.get_item(TableName=POLICIES, Key=key)["Item"]

    item: Any = {
        **{name: {"S": value} for name, value in override("o").items() if name != "set"},
        "app": {"S": "school"},
        "priority": {"N": "100"},
        "match": {"M": {"n": {"L": [{"N": number}]}}},
        "set": {"M": {"n": {"N": number}}},
    }
    run.aws.dynamodb.put_item(TableName=POLICIES, Item=item)
    run.enforce("school")
    before = stored()
    run.enforce("school", override("o"))

    ran = run("rollback", "school", 1, "--yes")

    assert ran.status == 0, ran.error
    assert stored() == before == item


def test_given_a_pin_when_set_and_released_then_the_version_is_held_meanwhile(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("school", deny("a"))
    run.enforce("school", deny("b"))
    write_files(tmp_path, {"school/a.yaml": deny("c")})

    pinned = run("pin", "school", 1)
    applied = run("apply", tmp_path, "--yes")
    held = run("--json", "list", "--app", "school").json
    released = run("unpin", "school")

    assert "version 1 is pinned and active" in pinned.out
    # What it wrote does not decide anything yet.
    assert applied.status == ExitStatus.FAILED
    assert "version 1 is pinned and stays active" in applied.out
    assert (held["apps"][0]["version"], held["apps"][0]["pinned"]) == (1, 1)
    assert [(one["id"], one["inForce"]) for one in held["policies"]] == [("c", "new")]
    assert "released; version 3 is active" in released.out
    assert run("unpin", "school").status == ExitStatus.NOT_FOUND
    assert run("pin", "school", 7).status == ExitStatus.NOT_FOUND


def test_given_policies_when_put_got_and_deleted_then_the_others_stay(
    run: Commands, tmp_path: Path
) -> None:
    run.enforce("school", deny("other"))
    write_files(tmp_path, {"school/a.yaml": override("mine", set={"n": 1})})

    put = run("put", tmp_path / "school" / "a.yaml")
    got = run("--json", "get", "school", "mine")
    deleted = run("delete", "school", "mine", "--yes")

    assert put.status == 0
    assert got.json["set"] == {"n": 1}
    assert deleted.status == 0
    assert run.ids("school") == ["other"]
    assert run("get", "school", "mine").status == ExitStatus.NOT_FOUND
    assert run("delete", "school", "mine", "--yes").status == ExitStatus.NOT_FOUND


def test_given_a_no_when_policies_are_put_then_the_difference_was_shown_and_nothing_is_written(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"school/a.yaml": deny("mine")})
    _answer(monkeypatch)

    refused = run("put", tmp_path / "school" / "a.yaml", typed="n\n")
    before = run.ids("school")
    put = run("put", tmp_path / "school" / "a.yaml", "--yes")

    assert refused.status == ExitStatus.FAILED
    assert "+ school mine" in refused.out
    assert before == []
    assert put.status == 0
    assert run.ids("school") == ["mine"]


def test_given_edited_new_and_off_policies_when_listed_then_each_says_what_is_in_force(
    run: Commands,
) -> None:
    run.enforce("school", deny("a"), deny("b"), deny("idle", mode="off"))
    run.aws.put_policies("school", deny("b", reason="not yet"), deny("d", when="nonsense("))

    listed = run("--json", "list").json
    shown = run("list").out

    assert {one["id"]: one["inForce"] for one in listed["policies"]} == {
        "a": "yes",
        "b": "edited",
        "d": "new",
        "idle": "off",
    }
    assert "school: version 1 active, 4 policies, ok" in shown
    assert run("list", "--app", "nobody").status == ExitStatus.NOT_FOUND


_EDITOR = """#!/bin/sh
n=$(cat {count} 2>/dev/null || echo 0); n=$((n + 1)); echo $n > {count}
cp "$1" {seen}.$n
{meanwhile}
case $n in {steps} esac
"""


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """An editor that does one thing after another; gives where what it was shown is kept."""

    def make(*steps: str) -> Path:
        script, seen = tmp_path / "editor.sh", tmp_path / "seen"
        cases = " ".join(f"{number}) {step};;" for number, step in enumerate(steps, 1))
        count = tmp_path / "count"
        script.write_text(_EDITOR.format(count=count, seen=seen, meanwhile="", steps=cases))
        script.chmod(0o700)
        monkeypatch.setenv("EDITOR", str(script))
        return seen

    return make


def test_given_a_mistake_when_edited_then_it_is_asked_again_with_the_finding_on_top(
    run: Commands, editor: Callable[..., Path]
) -> None:
    run.enforce("school", deny("a"))
    seen = editor(
        "echo 'when: body.name ==' >> $1", "sed -i 's/^when.*/when: body.name == \"x\"/' $1"
    )

    ran = run("edit", "school", "a")

    assert ran.status == 0, ran.error
    assert "version 2 is active" in ran.out
    assert "#|" in Path(f"{seen}.2").read_text()
    assert "when: " in Path(f"{seen}.2").read_text().split("id: a")[0]
    assert "^" in Path(f"{seen}.2").read_text().split("id: a")[0]
    item = run.aws.policy_item("school", "a")
    assert item is not None
    assert item["when"] == 'body.name == "x"'


def test_given_no_change_when_edited_then_it_is_said(
    run: Commands, editor: Callable[..., Path]
) -> None:
    run.enforce("school", deny("a"))
    editor("true")

    ran = run("edit", "school", "a")

    assert (ran.status, ran.out.strip()) == (0, "Nothing to do: the table holds just this.")


def test_given_a_mistake_that_is_left_when_edited_then_nothing_is_written_and_the_text_is_kept(
    run: Commands, editor: Callable[..., Path]
) -> None:
    run.enforce("school", deny("a"))
    editor("echo 'colour: red' >> $1", "true")

    ran = run("edit", "school", "a")

    assert ran.status == ExitStatus.FAILED
    kept = Path(ran.error.split("kept in ")[1].rstrip("."))
    assert "colour: red" in kept.read_text()
    kept.unlink()
    item = run.aws.policy_item("school", "a")
    assert item is not None
    assert "colour" not in item


def test_given_somebody_else_edits_meanwhile_when_edited_then_it_is_a_conflict(
    run: Commands, editor: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run.enforce("school", deny("a"))
    editor("echo 'note: mine' >> $1")
    opened = policy_apply.Editing.lint

    def lint(*arguments: Any) -> Any:
        run.aws.put_policies("school", deny("a", note="theirs"))
        return opened(*arguments)

    monkeypatch.setattr(policy_apply.Editing, "lint", lint)

    ran = run("edit", "school", "a")

    assert ran.status == ExitStatus.CONFLICT
    item = run.aws.policy_item("school", "a")
    assert item is not None
    assert item["note"] == "theirs"
