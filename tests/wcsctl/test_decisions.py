"""The decision log: merged by time, filtered, readable, followed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.operated_stack import OperatedStack, operated
from wcs_hooks.core.keyed_hash import keyed_hash
from wcsctl.decision_log import DecisionLog, Filter
from wcsctl.deployment import Deployment
from wcsctl.errors import ConflictError, UsageError
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.function_logs import FunctionLogs


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def line(decision: str, **fields: Any) -> dict[str, Any]:
    return {
        "level": "INFO",
        "message": "publishStream denied",
        "decision": decision,
        "category": "direct",
        "method": "publishStream",
        "answer": "denied",
        "status": 403,
        "app": "school",
        "policies": ["school/no-publishing"],
        **fields,
    }


def found(stack: OperatedStack, *words: str) -> list[str]:
    result = stack.run("--json", "decisions", *words)
    assert result.exit_code == 0, result.exception
    return [json.loads(text)["decision"] for text in result.stdout.splitlines()]


def test_given_decisions_of_several_functions_then_they_come_in_the_order_of_time(
    stack: OperatedStack,
) -> None:
    stack.log("direct", line("third"), ago=10)
    stack.log("event", line("first", category="event"), ago=30)
    stack.log("direct", line("second"), ago=20)
    stack.log("direct", "START RequestId: 1", {"_aws": {}, "Calls": [1]}, "{no JSON", ago=15)
    stack.log("compiler", {"app": "school", "version": 3}, ago=15)

    assert found(stack) == ["first", "second", "third"]
    assert found(stack, "--limit", "2") == ["second", "third"]
    assert found(stack, "--since", "25s") == ["second", "third"]


def test_each_filter_leaves_what_fits(stack: OperatedStack) -> None:
    stack.log(
        "direct",
        line("denied-1"),
        line("dtmf-1", method="sendDtmf", answer="overridden", policies=["*/rewrite"]),
        line("shadow-1", app="club", answer="echoed", policies=[], shadowDenied=["club/trial"]),
    )

    assert found(stack, "--denied") == ["denied-1"]
    assert found(stack, "--method", "sendDTMF") == ["dtmf-1"]
    assert found(stack, "--policy", "rewrite") == ["dtmf-1"]
    assert found(stack, "--policy", "club/trial") == ["shadow-1"]
    assert found(stack, "--policy", "publishing") == []
    assert found(stack, "--app", "club") == ["shadow-1"]
    assert found(stack, "--id", "denied-1") == ["denied-1"]


def test_given_several_kinds_of_decisions_then_any_of_them_is_shown(stack: OperatedStack) -> None:
    stack.log(
        "direct",
        line("denied-1"),
        line("failed-1", answer="failed", deadLettered=True),
        line("half-failed-1", answer="echoed", deadLettered=True, error="the bus does not answer"),
        line("malformed-1", answer="malformed", deadLettered=True),
        line("suppressed-1", answer="echoed", denySuppressed=True),
        line("plain-1", answer="echoed"),
    )

    assert found(stack, "--failed") == ["failed-1", "half-failed-1"]
    assert found(stack, "--suppressed") == ["suppressed-1"]
    assert found(stack, "--denied", "--suppressed") == ["denied-1", "suppressed-1"]


def test_given_logged_fields_when_decisions_are_searched_then_their_values_are_compared() -> None:
    fields = {"name": "rtsp://camera/live", "width": 640, "record": True}
    with operated(LOGGED_FIELDS="name,width,record") as stack:
        stack.log("direct", line("shown-1", fields=fields), line("bare-1"))

        assert found(stack, "--where", "name=rtsp://user:secret@camera/live?x=1") == ["shown-1"]
        assert found(stack, "--where", "width=640", "--where", "record=true") == ["shown-1"]
        assert found(stack, "--where", "width=640", "--where", "record=false") == []
        assert "name=rtsp://camera/live width=640 record=true" in stack.run("decisions").stdout
        refused = stack.run("decisions", "--where", "callee=100").exception

    assert isinstance(refused, UsageError)
    assert "do not show callee: the setting loggedFields has name, width, record" in str(refused)


def test_given_a_rotation_when_a_users_decisions_are_searched_then_both_hashes_are_found() -> None:
    with operated(SUBJECT="hash") as stack:
        created = stack.aws.secrets_manager.create_secret(
            Name="SubjectSecret", SecretString=json.dumps({"current": "first"})
        )
        stack.outputs["SubjectSecretArn"] = created["ARN"]
        rotated = stack.run("secret", "rotate", "--subject")
        value = stack.aws.secrets_manager.get_secret_value(SecretId=created["ARN"])["SecretString"]
        second = json.loads(value)["current"]
        hashes = [keyed_hash(user, key) for user, key in (("anna", "first"), ("anna", second))]
        stack.log(
            "direct",
            line("plain-1", subject={"id": "anna", "unverified": True}),
            line("before-1", subject={"hash": hashes[0]}),
            line("after-1", subject={"hash": hashes[1]}),
            line("other-1", subject={"hash": keyed_hash("ben", second)}),
        )

        assert found(stack, "--user", "anna") == ["plain-1", "before-1", "after-1"]
        assert second not in rotated.output
        assert isinstance(stack.run("secret", "rotate", "--subject").exception, ConflictError)
        assert stack.run("secret", "finish", "--subject", "--yes").exit_code == 0
        assert found(stack, "--user", "anna") == ["plain-1", "after-1"]
        assert "user anna (unverified)" in stack.run("decisions", "--id", "plain-1").stdout


def test_given_a_rotation_when_a_sessions_decisions_are_searched_then_both_hashes_are_found(
    stack: OperatedStack,
) -> None:
    stack.run("secret", "rotate")
    valid = stack.secret()
    hashes = [keyed_hash("/192.0.2.1:5/s", valid[name]) for name in ("previous", "current")]
    stack.log("direct", line("before-1", session=hashes[0]), line("after-1", session=hashes[1]))

    assert found(stack, "--session", "/192.0.2.1:5/s") == ["before-1", "after-1"]
    assert found(stack, "--session", hashes[0]) == ["before-1"]
    assert found(stack, "--session", "/other") == []


def test_given_the_setting_is_off_when_a_user_is_searched_then_it_is_named(
    stack: OperatedStack,
) -> None:
    refused = stack.run("decisions", "--user", "anna").exception

    assert isinstance(refused, UsageError)
    assert "subject=plain or subject=hash" in str(refused)


def test_the_hooks_of_wcsctl_status_are_shown_only_when_asked_for_or_rejected(
    stack: OperatedStack,
) -> None:
    stack.log(
        "event",
        line("probe", method="wcsctlStatus", answer="echoed", status=200),
        line("probe-rejected", method="wcsctlStatus", answer="rejected"),
        line("other"),
    )

    assert found(stack) == ["probe-rejected", "other"]
    assert found(stack, "--method", "wcsctlStatus") == ["probe", "probe-rejected"]
    assert found(stack, "--id", "probe") == ["probe", "probe-rejected"]


def test_a_decision_reads_as_one_line(stack: OperatedStack) -> None:
    full = "school/no-publishing: 1 of 1 held by b4e7"
    stack.log("direct", line("denied-1", restOnError="FAIL", outcome="aborted", limit=full))

    [shown] = stack.run("decisions").stdout.splitlines()

    for part in ("publishStream", "denied", "403", "app school", "by school/no-publishing"):
        assert part in shown
    assert "WCS under FAIL: aborted" in shown
    assert f"no room: {full}" in shown
    assert shown.endswith("denied-1")


def test_given_a_token_then_the_line_says_what_became_of_it_and_by_which_policy_and_key(
    stack: OperatedStack,
) -> None:
    known = {"status": "expired", "trust": "site", "kid": "first"}
    stack.log("direct", line("refused-1", token=known), ago=2)
    stack.log("direct", line("refused-2", token={"status": "malformed"}))

    by_key, nobodys = stack.run("decisions").stdout.splitlines()

    assert "token expired (site, key first)" in by_key
    assert "token malformed  " in nobodys


def test_given_no_decision_then_people_are_told_where_echoes_are_counted(
    stack: OperatedStack,
) -> None:
    output = " ".join(stack.run("decisions").stderr.split())

    assert "`wcsctl stats` counts them" in output


def test_when_followed_then_each_decision_comes_once_also_one_that_is_late(
    stack: OperatedStack,
) -> None:
    stack.log("direct", line("before"), ago=5)
    deployment = Deployment.stack("WcsHooks", None, None)
    log = DecisionLog(FunctionLogs(deployment, FunctionConfigurations(deployment)), Filter())
    waits = iter(range(3))

    def pause(_: float) -> None:
        match next(waits, None):
            case 0:
                stack.log("event", line("after"))
            case 1:
                # CloudWatch shows it now, but it was written before.
                stack.log("connect", line("late"), ago=8)
            case 2:
                raise KeyboardInterrupt

    shown: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        shown.extend(one.fields["decision"] for one in log.follow(0, pause))

    assert shown == ["before", "after", "late"]
