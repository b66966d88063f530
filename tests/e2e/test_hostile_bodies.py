"""Whatever a body is, its answer is defined, and never one of the server's own errors."""

import json

import pytest

from tests.e2e.conftest import Deployed

_MIB = 1024 * 1024


def _object_of(size: int) -> bytes:
    frame = b'{"appKey":"defaultApp","sdp":"%s"}'
    return frame % (b"x" * (size - len(frame % b"")))


_WELL_FORMED = {
    "an empty object": b"{}",
    "1 MiB": _object_of(_MIB),
    "a number beyond floats": b'{"a":1e400}',
    "duplicate keys": b'{"a":1,"a":2,"appKey":"x","appKey":"y"}',
    "a 30-digit integer": b'{"a":123456789012345678901234567890}',
    "a lone surrogate": b'{"a":"\\ud800"}',
    "an escaped NUL": b'{"a":"\\u0000"}',
    "other types in known fields": b'{"appKey":5,"sessionId":[],"name":null,"status":{}}',
    "blanks around it": b' \r\n\t{"a" : 1 }\n\n',
}
_MALFORMED = {
    "nothing": (b"", 400),
    "1 MiB and a byte": (_object_of(_MIB + 1), 413),
    "an array": (b"[]", 400),
    "a text": (b'"a"', 400),
    "null": (b"null", 400),
    "no JSON": (b"appKey=defaultApp", 400),
    "half an object": (b'{"a":1', 400),
    "two objects": (b"{}{}", 400),
    "100,000 nested arrays": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "100,000 nested objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    "not a number": (b'{"a":NaN}', 400),
}
_INVALID_UTF_8 = {
    "a stray byte": b'{"a":"\xff\xfe"}',
    "an encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "Latin-1": b'{"a":"\xe9"}',
}
_METHODS = ["connect", "publishStream", "StreamStatusEvent", "OnCallEvent"]


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize("kind", _WELL_FORMED)
def test_given_an_odd_but_well_formed_body_when_it_is_posted_then_the_same_bytes_come_back(
    deployed: Deployed, kind: str, method: str
) -> None:
    reply = deployed.post(method, _WELL_FORMED[kind])

    assert reply.status == 200
    assert reply.body == _WELL_FORMED[kind]


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize("kind", _MALFORMED)
def test_given_a_malformed_body_when_it_is_posted_then_the_answer_says_so(
    deployed: Deployed, kind: str, method: str
) -> None:
    body, status = _MALFORMED[kind]

    reply = deployed.post(method, body)

    assert reply.status == status
    error = reply.error
    assert error["status"] == status
    assert error["reason"]
    assert error["policy"] is None


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize("kind", _INVALID_UTF_8)
def test_given_a_body_that_is_no_utf_8_when_it_is_posted_then_the_answer_refuses_it(
    deployed: Deployed, kind: str, method: str
) -> None:
    reply = deployed.post(method, _INVALID_UTF_8[kind])

    # The emulator's gateway replaces such bytes before the function sees them, so that there the
    # signature does not fit; AWS's hands them over, and the body is malformed.
    assert reply.status in {400, 403}
    assert reply.error["policy"] is None


@pytest.mark.parametrize("kind", ["an array", "half an object", "1 MiB and a byte"])
def test_given_a_malformed_body_of_wcs_when_it_is_posted_then_it_is_dead_lettered(
    deployed: Deployed, kind: str
) -> None:
    body, _ = _MALFORMED[kind]

    reply = deployed.post("publishStream", body)

    letter, _ = deployed.dead_letter(reply)
    assert letter is not None
    assert letter["method"] == "publishStream"
    assert letter["category"] == "direct"


def test_given_an_odd_body_and_a_policy_that_reads_it_then_the_answer_is_no_server_error(
    deployed: Deployed, app: str
) -> None:
    policy = {
        "app": app,
        "id": "reads-everything",
        "method": "playStream",
        "action": "deny",
        "when": "body.a == 'never'",
        "whenError": "skip",
    }
    assert deployed.compiled(app, deployed.put_policy(policy))["ok"]
    odd = (b"123456789012345678901234567890", b"1e400", b'"\\ud800"', b"[[]]", b"-0.0")

    for value in odd:
        body = b'{"appKey":%s,"a":%s}' % (json.dumps(app).encode(), value)
        reply = deployed.post("playStream", body)
        assert (reply.status, reply.body) == (200, body)
