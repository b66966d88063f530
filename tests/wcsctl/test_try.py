"""`wcsctl try`: what would be answered to a hook, why, and what a candidate would change."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws_tables import SESSIONS
from tests.support.fake_clock import FakeClock
from tests.support.operated_stack import OperatedStack, operated
from tests.support.policy_items import configure, deny, override, policy
from tests.unit.tokens.issuer import ISSUER, SECRET, jwk, public_key, token
from wcs_hooks.adapters.dynamo_keys import DynamoKeyStore
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.adapters.dynamo_sessions import DynamoSessions
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.ports import SessionKey, SessionRecord
from wcsctl.errors import UsageError

_BODY = {"appKey": "live", "nodeId": "n1", "sessionId": "s1", "name": "private-1"}
_DAY = 86_400


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as stack:
        stack.outputs["SessionsTableName"] = SESSIONS
        yield stack


def _in_force(stack: OperatedStack, app: str, *policies: Any) -> None:
    stack.aws.put_policies(app, *policies)
    clock = SystemClock()
    store = DynamoPolicyStore(stack.aws.dynamodb, "Policies", "PolicySnapshots", 30, clock)
    assert PolicyCompiler(store, clock).compile(app).ok


def _file(tmp_path: Path, content: Any, name: str = "body.json") -> str:
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


def _candidate(tmp_path: Path, text: str, app: str = "live") -> str:
    folder = tmp_path / "candidate" / app
    folder.mkdir(parents=True)
    (folder / "policies.yaml").write_text(text)
    return str(tmp_path / "candidate")


def _considered(said: Any) -> dict[str, tuple[str, str]]:
    return {one["policy"]: (one["outcome"], one["detail"]) for one in said["considered"]}


def test_given_policies_in_force_then_each_tells_whether_it_applies_and_what_does_not_hold(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(
        stack,
        "live",
        override("too-late", notAfter="2020-01-01", priority=1),
        override("other-name", match={"name": "public-1"}, priority=2),
        override("has-role", when="body.custom.role == 'x'", priority=3),
        override("is-long", when="size(body.name) > 20", priority=4),
        override("no-value", compute={"name": "body.title"}, priority=5),
        deny("private", when="body.name.startsWith('private-')", priority=6, reason="Private."),
        policy("after", priority=7),
        deny("asleep", mode="off"),
        deny("for-calls", "call"),
    )
    _in_force(stack, "*", override("for-every-app", priority=0, set={"record": True}))
    words = ("-f", _file(tmp_path, _BODY), "--session", _file(tmp_path, {}, "connect.json"))

    said = stack.json("try", "publishStream", *words)["inForce"]

    found = _considered(said)
    assert next(iter(found)) == "for-every-app"
    assert {name: outcome for name, (outcome, _) in found.items()} == {
        "for-every-app": "applied",
        "too-late": "window",
        "other-name": "match",
        "has-role": "when",
        "is-long": "when",
        "no-value": "compute",
        "private": "applied",
        "after": "not reached",
        "asleep": "off",
    }
    assert found["other-name"][1] == "name is another"
    assert "custom" in found["has-role"][1]
    assert found["is-long"][1] == "is false: size(body.name) > 20"
    assert "title" in found["no-value"][1]
    assert (said["answer"], said["status"], said["reason"]) == ("deny", 403, "Private.")
    assert said["versions"] == {"live": 1, "*": 1}
    assert (said["restOnError"], said["outcome"]) == ("FAIL", "aborted")
    assert said["restClientConfig"]["restOverwrite"] == "name,record"


def test_given_an_unknown_session_then_the_denial_is_suppressed_and_the_rule_is_told(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", deny("no"))
    words = ("try", "publishStream", "-f", _file(tmp_path, _BODY))

    said = stack.json(*words)["inForce"]
    shown = stack.run(*words).output

    assert (said["answer"], said["status"], said["outcome"]) == ("suppressed", 200, None)
    assert "never seen at connect" in " ".join(shown.split())


def test_given_the_setting_as_client_then_an_unknown_session_is_denied(tmp_path: Path) -> None:
    with operated(REST_API_CALLS="as-client") as stack:
        stack.outputs["SessionsTableName"] = SESSIONS
        _in_force(stack, "live", deny("no"))

        said = stack.json("try", "publishStream", "-f", _file(tmp_path, _BODY))["inForce"]

    assert said["answer"] == "deny"


def test_given_a_recorded_session_then_policies_see_it_and_its_connect_said_what_wcs_does(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", deny("pupils", when="session.custom.role == 'pupil'"))
    # It connected when nothing was refused.
    record = SessionRecord({"custom": {"role": "pupil"}}, {}, frozenset())
    clock = FakeClock(SystemClock().now())
    sessions = DynamoSessions(stack.aws.dynamodb, SESSIONS, 7 * _DAY, clock)
    sessions.record(SessionKey("n1", "s1"), record, Deadline(SystemClock(), 5))
    [before] = stack.aws.sessions()
    words = ("try", "publishStream", "-f", _file(tmp_path, _BODY), "--session", "recorded")

    said = stack.json(*words)["inForce"]

    assert (said["answer"], said["restOnError"], said["outcome"]) == ("deny", "LOG", "continued")
    assert stack.aws.sessions() == [before]


def test_given_fields_and_a_connect_then_it_is_decided_as_send_would_have_it_answered(
    stack: OperatedStack,
) -> None:
    _in_force(
        stack,
        "school",
        deny("pupils", when="session.custom.role != 'teacher'", whenError="skip", reason="No."),
    )
    words = ("try", "publishStream", "name=lesson", "appKey=school")

    pupil = stack.json(*words, "--connect", "custom.role=pupil")["inForce"]
    teacher = stack.json(*words, "--connect", "custom.role=teacher")["inForce"]
    nobody = stack.json(*words)["inForce"]

    assert (pupil["answer"], pupil["reason"], pupil["outcome"]) == ("deny", "No.", "aborted")
    assert teacher["answer"] == "echo"
    assert "custom" in _considered(nobody)["pupils"][1]


def test_given_fields_and_a_connect_then_the_session_connects_at_that_moment(
    stack: OperatedStack,
) -> None:
    _in_force(stack, "live", deny("one-hour", when="now - connectedAt > duration('1h')"))
    words = ("try", "publishStream", "name=lesson", "--app", "live", "-c", "custom.role=pupil")

    now = stack.json(*words)["inForce"]
    later = stack.json(*words, "--at", "2099-01-01T12:00:00Z")["inForce"]

    assert (now["answer"], later["answer"]) == ("echo", "echo")
    assert _considered(now)["one-hour"][0] == _considered(later)["one-hour"][0] == "when"


def test_given_a_body_that_names_a_session_then_it_is_the_recorded_one(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", deny("pupils", when="session.custom.role == 'pupil'"))
    record = SessionRecord({"custom": {"role": "pupil"}}, {}, frozenset())
    clock = SystemClock()
    sessions = DynamoSessions(stack.aws.dynamodb, SESSIONS, 7 * _DAY, clock)
    sessions.record(SessionKey("n1", "s1"), record, Deadline(clock, 5))

    by_file = stack.json("try", "publishStream", "-f", _file(tmp_path, _BODY))["inForce"]
    by_fields = stack.json("try", "publishStream", *(f"{k}={v}" for k, v in _BODY.items()))
    shown = stack.json("try", "publishStream", "-f", _file(tmp_path, _BODY), "--session", "unknown")

    assert by_file["answer"] == by_fields["inForce"]["answer"] == "deny"
    assert shown["inForce"]["answer"] == "suppressed"


def test_given_a_moment_then_windows_go_by_it(stack: OperatedStack, tmp_path: Path) -> None:
    _in_force(stack, "live", override("show", notBefore="2030-01-01", set={"record": True}))
    words = ("try", "publishStream", "-f", _file(tmp_path, _BODY))

    assert stack.json(*words)["inForce"]["answer"] == "echo"
    then = stack.json(*words, "--at", "2030-01-01T10:00:00")["inForce"]

    assert then["answer"] == "override"
    assert then["changed"] == {"record": {"was": None, "becomes": True, "isNew": True}}


def test_given_an_override_of_secrets_then_they_are_shown_only_on_demand(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(
        stack,
        "live",
        override("sip", "connect", set={"sipPassword": "hunter2", "sipPort": 5060}),
        configure("hide", "ConnectionStatusEvent", clientExclude="sipPassword"),
    )
    words = ("try", "connect", "-f", _file(tmp_path, _BODY))

    masked, revealed = stack.run(*words).output, stack.run(*words, "--reveal").output

    assert "hunter2" not in masked
    assert "sipPort: (new) → 5060" in masked
    assert "hunter2" in revealed
    config = stack.json(*words)["inForce"]["restClientConfig"]["restClientConfig"]
    assert config["ConnectionStatusEvent"]["clientExclude"] == "sipPassword"


def test_given_another_app_then_its_policies_decide(stack: OperatedStack, tmp_path: Path) -> None:
    _in_force(stack, "school", override("x", set={"record": True}))
    words = ("try", "publishStream", "-f", _file(tmp_path, _BODY))

    assert stack.json(*words)["inForce"]["answer"] == "echo"
    assert stack.json(*words, "--app", "school")["inForce"]["answer"] == "override"


def test_given_a_candidate_then_it_is_compared_with_what_is_in_force(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", deny("no", status=403))
    _in_force(stack, "*", override("record", priority=0, set={"record": True}))
    candidate = _candidate(tmp_path, "{id: other, method: call, action: deny}")
    session = _file(tmp_path, {}, "connect.json")
    words = ("-f", _file(tmp_path, _BODY), "--session", session, "--candidate", candidate)

    said = stack.json("try", "publishStream", *words)

    assert said["changed"]
    assert said["inForce"]["answer"] == "deny"
    # The files have nothing for every app, so that stays active.
    assert said["candidate"]["answer"] == "override"
    assert said["candidate"]["policies"] == ["*/record"]
    assert "The reply changes" in stack.run("try", "publishStream", *words).output


def test_given_a_candidate_with_an_error_then_its_file_is_named(
    stack: OperatedStack, tmp_path: Path
) -> None:
    candidate = _candidate(tmp_path, "{id: x, method: call, action: refuse}")
    words = ("try", "call", "-f", _file(tmp_path, _BODY), "--candidate", candidate)

    result = stack.run(*words)

    assert "live/policies.yaml: x: action" in str(result.exception)


def test_given_dead_letters_when_they_are_replayed_then_changes_are_told_and_they_stay(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", override("record", set={"record": True}))
    stack.send(
        _letter("d-1", "publishStream", _BODY),
        _letter("d-2", "playHLS", _BODY),
        _letter("d-3", "publishStream", "{"),
        "no letter",
    )
    candidate = _candidate(tmp_path, "{id: no, method: playHLS, action: deny}")

    said = stack.json("try", "--candidate", candidate, "--replay", "dead-letters")

    assert (said["hooks"], said["changed"], said["undecidable"]) == (4, 2, 2)
    results = {one["hook"]: (one["inForce"], one["candidate"]) for one in said["results"]}
    assert results["d-1"] == ("override record (live/record)", "echo")
    assert results["d-2"] == ("echo", "deny 403 (live/no)")
    assert results["d-3"] == (None, None)
    assert stack.waiting() == 4


def test_given_lines_of_hooks_when_they_are_replayed_then_each_goes_by_its_session_and_moment(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", override("x", "call"))
    lines = [
        {"method": "publishStream", "body": _BODY, "session": {"custom": {"role": "pupil"}}},
        {"method": "publishStream", "body": _BODY, "session": None},
        {"method": "publishStream", "body": json.dumps(_BODY), "session": {}},
        {"method": "hangup", "body": _BODY, "session": {}, "at": "2020-01-01T00:00:00Z"},
        {"method": "hangup", "body": _BODY, "session": {}},
    ]
    candidate = _candidate(
        tmp_path,
        """
- {id: pupils, method: publishStream, action: deny, when: session.custom.role == 'pupil',
   whenError: skip}
- {id: once, method: hangup, action: override, set: {a: 1}, notBefore: 2022-01-01}
""",
    )
    file = _file(tmp_path, "\n".join(map(json.dumps, lines)), "hooks.jsonl")

    said = stack.json("try", "--candidate", candidate, "--replay", file)

    assert [one["changed"] for one in said["results"]] == [True, False, False, False, True]
    assert said["results"][0]["candidate"] == "deny 403 (live/pupils)"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--candidate", ".", "--replay", "decisions"], "holds no bodies"),
        (["--replay", "dead-letters"], "--replay needs --candidate"),
        (["publishStream"], "Give a METHOD and its body"),
        (["publishStream", "name=a", "-f", "b.json"], "as fields or as --file, not both"),
        (["publishStream", "name"], "'name' is not a field"),
        (["connect", "a=b", "-c", "a=b", "--session", "x"], "exclude each other"),
        (["publishStream", "-f", "nowhere.json"], "nowhere.json cannot be read"),
        (["publishStream", "-f", "nowhere.json", "--at", "noon"], "is not an ISO 8601 time"),
    ],
)
def test_given_words_that_do_not_fit_then_the_way_out_is_told(
    stack: OperatedStack, words: list[str], message: str
) -> None:
    result = stack.run("try", *words)

    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_given_a_line_that_is_no_hook_then_it_is_named(
    stack: OperatedStack, tmp_path: Path
) -> None:
    candidate = _candidate(tmp_path, "{id: no, method: playHLS, action: deny}")
    file = _file(tmp_path, '{"method": "call", "body": {}}\n{"method": "call"}', "hooks.jsonl")

    result = stack.run("try", "--candidate", candidate, "--replay", file)

    assert "hooks.jsonl:2 needs a body" in str(result.exception)


def test_given_a_method_that_is_not_known_then_it_says_so(
    stack: OperatedStack, tmp_path: Path
) -> None:
    result = stack.run("try", "publishstream", "-f", _file(tmp_path, _BODY))

    assert "is publishStream meant?" in " ".join(result.output.split())
    assert result.exit_code == 0


def test_given_a_session_in_a_file_then_policies_see_what_a_function_records_of_it(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", deny("admins-only", when="session.custom.role != 'admin'"))
    # The CEL runtime would cut it off at the NUL, and see an admin.
    session = _file(tmp_path, r'{"custom": {"role": "admin\u0000x"}}', "connect.json")

    said = stack.json("try", "publishStream", "-f", _file(tmp_path, _BODY), "--session", session)

    assert said["inForce"]["answer"] == "deny"


@pytest.mark.parametrize("given", ["file", "recorded"])
def test_given_connect_then_it_has_no_session_whatever_is_given(
    stack: OperatedStack, tmp_path: Path, given: str
) -> None:
    _in_force(stack, "live", deny("second-time", "connect", when="known"))
    record = SessionRecord({"custom": {}}, {}, frozenset())
    clock = SystemClock()
    sessions = DynamoSessions(stack.aws.dynamodb, SESSIONS, 7 * _DAY, clock)
    sessions.record(SessionKey("n1", "s1"), record, Deadline(clock, 5))
    session = given if given == "recorded" else _file(tmp_path, {"custom": {}}, "connect.json")

    said = stack.json("try", "connect", "-f", _file(tmp_path, _BODY), "--session", session)

    assert said["inForce"]["answer"] == "echo"


@pytest.mark.parametrize("order", [1, -1])
def test_given_lines_in_any_order_when_replayed_then_each_is_decided_as_of_its_own_moment(
    stack: OperatedStack, tmp_path: Path, order: int
) -> None:
    _in_force(stack, "live", deny("x", "call", mode="shadow"))
    candidate = _candidate(
        tmp_path, "{id: no, method: call, action: deny, notAfter: 2030-02-01T00:00:00Z}"
    )
    moments = ["2030-01-15T12:00:00Z", "2030-06-15T12:00:00Z"][::order]
    lines = [{"method": "connect", "body": _BODY, "at": at} for at in moments]
    file = _file(tmp_path, "\n".join(map(json.dumps, lines)), "hooks.jsonl")

    said = stack.json("try", "--candidate", candidate, "--replay", file)

    # restClientConfig asks for restOnError FAIL only while the denial may come.
    assert [one["changed"] for one in said["results"]] == [True, False][::order]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_given_a_moment_without_an_offset_when_replayed_then_it_is_utc(
    stack: OperatedStack, tmp_path: Path, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in_force(stack, "live", override("x", "call"))
    candidate = _candidate(
        tmp_path, "{id: r, method: hangup, action: override, set: {a: 1}, notBefore: 2030-01-01}"
    )
    line = {"method": "hangup", "body": _BODY, "session": {}, "at": "2030-01-01T01:00:00"}
    file = _file(tmp_path, line, "hooks.jsonl")
    monkeypatch.setenv("TZ", zone)
    time.tzset()

    try:
        said = stack.json("try", "--candidate", candidate, "--replay", file)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert said["changed"] == 1


def test_given_separators_of_unicode_in_a_line_when_replayed_then_it_is_one_line(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", override("x", "call"))
    candidate = _candidate(
        tmp_path, "{id: r, method: hangup, action: override, compute: {a: body.name}}"
    )
    line = {"method": "hangup", "body": {**_BODY, "name": "a\u2028b\x85c"}, "session": {}}
    text = json.dumps(line, ensure_ascii=False)
    file = _file(tmp_path, f"{text}\r\n\n{text}", "hooks.jsonl")

    said = stack.json("try", "--candidate", candidate, "--replay", file)

    assert (said["hooks"], said["changed"]) == (2, 2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            r'{"method": "call", "body": "{\"a\": \"\ud800\"}"}',
            "hooks.jsonl:1: the body's text has a",
        ),
        ('{"method": "call", "body": ' + '{"a":' * 90_000, "hooks.jsonl:1 is not JSON"),
        ('{"method": "call", "body": {}, "session": ' + '{"a":' * 70 + "1" + "}" * 71, "deeper"),
        ('{"method": "call", "body": {}, "session": 5}', "hooks.jsonl:1: session must be"),
        ('{"method": "call", "body": {}, "at": "noon"}', "hooks.jsonl:1: at must be"),
        ('{"method": "call", "body": {}, "at": 5}', "hooks.jsonl:1: at must be"),
    ],
    ids=["surrogate", "deep", "deep session", "session", "at", "number"],
)
def test_given_a_line_that_cannot_be_a_hook_when_replayed_then_the_error_says_where_and_what(
    stack: OperatedStack, tmp_path: Path, line: str, message: str
) -> None:
    candidate = _candidate(tmp_path, "{id: no, method: playHLS, action: deny}")
    file = _file(tmp_path, line, "hooks.jsonl")

    result = stack.run("try", "--candidate", candidate, "--replay", file)

    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_given_bodies_and_names_of_lone_surrogates_when_replayed_then_they_are_shown_as_escapes(
    stack: OperatedStack, tmp_path: Path
) -> None:
    candidate = _candidate(tmp_path, "{id: no, method: playHLS, action: deny}", "_every_app")
    line = r'{"method": "playHLS", "body": {"appKey": "a\ud800"}}'
    file = _file(tmp_path, line, "hooks.jsonl")

    words = ("try", "--candidate", candidate, "--replay", file)
    shown, said = stack.run(*words), stack.json(*words)

    assert r"a\ud800" in shown.output
    assert said["results"][0]["app"] == "a\ud800"


def test_given_a_dead_letter_without_a_body_when_replayed_then_it_cannot_be_decided(
    stack: OperatedStack, tmp_path: Path
) -> None:
    letter = _letter("d-1", "call", _BODY)
    del letter["body"]
    stack.send(letter)
    candidate = _candidate(tmp_path, "{id: no, method: playHLS, action: deny}")

    said = stack.json("try", "--candidate", candidate, "--replay", "dead-letters")

    assert (said["hooks"], said["undecidable"]) == (1, 1)
    assert said["results"][0]["problem"] == "its body cannot be read"


def _letter(decision: str, method: str, body: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "decision": decision,
        "category": "direct",
        "method": method,
        "error": {"kind": "UnavailableError", "message": "…"},
        "firstSeen": "2026-01-01T00:00:00+00:00",
        "attempts": 1,
        "body": body if isinstance(body, str) else json.dumps(body),
    }


_KEYS = "https://issuer.example/keys"


def _trust(identity: str = "site", **attributes: Any) -> dict[str, Any]:
    given = {"issuer": ISSUER, "audience": "wcs", "required": True, "keys": jwk("ES256")}
    return {"id": identity, "action": "trust", **given, **attributes}


def _showing(token: str, **fields: Any) -> dict[str, Any]:
    return {**_BODY, **fields, "custom": {"token": token}}


def _signed(algorithm: str = "ES256", **claims: object) -> str:
    return token(algorithm, aud="wcs", **{"exp": int(time.time()) + 600, **claims})


def test_given_a_token_then_the_item_that_took_it_its_status_and_its_claims_are_told(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", _trust(), deny("no-pupils", "connect", when="claims.role == 'pupil'"))
    signed = _signed(role="pupil", password="p4ss")
    words = ("try", "connect", "-f", _file(tmp_path, _showing(signed)))

    said = stack.json(*words)["inForce"]
    shown = stack.run(*words).output

    assert said["token"] == {
        "status": "valid",
        "trust": "site",
        "alg": "ES256",
        "kid": "",
        "detail": "",
    }
    assert (said["claims"]["sub"], said["claims"]["role"]) == ("anna", "pupil")
    assert said["claims"]["password"] == "***"
    assert _considered(said)["site"] == ("token", "the hook's token is valid")
    assert (said["answer"], said["policies"]) == ("deny", ["live/no-pupils"])
    assert "valid, by site (ES256)" in shown
    assert "p4ss" not in shown
    assert signed not in shown


def test_given_an_expired_token_then_the_denial_says_why_and_a_moment_before_it_is_valid(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", _trust())
    file = _file(tmp_path, _showing(_signed(exp=1_767_225_600)))

    now = stack.json("try", "connect", "-f", file)["inForce"]
    then = stack.json("try", "connect", "-f", file, "--at", "2025-12-31T23:00:00Z")["inForce"]

    assert (now["status"], now["reason"]) == (401, "no valid token: expired")
    assert now["token"]["detail"] == "has expired"
    assert now["claims"] is None
    assert (then["answer"], then["token"]["status"]) == ("echo", "valid")


def test_given_keys_that_the_compiler_fetched_then_tokens_are_verified_with_them(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", _trust(keys=_KEYS))
    words = ("try", "connect", "-f", _file(tmp_path, _showing(_signed())))
    before = stack.json(*words)["inForce"]["token"]

    store = DynamoKeyStore(stack.aws.dynamodb, "PolicySnapshots", _DAY, SystemClock())
    keys = json.dumps([public_key("ES256").to_json()]).encode()
    store.keep(KeyAddress(_KEYS), keys, time.time())
    fetched = stack.json(*words)["inForce"]["token"]
    store.keep(KeyAddress(_KEYS), keys, time.time() - 2 * _DAY)
    stale = stack.json(*words)["inForce"]["token"]

    assert before["status"] == stale["status"] == "no-keys"
    assert f"no keys were fetched from {_KEYS} (never fetched)" in before["detail"]
    assert fetched["status"] == "valid"
    assert "2 d ago, too long" in stale["detail"]


def test_given_a_secret_then_it_verifies_if_it_may_be_read_and_else_that_is_said(
    stack: OperatedStack, tmp_path: Path
) -> None:
    created = stack.aws.secrets_manager.create_secret(
        Name="TokenSecrets", SecretString=json.dumps({"site": SECRET})
    )
    _in_force(stack, "live", _trust(keys="secret:site"))
    words = ("try", "connect", "-f", _file(tmp_path, _showing(_signed("HS256"))))

    absent = stack.json(*words)["inForce"]["token"]
    stack.outputs["TokenSecretsArn"] = created["ARN"]
    read = stack.json(*words)["inForce"]["token"]
    stack.refused.add("GetSecretValue")
    refused = stack.json(*words)["inForce"]["token"]

    assert "setting tokenSecrets" in absent["detail"]
    assert read["status"] == "valid"
    assert refused["status"] == "no-keys"
    assert "cannot be read" in refused["detail"]


def test_given_a_token_in_the_sessions_connect_then_its_claims_hold_for_the_hook(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(
        stack,
        "live",
        _trust(),
        deny("teachers", when="claims.role != 'teacher'"),
    )
    connect = {"custom": {"token": _signed(role="teacher")}}
    words = ("try", "publishStream", "-f", _file(tmp_path, _BODY), "--session")

    teacher = stack.json(*words, _file(tmp_path, connect, "connect.json"))["inForce"]
    nobody = stack.json(*words, _file(tmp_path, {}, "connect.json"))["inForce"]

    assert (teacher["answer"], teacher["token"]["status"]) == ("echo", "none")
    assert teacher["claims"]["role"] == "teacher"
    assert (nobody["answer"], nobody["claims"]) == ("deny", None)


def test_given_a_session_that_is_recorded_with_claims_then_they_count(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", _trust(), deny("pupils", when="claims.role == 'pupil'"))
    clock = SystemClock()
    sessions = DynamoSessions(stack.aws.dynamodb, SESSIONS, _DAY, clock)
    record = SessionRecord({}, {}, frozenset(), app="live", claims={"role": "pupil"})
    sessions.record(SessionKey("n1", "s1"), record, Deadline(clock, 10))

    said = stack.json(
        "try", "publishStream", "-f", _file(tmp_path, _BODY), "--session", "recorded"
    )["inForce"]

    assert (said["answer"], said["claims"]) == ("deny", {"role": "pupil"})


def test_given_claims_or_a_status_to_pretend_then_the_token_itself_is_not_looked_at(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", _trust(keys=_KEYS))
    words = ("try", "connect", "-f", _file(tmp_path, _showing("x")))

    anna = stack.json(*words, "--claims", '{"sub": "anna"}')["inForce"]
    expired = stack.json(*words, "--token-status", "expired")["inForce"]

    assert (anna["answer"], anna["claims"]) == ("echo", {"sub": "anna"})
    assert (expired["status"], expired["reason"]) == (401, "no valid token: expired")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--claims", "{"), "--claims is not JSON"),
        (("--claims", '{"exp": "soon"}'), "a claim `exp` that is not a number"),
        (("--claims", "{}", "--token-status", "expired"), "proves nothing"),
        (("--token-status", "stale"), "none of none, valid"),
    ],
)
def test_given_what_no_token_has_to_pretend_then_that_is_refused(
    stack: OperatedStack, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    error = stack.run("try", "connect", "-f", _file(tmp_path, _BODY), *words).exception

    assert isinstance(error, UsageError)
    assert message in str(error)


def test_given_recorded_hooks_with_tokens_then_each_is_verified_as_of_when_it_came(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live")
    signed = _signed(exp=1_767_225_600)
    lines = [
        {"method": "connect", "body": _showing(signed), "at": "2025-12-31T23:00:00Z"},
        {"method": "connect", "body": _showing(signed), "at": "2026-01-02T00:00:00Z"},
        {
            "method": "publishStream",
            "body": _BODY,
            "session": {"custom": {"token": signed}},
            "at": "2025-12-31T23:00:00Z",
        },
    ]
    candidate = _candidate(tmp_path, json.dumps([_trust()]))
    recorded = _file(tmp_path, "\n".join(map(json.dumps, lines)), "hooks.jsonl")

    said = stack.json("try", "--candidate", candidate, "--replay", recorded)

    assert [one["candidate"] for one in said["results"]] == [
        "echo",
        "deny 401 (live/site)",
        "echo",
    ]


def _banned(identity: str, **attributes: Any) -> dict[str, Any]:
    lookup = {"ban": {"list": "bans", "key": "body.custom.user"}}
    item: dict[str, Any] = deny(identity, lookup=lookup, when="rows.ban != null", **attributes)
    return item


def test_given_rows_of_the_deployment_then_each_policy_tells_whether_it_found_one_and_no_more(
    stack: OperatedStack, tmp_path: Path
) -> None:
    gone = {"list": "bans", "key": "body.custom.absent"}
    _in_force(
        stack,
        "live",
        _banned("banned", priority=2),
        deny("gone", lookup={"g": gone}, when="rows.g != null", whenError="skip", priority=1),
    )
    stack.aws.put_row("bans", "anna", reason="MARK-5512", level=5512)
    words = ("publishStream", "--session", _file(tmp_path, {}, "connect.json"), "-f")
    anna = _file(tmp_path, {**_BODY, "custom": {"user": "anna"}}, "anna.json")
    carl = _file(tmp_path, {**_BODY, "custom": {"user": "carl"}}, "carl.json")

    said = stack.json("try", *words, anna)["inForce"]
    shown = stack.run("try", *words, carl).output

    assert (said["answer"], said["policies"]) == ("deny", ["live/banned"])
    gone_rows, ban_rows = [one["rows"] for one in said["considered"]]
    assert ban_rows == {"ban": "a row"}
    assert gone_rows["g"].startswith("no value: its key has none (")
    assert "5512" not in json.dumps(said)
    assert "rows.ban: null" in shown


def test_given_rows_of_the_deployment_when_hooks_are_replayed_then_the_candidate_looks_them_up(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", override("x", "call"))
    stack.aws.put_row("bans", "anna")
    lines = [
        {"method": "publishStream", "body": {**_BODY, "custom": {"user": user}}, "session": {}}
        for user in ("anna", "carl")
    ]
    candidate = _candidate(
        tmp_path,
        "{id: banned, method: publishStream, action: deny, when: rows.ban != null, "
        "lookup: {ban: {list: bans, key: body.custom.user}}}",
    )
    file = _file(tmp_path, "\n".join(map(json.dumps, lines)), "hooks.jsonl")

    said = stack.json("try", "--candidate", candidate, "--replay", file)

    assert [one["changed"] for one in said["results"]] == [True, False]


def test_given_a_stack_without_lists_when_a_policy_looks_rows_up_then_it_says_so(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _in_force(stack, "live", _banned("banned"))
    del stack.outputs["ListsTableName"]
    anna = _file(tmp_path, {**_BODY, "custom": {"user": "anna"}})

    result = stack.run("try", "publishStream", "-f", anna)

    assert "has no lists" in str(result.exception)
