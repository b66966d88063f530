"""What the console answers its page: commands' results, questions and errors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from httpx2 import Response
from moto import mock_aws
from starlette.testclient import TestClient
from typer.core import TyperGroup
from typer.main import get_command

from tests.support.aws_tables import Aws
from tests.support.policy_items import deny, policy
from tests.wcsctl.policy_commands import Commands
from wcsctl import cli
from wcsctl.commands.asking import ask
from wcsctl.console.application import Console
from wcsctl.console.command_routes import READS, WRITES, CommandRoute
from wcsctl.console.command_runner import CapturedOutput, CommandRunner, NotAgreedError
from wcsctl.console.text_places import TextPlaces
from wcsctl.deployment import Deployment
from wcsctl.errors import UsageError

_ROUTES: Final = {**READS, **WRITES}


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """Other people, who use the command line."""
    with mock_aws():
        yield Commands(Aws.set_up("s" * 40), monkeypatch)


@pytest.fixture
def page(others: Commands, tmp_path: Path) -> TestClient:
    return _page(others, tmp_path)


def _page(others: Commands, tests: Path | None = None, *, read_only: bool = False) -> TestClient:
    del others
    runner = CommandRunner(Deployment.stack("", None, None), ["--stack", "school"])
    console = Console(runner, tests, lambda: False, read_only=read_only)
    return TestClient(console.application(), raise_server_exceptions=False)


def _loaded(page: TestClient, **which: str) -> dict[str, Any]:
    value: dict[str, Any] = page.get("/api/policy", params=which).json()["value"]
    return value


def _edit(page: TestClient, text: str, policy_id: str | None = "no") -> dict[str, Any]:
    which = {"app": "school"} | ({"id": policy_id} if policy_id else {})
    return {**which, "text": text, "seen": _loaded(page, **which)["seen"], "message": "Why not"}


def _yes_to(page: TestClient, path: str, body: dict[str, Any]) -> str:
    """The answer yes to the question that a request leads to."""
    asked = page.post(path, json=body)
    assert asked.status_code == 428, asked.text
    agreed: str = asked.json()["question"]["agreed"]
    return agreed


def _agree(page: TestClient, path: str, body: dict[str, Any]) -> Response:
    return page.post(path, json={**body, "agreed": _yes_to(page, path, body)})


@pytest.mark.parametrize("route", _ROUTES.values(), ids=_ROUTES)
def test_given_a_route_then_the_command_line_has_all_that_it_names(route: CommandRoute) -> None:
    command: Any = get_command(cli.app)
    for word in route.words:
        assert isinstance(command, TyperGroup)
        command = command.commands[word]

    arguments = [one.nargs for one in command.params if one.param_type_name == "argument"]
    options = {text for one in command.params for text in (*one.opts, *one.secondary_opts)}
    assert len(route.arguments) <= len(arguments)
    assert {f"--{name}" for name in (*route.options, *route.flags)} <= options


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("diff", {"app": "/etc"}),
        ("diff", {"first": "policies"}),
        ("row", {"list": "users", "reveal": True}),
        ("rows/put", {"list": "users", "key": "", "fields": {"plan": "pro"}}),
        ("rows/put", {"list": "users", "key": "anna", "fields": {"plan=x": "pro"}}),
        ("rows/put", {"list": "users", "key": "anna", "fields": {"plan.x": "pro"}}),
        ("policy/delete", {"ids": ["a", "b"]}),
    ],
)
def test_given_a_parameter_that_is_missing_then_no_other_one_is_taken_for_it(
    name: str, given: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        _ROUTES[name].line(given)


def test_given_a_policy_when_it_is_published_then_the_page_asks_and_says_which_version_is_active(
    page: TestClient, others: Commands
) -> None:
    others.enforce("school", deny(reason="before"))
    edit = _edit(page, "id: no\nmethod: call\naction: deny\nreason: after\n")

    asked = page.post("/api/policy/publish", json=edit).json()
    done = page.post("/api/policy/publish", json={**edit, "agreed": asked["question"]["agreed"]})

    assert asked["question"]["text"] == "Write to test?"
    [change] = asked["question"]["changes"]
    assert change["attributes"]["reason"] == {"before": "before", "after": "after"}
    assert done.json()["value"]["apps"][0]["version"] == 2
    assert done.json()["command"] == (
        "wcsctl --stack school policy edit school no --message 'Why not'"
    )
    history = page.get("/api/versions", params={"app": "school"}).json()["value"]
    assert [(one["version"], one["message"]) for one in history] == [(2, "Why not"), (1, "")]


def test_given_a_yes_to_one_text_when_another_is_published_then_it_is_asked_anew(
    page: TestClient, others: Commands
) -> None:
    others.enforce("school", deny(reason="before"))
    edit = _edit(page, "id: no\nmethod: call\naction: deny\nreason: harmless\n")
    agreed = _yes_to(page, "/api/policy/publish", edit)

    another = {**edit, "text": "id: no\nmethod: call\naction: echo\n", "agreed": agreed}
    asked = page.post("/api/policy/publish", json=another)

    assert asked.status_code == 428
    assert asked.json()["question"]["agreed"] != agreed
    assert _loaded(page, app="school", id="no")["policy"]["reason"] == "before"


def test_given_somebody_who_edits_meanwhile_when_the_page_publishes_then_theirs_stays(
    page: TestClient, others: Commands
) -> None:
    others.enforce("school", deny(reason="before"))
    edit = _edit(page, "id: no\nmethod: call\naction: deny\nreason: mine\n")
    agreed = _yes_to(page, "/api/policy/publish", edit)
    others.enforce("school", deny(reason="theirs"))

    refused = page.post("/api/policy/publish", json={**edit, "agreed": agreed})

    assert refused.status_code == 409
    assert "Somebody else edited the policies of app school" in refused.json()["error"]["message"]
    assert _loaded(page, app="school", id="no")["policy"]["reason"] == "theirs"


def test_given_a_console_that_was_started_anew_when_an_old_text_is_published_then_it_is_a_conflict(
    page: TestClient, others: Commands, tmp_path: Path
) -> None:
    others.enforce("school", deny())
    edit = _edit(page, "id: no\nmethod: call\naction: deny\nreason: mine\n")

    refused = _page(others, tmp_path).post("/api/policy/publish", json=edit)

    assert refused.status_code == 409
    assert "Load the policy again" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("policy_id", "text", "message"),
    [
        ("no", "id: other\nmethod: call\naction: deny\n", "id: must be no, not other"),
        ("no", "", "id: must be no, not missing"),
        (None, "id: no\nmethod: call\naction: deny\n", "already has a policy no"),
        (None, "id: new\nmethod: call\naction: refuse\n", "1 error in the policies"),
        (None, "id: [", "the text:"),
        (None, "app: live\nid: new\nmethod: call\naction: deny\n", "1 error in the policies"),
    ],
)
def test_given_a_text_that_cannot_be_published_when_it_is_then_nothing_is_written(
    page: TestClient, others: Commands, policy_id: str | None, text: str, message: str
) -> None:
    others.enforce("school", deny())

    refused = page.post("/api/policy/publish", json=_edit(page, text, policy_id))

    assert message in refused.json()["error"]["message"]
    assert refused.status_code in {400, 422}
    assert others.ids("school") == ["no"]


def test_given_a_mistake_when_the_text_is_checked_then_it_is_underlined_where_it_is(
    page: TestClient, others: Commands
) -> None:
    others.enforce("school", deny())
    text = "id: no\nmethod: call\naction: deny\nwhen: body.callee.size( > 3\n"

    checked = page.post("/api/lint", json=_edit(page, text)).json()["value"]

    [finding] = checked["findings"]
    assert (finding["level"], finding["attribute"]) == ("error", "when")
    assert finding["from"] == {"line": 4, "column": 7}
    assert finding["to"] == {"line": 4, "column": 28}


def test_given_no_yaml_when_the_text_is_checked_then_the_line_is_named(page: TestClient) -> None:
    checked = page.post("/api/lint", json=_edit(page, "id: no\nmethod: [", None)).json()["value"]

    [finding] = checked["findings"]
    assert finding["level"] == "error"
    assert finding["from"]["line"] in {2, 3}


def test_given_many_policies_when_one_is_checked_then_the_others_are_not_compiled(
    page: TestClient, others: Commands
) -> None:
    others.aws.put_policies("school", *(deny(f"p{n}", when="body.a == 1") for n in range(1_000)))
    edit = _edit(page, "id: p7\nmethod: call\naction: deny\nwhen: body.b == 2\n", "p7")
    page.post("/api/lint", json=edit)

    checked = page.post("/api/lint", json=edit).json()["value"]

    assert checked["findings"] == []
    assert checked["milliseconds"] < 100


def test_given_the_apps_folder_when_its_tests_run_then_they_meet_the_edited_text(
    page: TestClient, others: Commands, tmp_path: Path
) -> None:
    others.enforce("school", deny(reason="before"))
    (tmp_path / "school").mkdir()
    hook = "hook: {method: call, body: {callee: '1'}}\n  session: {}"
    test = f"- name: Nobody calls\n  {hook}\n  expect: {{action: deny, reason: after}}\n"
    (tmp_path / "school" / "calls.test.yaml").write_text(test)
    text = "id: no\nmethod: call\naction: deny\nreason: {}\n"

    passed = page.post("/api/test", json=_edit(page, text.format("after"))).json()["value"]
    failed = page.post("/api/test", json=_edit(page, text.format("other"))).json()["value"]

    assert passed["ok"]
    assert [one["name"] for one in passed["results"]] == ["Nobody calls"]
    assert not failed["ok"]
    assert "after" in failed["results"][0]["differences"][0]


def test_given_a_console_that_only_reads_when_anything_is_written_then_it_is_refused(
    others: Commands,
) -> None:
    others.enforce("school", deny())
    page = _page(others, read_only=True)
    edit = _edit(page, "id: no\nmethod: call\naction: echo\n")

    refused = {
        path: page.post(f"/api/{path}", json=edit).status_code
        for path in ("policy/publish", *WRITES)
    }

    assert set(refused.values()) == {403}
    assert page.post("/api/lint", json=edit).status_code == 200
    assert "--read-only" in page.post("/api/policy/publish", json=edit).json()["error"]["message"]


def test_given_a_deletion_when_it_is_agreed_to_then_the_policy_is_gone(
    page: TestClient, others: Commands
) -> None:
    others.enforce("school", deny(), deny("kept"))

    done = _agree(page, "/api/policy/delete", {"app": "school", "ids": ["no"]})

    assert done.json()["value"]["apps"][0]["version"] == 2
    assert others.ids("school") == ["kept"]


def test_given_a_rollback_when_it_is_agreed_to_then_the_old_policies_are_active(
    page: TestClient, others: Commands
) -> None:
    others.enforce("school", deny(reason="first"))
    others.enforce("school", deny(reason="second"))

    done = _agree(page, "/api/versions/rollback", {"app": "school", "previous": True})

    assert done.json()["command"] == "wcsctl --stack school policy rollback --previous school"
    history = page.get("/api/versions", params={"app": "school", "limit": "5"}).json()
    assert history["command"] == "wcsctl --stack school policy history --limit 5 school"
    assert _loaded(page, app="school", id="no")["policy"]["reason"] == "first"


def test_given_more_changes_than_are_shown_when_another_one_changes_then_it_is_asked_anew() -> None:
    def asked(changes: list[int], agreed: str) -> CapturedOutput:
        output = CapturedOutput(agreed)
        output.preview(changes)
        ask(output, "Write to test?")
        return output

    with pytest.raises(NotAgreedError) as first:
        asked([*range(60)], "")
    agreed = first.value.question.agreed

    assert first.value.question.about == [*range(50)]
    assert not asked([*range(60)], agreed).remarks
    with pytest.raises(NotAgreedError):
        asked([*range(59), 99], agreed)


def test_given_words_of_others_when_a_command_is_copied_then_nothing_steers_the_terminal(
    others: Commands,
) -> None:
    del others
    runner = CommandRunner(Deployment.stack("", None, None))

    line = runner.line(["ban", "--reason=it's\x03\r\x1b[201~", "--", "--a=\u202eb"])

    assert line == r"wcsctl ban --reason $'it\'s\x03\r\x1b[201~' -- $'--a=\u202eb'"


def test_given_everything_that_can_be_read_then_no_answer_has_the_aws_credentials(
    others: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "access-key-of-the-operator")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-token-of-the-operator")
    others.enforce("school", deny())
    page = _page(others)
    given = {"app": "school", "id": "no", "version": "1", "list": "bans", "first": "1"}

    own = ("session", "trend", "policy", "recipes", "vocabulary", "version", "examples", "lists")
    answers = [page.get(f"/api/{path}", params=given).text for path in (*READS, *own)]

    assert not [one for one in answers if "Not found" in one]
    assert not [one for one in answers if "of-the-operator" in one]


@pytest.mark.parametrize(
    ("path", "given", "status", "message"),
    [
        ("versions", {"app": "live"}, 404, "No policies of app live were ever active."),
        ("versions", {"app": "--help"}, 404, "No policies of app --help were ever active."),
        ("versions", {}, 400, "The parameter app is missing."),
        ("versions", {"app": "live", "yes": "1"}, 400, "Unknown parameter yes."),
        ("versions", {"app": "live", "limit": "x"}, 400, "valid integer"),
        ("policy", {}, 400, "The parameter app is missing."),
        ("version", {"app": "live", "version": "x"}, 400, "version must be a number"),
        ("nothing", {}, 404, "Not found: /api/nothing"),
    ],
)
def test_given_a_wrong_request_when_it_is_answered_then_the_error_names_the_thing(
    page: TestClient, path: str, given: dict[str, str], status: int, message: str
) -> None:
    answer = page.get(f"/api/{path}", params=given)

    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize("wrong", [None, 1, ["x"], {"a": 1}])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("lint", one) for one in ("app", "id", "text", "seen")),
        *(("try", one) for one in ("method", "body", "connect", "at", "claims", "candidate")),
        *(("policy/publish", one) for one in ("app", "text", "message")),
        *(("policy/delete", one) for one in ("app", "ids")),
        *(("versions/pin", one) for one in ("app", "version")),
    ],
)
def test_given_json_of_a_wrong_type_when_it_is_sent_then_no_answer_is_a_fault(
    page: TestClient, path: str, name: str, wrong: object
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "lint": {"app": "school", "id": "no", "text": "id: no", "seen": "x"},
        "try": {"method": "call", "body": '{"appKey": "school"}'},
        "policy/publish": {"app": "school", "text": "id: no", "seen": "x", "message": "why"},
        "policy/delete": {"app": "school", "ids": ["no"]},
        "versions/pin": {"app": "school", "version": 1},
    }

    answer = page.post(f"/api/{path}", json={**bodies[path], name: wrong})

    assert answer.status_code < 500, answer.text


def test_given_a_fault_of_ours_when_it_is_answered_then_the_page_learns_nothing_of_it(
    page: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("s3cret")

    monkeypatch.setattr("wcsctl.console.application.list_names", fail)
    answer = page.get("/api/lists")

    assert answer.status_code == 500
    assert "s3cret" not in answer.text


def test_given_a_policy_with_control_characters_when_it_is_shown_then_they_arrive(
    page: TestClient, others: Commands
) -> None:
    others.enforce("school", policy("odd", action="echo", note="\x1b[2J"))

    answer = page.get("/api/policy", params={"app": "school", "id": "odd"})

    assert json.loads(answer.content)["value"]["policy"]["note"] == "\x1b[2J"


@pytest.mark.parametrize(
    ("attribute", "line", "column"),
    [
        ("when", 4, 9),
        ("match.custom.role", 6, 18),
        ("limit.by", 8, 9),
        ("lookup.ban.key", 10, 25),
        ("nothing", 1, 7),
        ("method[1]", 2, 11),
    ],
)
def test_given_an_attribute_when_it_is_looked_for_then_the_place_is_that_of_its_value(
    attribute: str, line: int, column: int
) -> None:
    text = (
        "- id: no\n"
        "  method: [call, answer]\n"
        "  action: deny\n"
        "  when: 'true'\n"
        "  match:\n"
        "    custom.role: pupil\n"
        "  limit:\n"
        "    by: body.user\n"
        "  lookup:\n"
        "    ban: {list: b, key: body.user}\n"
        "- id: other\n"
    )

    found = TextPlaces(text).place("no", attribute)

    assert found is not None
    assert (found[0]["line"], found[0]["column"]) == (line, column)
