"""Hooks posted to the functions' handlers, and the answers that come back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws_tables import Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import HookClient
from tests.support.policy_items import configure, deny, override, policy
from wcs_hooks.compiler.policy_compiler import Status
from wcs_hooks.core.methods import METHODS

type Enforce = Callable[..., Status]

_PAYLOADS = Path(__file__).resolve().parents[2] / "local" / "payloads"
_FAIL = {
    "restExclude": "",
    "clientExclude": "",
    "restOnError": "FAIL",
    "restPolicy": "NOTIFY",
    "restOverwrite": "",
}


def payload(name: str) -> bytes:
    return (_PAYLOADS / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", sorted(path.stem for path in _PAYLOADS.glob("*.json")))
def test_given_no_policies_when_a_payload_of_the_vendor_is_posted_then_the_same_bytes_come_back(
    hooks: HookClient, name: str
) -> None:
    body = payload(name)

    reply = hooks.post(name.partition("-")[0], body)

    assert (reply.status, reply.body) == (200, body)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_given_any_known_method_when_it_is_posted_then_its_categorys_function_answers(
    hooks: HookClient, method: str
) -> None:
    reply = hooks.post(method, b'{"appKey":"live"}')

    assert (reply.status, reply.body) == (200, b'{"appKey":"live"}')
    assert [line["category"] for line in reply.metrics] == [METHODS[method].category]
    assert "UnknownMethod" not in reply.counted


@pytest.mark.parametrize("method", ["newMethod", "Connect", "connect ", "日本", "a%2Fb", ""])
def test_given_a_method_that_nobody_knows_when_it_is_posted_then_it_is_echoed_and_counted(
    hooks: HookClient, enforce: Enforce, method: str
) -> None:
    enforce("*", policy("all", "*", "override", set={"name": "x"}))

    reply = hooks.post(method, b'{"appKey":"live", "new":1.0}')

    assert (reply.status, reply.body) == (200, b'{"appKey":"live", "new":1.0}')
    assert {"Echoed", "UnknownMethod"} <= reply.counted


def test_given_the_hook_of_wcsctl_status_then_it_is_not_counted_as_an_unknown_method(
    hooks: HookClient,
) -> None:
    assert hooks.post("wcsctlStatus", b"{}").counted & {"Echoed", "UnknownMethod"} == {"Echoed"}


def test_given_an_answer_then_it_is_json_with_the_decisions_id(hooks: HookClient) -> None:
    for body, status in ((b"{}", 200), (b"[]", 400)):
        reply = hooks.post("call", body)

        assert reply.status == status
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.headers["X-Decision-Id"].startswith("decision-")


def test_given_a_denial_when_the_session_connects_then_only_restclientconfig_is_appended(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("defaultApp", deny("no", when="body.name.startsWith('private-')"))
    body = payload("connect")

    reply = hooks.post("connect", body)

    config = json.dumps({"publishStream": _FAIL}, separators=(",", ":")).encode()
    head, _, tail = body.rpartition(b"}")
    stripped = head.rstrip()
    assert reply.status == 200
    assert reply.body == (
        stripped + b',"restClientConfig":' + config + head[len(stripped) :] + b"}" + tail
    )


def test_given_policies_of_both_spellings_when_the_session_connects_then_each_has_its_entry(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("live", deny("no", "sendDTMF"), override("rename", "publishStream"))
    enforce("*", configure("exclude", "publishStream", clientExclude="sdp"))

    reply = hooks.post("connect", {"appKey": "live"})

    config = json.loads(reply.body)["restClientConfig"]
    assert config == {
        "sendDTMF": _FAIL,
        "sendDtmf": _FAIL,
        "publishStream": {
            "restExclude": "",
            "clientExclude": "sdp",
            "restOnError": "LOG",
            "restPolicy": "OVERWRITE",
            "restOverwrite": "name",
        },
    }


def test_given_policies_of_another_app_when_the_session_connects_then_the_bytes_are_the_same(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("another", deny("no"))

    assert hooks.post("connect", payload("connect")).body == payload("connect")


def test_given_a_connect_that_carries_a_restclientconfig_then_the_derived_one_replaces_it(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("live", deny("no"))

    reply = hooks.post("connect", b'{"appKey":"live", "restClientConfig":{"x":1}, "a":1.0}')

    config = json.dumps({"publishStream": _FAIL}, separators=(",", ":")).encode()
    assert reply.body == b'{"appKey":"live", "restClientConfig":' + config + b', "a":1.0}'


def test_given_a_denial_when_a_hook_fits_then_the_answer_says_who_refuses_and_why(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("live", deny("first", "call"))
    enforce("live", deny("no", when="body.name.startsWith('private-')", reason="Not öpen"))

    reply = hooks.post("publishStream", {"appKey": "live", "name": "private-1"})

    assert reply.status == 403
    assert json.loads(reply.body) == {
        "error": {
            "status": 403,
            "reason": "Not öpen",
            "policy": "no",
            "version": 2,
            "decision": reply.headers["X-Decision-Id"],
        }
    }
    assert reply.headers["Content-Type"] == "application/json"


def test_given_a_denial_when_a_hook_does_not_fit_then_it_is_echoed(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("live", deny("no", when="body.name.startsWith('private-')"))
    body = b'{"appKey": "live", "name" : "public"}'

    reply = hooks.post("publishStream", body)

    assert (reply.status, reply.body) == (200, body)


def test_given_a_denial_with_a_status_when_a_hook_fits_then_the_answer_has_it(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("live", deny("no", "connect", status=451))

    reply = hooks.post("connect", {"appKey": "live"})

    assert (reply.status, reply.error["status"]) == (451, 451)


def test_given_an_override_when_a_hook_fits_then_its_bytes_differ_in_that_field_alone(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("live", override("hide", compute={"name": "body.name + '-hidden'"}))
    body = (
        b'{ "appKey":"live","bitrate":1.50e2 , "name" :\t"caf\\u00e9", "name2":"\\/","x":1e400}\n'
    )

    reply = hooks.post("publishStream", body)

    assert reply.status == 200
    assert reply.body == body.replace(b'"caf\\u00e9"', '"café-hidden"'.encode())


def test_given_a_connect_that_is_overridden_when_a_denial_needs_it_then_both_are_in_the_answer(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("live", override("sip", "connect", set={"sipLogin": "1001"}), deny("no"))

    reply = hooks.post("connect", b'{"appKey":"live","sipLogin":"", "keepAlive":false}')

    config = json.dumps({"publishStream": _FAIL}, separators=(",", ":")).encode()
    assert reply.body == (
        b'{"appKey":"live","sipLogin":"1001", "keepAlive":false,"restClientConfig":' + config + b"}"
    )


def test_given_a_denial_with_a_window_then_sessions_are_ready_before_it_opens_and_free_after_it(
    hooks: HookClient, enforce: Enforce, clock: FakeClock
) -> None:
    # It is 17:46:40 now, and a second later when the policies are active.
    window = {"notBefore": "2030-03-17T17:50:00Z", "notAfter": "2030-03-17T18:00:00Z"}
    enforce("live", deny("no", **window))

    def answers() -> tuple[bool, int]:
        connected = json.loads(hooks.post("connect", {"appKey": "live"}).body)
        published = hooks.post("publishStream", {"appKey": "live"})
        return "restClientConfig" in connected, published.status

    assert answers() == (True, 200)
    clock.advance(200)
    assert answers() == (True, 403)
    clock.advance(598)
    assert answers() == (True, 403)
    clock.advance(2)
    assert answers() == (False, 200)


def test_given_an_override_of_a_field_that_is_absent_then_it_is_appended(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("live", override("record", set={"record": True}))

    reply = hooks.post("publishStream", b'{"appKey":"live" }')

    assert reply.body == b'{"appKey":"live","record":true }'


def test_given_policies_of_the_app_and_of_every_app_then_the_order_of_priorities_decides(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("*", deny("all", reason="all"), deny("urgent", priority=1, match={"name": "u"}))
    enforce("live", policy("own"))

    assert hooks.post("publishStream", {"appKey": "live"}).status == 200
    assert hooks.post("publishStream", {"appKey": "live", "name": "u"}).error["policy"] == "urgent"
    assert hooks.post("publishStream", {"appKey": "other"}).error["policy"] == "all"


def test_given_policies_when_the_same_hook_comes_twice_then_it_gets_the_same_answer(
    hooks: HookClient, enforce: Enforce, aws: Aws
) -> None:
    enforce(
        "live",
        deny("no", "call"),
        override("rename", compute={"name": "body.name + '-' + body.sessionId"}),
    )
    before = aws.snapshot_items("live")
    posted: list[tuple[str, Any]] = [
        ("connect", {"appKey": "live", "sessionId": "s"}),
        ("publishStream", {"appKey": "live", "sessionId": "s", "name": "b4e7"}),
        ("call", {"appKey": "live", "sessionId": "s"}),
        ("StreamStatusEvent", {"appKey": "live", "sessionId": "s", "status": "FAILED"}),
    ]

    for method, body in posted:
        first, second = hooks.post(method, body), hooks.post(method, body)

        own = (first.headers["X-Decision-Id"], second.headers["X-Decision-Id"])
        assert first.status == second.status
        assert first.body.replace(own[0].encode(), own[1].encode()) == second.body
    assert aws.snapshot_items("live") == before
    assert aws.dead_letters() == []


# --- Odd bodies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"appKey":"live","name":1e400}', id="a number beyond floats"),
        pytest.param(b'{"appKey":"live","name":1,"name":2}', id="duplicate keys"),
        pytest.param(
            b'{"appKey":"live","name":123456789012345678901234567890}', id="a 30-digit integer"
        ),
        pytest.param(b'{"appKey":"live","name":"\\ud800"}', id="a lone surrogate"),
        pytest.param(b'{"appKey":"live","\\udfff":1}', id="a lone surrogate in a name"),
        pytest.param(b'{"appKey":"live","name":"a\\u0000b"}', id="a NUL"),
        pytest.param(b'{"appKey":"live","name":null}', id="null"),
        pytest.param(b'{"appKey":"live"}', id="an absent field"),
        pytest.param(b'{"appKey":"live","name":' + b"[" * 63 + b"]" * 63 + b"}", id="64 levels"),
        pytest.param(
            '{"appKey":"live","name":"\ufffe\uffff\U0010ffff"}'.encode(),
            id="characters at the edges",
        ),
    ],
)
def test_given_policies_that_read_a_field_when_its_value_is_odd_then_the_hook_is_echoed(
    hooks: HookClient, enforce: Enforce, body: bytes
) -> None:
    enforce(
        "live",
        deny("cel", when="body.name == 'x' || string(body.name) == 'y'", whenError="skip"),
        deny("exact", match={"name": "never"}),
    )

    reply = hooks.post("publishStream", body)

    assert (reply.status, reply.body) == (200, body)


@pytest.mark.parametrize(
    "app",
    [
        pytest.param('"nobody-knows-it"', id="unknown"),
        pytest.param('""', id="empty"),
        pytest.param(f'"{"x" * 3_000}"', id="3,000 characters"),
        pytest.param('"\\ud800"', id="a lone surrogate"),
        pytest.param('"#apps"', id="the list of apps"),
        pytest.param('"*"', id="every app"),
        pytest.param('"current"', id="current"),
        pytest.param("7", id="a number"),
        pytest.param("null", id="null"),
        pytest.param('["live"]', id="a list"),
    ],
)
def test_given_an_odd_appkey_when_a_hook_is_posted_then_only_the_policies_for_every_app_decide(
    hooks: HookClient, enforce: Enforce, app: str
) -> None:
    enforce("*", deny("no", reason="for all"))
    enforce("live", policy("own", priority=1))

    reply = hooks.post("publishStream", f'{{"appKey":{app}}}'.encode())

    assert reply.status == 403
    assert (reply.error["policy"], reply.error["reason"]) == ("no", "for all")


@pytest.mark.parametrize("app", ["#apps", "#x"])
def test_given_an_app_named_current_when_a_hook_names_the_list_of_apps_then_every_apps_decide(
    hooks: HookClient, enforce: Enforce, app: str
) -> None:
    enforce("*", deny("no"))
    enforce("current", policy("own", priority=1))

    reply = hooks.post("publishStream", {"appKey": app})

    assert (reply.status, reply.error["policy"]) == (403, "no")
