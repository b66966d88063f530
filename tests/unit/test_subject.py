"""Who was behind a hook: on lines of the decision log and on events, as the settings allow."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hook_client import (
    SECRET,
    forget_logger,
    gateway_event,
    read_output,
    signature,
)
from tests.support.in_memory_function import InMemoryAws, InMemoryFunction
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny, policy
from tests.unit.tokens.issuer import ISSUER, claims, jwk, signed
from wcs_hooks.core.keyed_hash import keyed_hash
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.subject import check_subject_expression

_HOOK = {"nodeId": "node", "appKey": "live", "sessionId": "/s"}
_CLOSED = deny("closed", match={"name": "exam"})


class _CountingAws(InMemoryAws):
    """Counts how often sessions and secrets are read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.secret_reads = 0

    def get_item(self, **request: Any) -> dict[str, Any]:
        self.reads += 1
        return super().get_item(**request)

    def get_secret_value(self, **request: Any) -> dict[str, str]:
        self.secret_reads += 1
        return super().get_secret_value(**request)


class Site:
    """Functions that share sessions, one of each category."""

    def __init__(self, *policies: Any, **variables: str) -> None:
        self.aws = _CountingAws()
        snapshots = InMemorySnapshots()
        snapshots.publish("live", *policies)
        self._functions = {
            category: InMemoryFunction(category, snapshots, self.aws, **variables)
            for category in Category
        }

    def post(self, method: str, **fields: Any) -> dict[str, Any]:
        """Post a hook; return its line of the log, empty if there is none."""
        body = json.dumps(_HOOK | fields).encode()
        event = gateway_event(method, body, signature(body), "203.0.113.7")
        _, text = self._functions[METHODS[method].category].invoke(event, "decision")
        _, log = read_output(text)
        return log[0] if log else {}

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(event) for event in self.aws.events]


@pytest.fixture(autouse=True)
def _own_logger() -> Iterator[None]:
    yield
    forget_logger()


def test_given_a_proven_user_when_a_hook_is_denied_then_line_and_event_say_who_it_was() -> None:
    site = {"id": "site", "action": "trust", "issuer": ISSUER, "keys": jwk("ES256")}
    functions = Site(site, _CLOSED, SUBJECT="plain")
    token = signed({"alg": "ES256"}, claims(sub="anna", exp=1_900_000_600))

    functions.post("connect", custom={"token": token})
    denied = functions.post("publishStream", name="exam")
    functions.post("StreamStatusEvent", name="lesson")

    assert denied["subject"] == {"id": "anna"}
    [event] = functions.events()
    assert event["subject"] == {"id": "anna"}


def test_given_an_expression_when_no_token_proves_who_it_is_then_its_value_is_marked() -> None:
    functions = Site(_CLOSED, SUBJECT="plain", SUBJECT_EXPRESSION="session.custom.login")

    functions.post("connect", custom={"login": "ben"})
    known = functions.post("publishStream", name="exam")
    unknown = functions.post("publishStream", name="exam", sessionId="/other")

    assert known["subject"] == {"id": "ben", "unverified": True}
    assert "subject" not in unknown


def test_given_a_session_that_ends_when_its_event_is_published_then_it_still_says_whose() -> None:
    functions = Site(
        SUBJECT="plain", SUBJECT_EXPRESSION="session.custom.login", ECHO_LOG_SAMPLE_RATE="1"
    )
    functions.post("connect", custom={"login": "ben"})

    ended = functions.post("ConnectionStatusEvent", status="DISCONNECTED")

    assert functions.aws.sessions == []
    assert ended["subject"] == functions.events()[0]["subject"] == {"id": "ben", "unverified": True}


def test_given_hashed_subjects_then_only_a_holder_of_the_secret_can_tell_who_it_was() -> None:
    expression = "has(body.custom) ? body.custom.user.lowerAscii() : ''"
    functions = Site(
        deny("no", "connect"), SUBJECT="hash", SUBJECT_EXPRESSION=expression, SUBJECT_SECRET_ARN="s"
    )

    line = functions.post("connect", custom={"user": "Anna"})

    assert line["subject"] == {"hash": keyed_hash("anna", SECRET), "unverified": True}
    assert "anna" not in json.dumps(line).lower()


def test_given_a_secret_instead_of_a_name_then_the_subject_does_not_show_it() -> None:
    functions = Site(
        deny("no", "connect"),
        SUBJECT="plain",
        SUBJECT_EXPRESSION="has(body.custom.pass) ? body.custom.pass : body.custom.token",
    )
    token = signed({"alg": "ES256"}, claims())

    assert "subject" not in functions.post("connect", custom={"token": "s3cr3t"})
    assert "subject" not in functions.post("connect", custom={"pass": token})


def test_given_a_plain_echo_that_is_not_logged_then_nobody_looks_who_it_was() -> None:
    functions = Site(_CLOSED, SUBJECT="hash", SUBJECT_EXPRESSION="session.custom.login")
    functions.post("connect", custom={"login": "ben"})
    functions.post("publishStream", name="lesson")

    assert (functions.aws.reads, functions.aws.secret_reads) == (0, 2)


def test_given_the_settings_are_off_when_a_hook_is_denied_then_its_line_has_nothing_of_it() -> None:
    line = Site(_CLOSED).post("publishStream", name="exam", callee="100")

    assert not {"subject", "fields", "passedOver"} & line.keys()


def test_given_logged_fields_when_a_hook_is_denied_then_its_line_shows_them_without_secrets() -> (
    None
):
    functions = Site(
        deny("no", "playRTSP"), LOGGED_FIELDS="name,width,record,callee,caller,mediaProviders,info"
    )

    line = functions.post(
        "playRTSP",
        name="rtsp://user:s3cr3t@camera/live?aclAuth=s3cr3t",
        width=640,
        record=False,
        caller=signed({"alg": "ES256"}, claims()),
        mediaProviders=["WebRTC"],
        info=f"{'x' * 300}\ud800",
        sdp="s3cr3t" * 1_000,
    )

    assert line["fields"] == {
        "name": "rtsp://camera/live",
        "width": 640,
        "record": False,
        "caller": "***",
        "info": "x" * 256,
    }
    assert "s3cr3t" not in json.dumps(line)


def test_given_explained_decisions_then_the_line_says_what_kept_others_from_applying() -> None:
    functions = Site(
        policy("allowed-list", match={"name": ["lesson", "hall"], "status": "NEW"}, priority=1),
        policy("teachers", when="session.custom.role == 'teacher'", priority=2),
        policy("weekend", notBefore="2040-01-01T00:00:00Z", priority=3),
        deny("no", when="body.name != 'open'"),
        policy("later", priority=200),
        EXPLAIN_DECISIONS="true",
    )
    functions.post("connect", custom={"role": "pupil"})

    line = functions.post("publishStream", name="lesson", status="PENDING")
    none = functions.post("publishStream", name="exam", sessionId="/unknown")

    assert line["policies"] == ["live/no"]
    assert line["passedOver"] == {
        "live/allowed-list": "match: status",
        "live/teachers": "when",
        "live/weekend": "window: not open yet",
    }
    assert none["passedOver"].keys() == {"live/teachers", "live/weekend"}


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("session.custom.", "Syntax error"),
        ("string(now)", "must not use now"),
        ("size(body)", "gives INT, where a string is wanted"),
    ],
)
def test_given_an_expression_that_cannot_be_a_subject_when_checked_then_it_says_why(
    source: str, wrong: str
) -> None:
    with pytest.raises(ValueError, match=wrong):
        check_subject_expression(source)
