"""The reply that a decision becomes (`docs/reference/wcs-protocol.md` section 3)."""

import json
from typing import Any

import pytest

from wcs_hooks.core import reply
from wcs_hooks.core.decision import Denial
from wcs_hooks.core.payload import parse

_RAW = b' {"appKey" : "live",\t"n":1.50e+1,"custom":{"b":1,"a":"\\u00fc"}, "name":"a"}\r\n'


def test_given_an_echo_then_the_very_bytes_come_back() -> None:
    assert reply.echo(parse(_RAW)) == (200, _RAW)


def test_given_an_override_then_the_named_fields_change_and_nothing_else() -> None:
    answer = reply.override(parse(_RAW), {"name": '"ü"', "record": "true"})

    expected = _RAW.replace(b'"name":"a"', '"name":"ü","record":true'.encode())
    assert answer == (200, expected)


@pytest.mark.parametrize("fields", [None, {}])
def test_given_nothing_to_change_then_an_override_gives_the_very_bytes(
    fields: dict[str, str] | None,
) -> None:
    assert reply.override(parse(_RAW), fields).body == _RAW


def test_given_a_client_config_then_connects_bytes_stay_and_it_is_appended() -> None:
    answer = reply.override(parse(_RAW), None, '{"call":{}}')

    assert answer.body == _RAW.replace(b'"a"}\r', b'"a","restClientConfig":{"call":{}}}\r')


def test_given_a_client_config_and_an_override_then_both_are_in_the_reply() -> None:
    answer = reply.override(parse(b'{"origin":"x"}'), {"origin": "null"}, "{}")

    assert answer.body == b'{"origin":null,"restClientConfig":{}}'


def test_given_connect_brings_a_client_config_then_the_policies_one_takes_its_place() -> None:
    body = b'{"restClientConfig":{"call":{"restOnError":"LOG"}}, "a":1}'

    answer = reply.override(parse(body), None, '{"call":1}')

    assert answer.body == b'{"restClientConfig":{"call":1}, "a":1}'


def test_given_an_odd_body_then_an_override_keeps_what_it_does_not_name() -> None:
    odd = b'{"big":123456789012345678901234567890,"inf":1e400,"s":"\\ud800","a":1}'

    assert reply.override(parse(odd), {"a": "2"}).body == odd.replace(b'"a":1', b'"a":2')


def test_given_a_denial_then_the_reply_says_who_refuses_and_why() -> None:
    answer = reply.denial(Denial("no-private", "*", 7, 451, "Not «here»"), "d-1")

    assert answer.status == 451
    assert json.loads(answer.body) == {
        "error": {
            "status": 451,
            "reason": "Not «here»",
            "policy": "no-private",
            "version": 7,
            "decision": "d-1",
        }
    }


def test_given_an_error_that_no_policy_asked_for_then_no_policy_is_named() -> None:
    answer = reply.error(503, "the policy store does not answer", "d-2")

    error: dict[str, Any] = json.loads(answer.body)["error"]
    assert answer.status == 503
    assert error["status"] == 503
    assert error["reason"] == "the policy store does not answer"
    assert error["decision"] == "d-2"
    assert error["policy"] is None
    assert error["version"] is None
