"""Hooks on the wire are the vendor's: headers, signature, keep-alive, time-out, retries."""

import time
from dataclasses import replace

import pytest

from simulated_wcs.backend import ClosedPort, DelayingProxy
from simulated_wcs.transport import (
    BasicCredentials,
    HookReply,
    HookTarget,
    HookTransport,
    Signature,
    TargetError,
)
from tests.simulated_wcs.conftest import Answer, ScriptedBackEnd
from tests.support.caller_checks import check_basic, check_signature

_BODY = '{"appKey":"room","name":"Räume"}'.encode()


def test_given_a_hook_when_it_is_sent_then_it_has_the_vendors_headers_and_no_others(
    back_end: ScriptedBackEnd, transport: HookTransport
) -> None:
    exchange = transport.send("publishStream", _BODY)

    [request] = back_end.received
    assert request.path == "/publishStream"
    assert request.body == _BODY
    assert request.headers == {
        "Accept": "application/json",
        "Content-Type": "application/json;charset=UTF-8",
        "User-Agent": "Java/1.8.0_111",
        "Host": f"127.0.0.1:{back_end.address[1]}",
        "Connection": "keep-alive",
        "Content-Length": str(len(_BODY)),
    }
    assert exchange.reply is not None
    assert (exchange.reply.status, exchange.attempts) == (200, 1)
    assert exchange.reply.decision == "decision-1"


def test_given_a_secret_when_a_hook_is_sent_then_the_back_end_accepts_its_signature(
    back_end: ScriptedBackEnd,
) -> None:
    transport = HookTransport(back_end.target, Signature("secret"))

    transport.send("connect", _BODY)

    [request] = back_end.received
    scheme, _, digest = request.headers["Authorization"].partition(" ")
    assert (scheme, len(digest), digest) == ("WCS", 32, digest.lower())
    check_signature(request.headers["Authorization"], request.body, ["secret"])


def test_given_basic_credentials_when_a_hook_is_sent_then_the_back_end_accepts_them(
    back_end: ScriptedBackEnd,
) -> None:
    HookTransport(back_end.target, BasicCredentials("wcs", "pä:ss")).send("connect", _BODY)

    check_basic(back_end.received[0].headers["Authorization"], "wcs", ["pä:ss"])


def test_given_secrets_when_they_are_shown_then_they_are_not() -> None:
    shown = f"{Signature('s3cret')!r} {BasicCredentials('wcs', 's3cret')!r}"

    assert "s3cret" not in shown


def test_given_a_back_end_that_keeps_the_connection_then_one_serves_all_hooks(
    back_end: ScriptedBackEnd, transport: HookTransport
) -> None:
    for method in ("connect", "publishStream", "StreamStatusEvent"):
        transport.send(method, _BODY)

    assert len({id(request.connection) for request in back_end.received}) == 1


def test_given_a_kept_connection_that_was_closed_meanwhile_then_another_is_no_retry(
    back_end: ScriptedBackEnd,
) -> None:
    back_end.answer("connect", Answer(close=True))
    transport = HookTransport(back_end.target, retries=0)
    transport.send("connect", _BODY)
    time.sleep(0.05)

    exchange = transport.send("publishStream", _BODY)

    assert exchange.reply is not None
    assert (exchange.attempts, exchange.send_errors) == (1, ())


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_given_an_error_status_then_the_hook_is_not_sent_again(
    back_end: ScriptedBackEnd, transport: HookTransport, status: int
) -> None:
    back_end.answer("publishStream", Answer(status))

    exchange = transport.send("publishStream", _BODY)

    assert exchange.reply is not None
    assert (exchange.reply.status, len(back_end.received)) == (status, 1)


def test_given_a_connection_that_breaks_then_the_hook_is_sent_again(
    back_end: ScriptedBackEnd, transport: HookTransport
) -> None:
    back_end.answer("publishStream", Answer(reset=True), Answer())

    exchange = transport.send("publishStream", _BODY)

    assert exchange.reply is not None
    assert exchange.send_errors == ("connection reset",)
    assert [request.body for request in back_end.received] == [_BODY, _BODY]


def test_given_a_connection_that_always_breaks_then_wcs_gives_up_after_three_retries(
    back_end: ScriptedBackEnd,
) -> None:
    back_end.answer("publishStream", Answer(reset=True))

    exchange = HookTransport(back_end.target).send("publishStream", _BODY)

    assert exchange.reply is None
    assert exchange.send_errors == ("connection reset",) * 4
    assert len(back_end.received) == 4


def test_given_nobody_listens_then_wcs_gives_up_after_three_retries() -> None:
    with ClosedPort() as closed:
        exchange = HookTransport(HookTarget("http://127.0.0.1:1", closed.address)).send(
            "call", _BODY
        )

    assert exchange.reply is None
    assert exchange.send_errors == ("connection refused",) * 4


def test_given_a_reply_later_than_the_time_out_then_the_hook_is_sent_again(
    back_end: ScriptedBackEnd,
) -> None:
    back_end.answer("publishStream", Answer(delay=1.0), Answer())

    exchange = HookTransport(back_end.target, timeout=0.2).send("publishStream", _BODY)

    assert exchange.reply is not None
    assert exchange.send_errors == ("timed out",)
    assert 0.2 <= exchange.seconds < 1.0


def test_given_a_slow_back_end_then_it_gets_what_wcs_gave_up_waiting_for(
    back_end: ScriptedBackEnd,
) -> None:
    transport = HookTransport(back_end.target, timeout=0.2, retries=1)
    with DelayingProxy(back_end.address, 1.0) as slow:
        transport.retarget(HookTarget(back_end.target.url, slow.address))
        exchange = transport.send("publishStream", _BODY)

    assert exchange.reply is None
    assert exchange.send_errors == ("timed out", "timed out")
    assert [request.body for request in back_end.received] == [_BODY, _BODY]


def test_given_a_back_end_slow_within_the_time_out_then_each_reply_comes_that_much_later(
    back_end: ScriptedBackEnd,
) -> None:
    transport = HookTransport(back_end.target, timeout=2)
    with DelayingProxy(back_end.address, 0.2) as slow:
        transport.retarget(HookTarget(back_end.target.url, slow.address))
        exchanges = [transport.send("publishStream", _BODY) for _ in range(2)]
        transport.close()

    for exchange in exchanges:
        assert exchange.attempts == 1
        assert 0.2 <= exchange.seconds < 0.5
    # Kept alive through the proxy, too.
    assert len({id(request.connection) for request in back_end.received}) == 1


def test_given_an_override_of_address_and_host_then_the_urls_own_are_not_used(
    back_end: ScriptedBackEnd,
) -> None:
    target = HookTarget("http://api.example.org/hooks/", back_end.address, "other.example.org")

    exchange = HookTransport(target).send("send DTMF", _BODY)

    [request] = back_end.received
    assert request.path == "/hooks/send%20DTMF"
    assert request.headers["Host"] == "other.example.org"
    assert exchange.reply is not None


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://example.org", "http://"])
def test_given_no_url_of_http_then_it_is_refused(url: str) -> None:
    with pytest.raises(TargetError, match="is not a URL to post to"):
        HookTarget(url)


def test_given_an_experiment_then_wcs_sees_the_altered_reply(back_end: ScriptedBackEnd) -> None:
    def refused(method: str, reply: HookReply) -> HookReply:
        return replace(reply, status=403) if method == "call" else reply

    transport = HookTransport(back_end.target, alter_reply=refused)

    replies = [transport.send(method, _BODY).reply for method in ("call", "hold")]

    assert [reply.status for reply in replies if reply] == [403, 200]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, b'{"error": {"reason": "closed"}}', {"reason": "closed"}),
        (200, b'{"error": {"reason": "a field of the hook"}}', {}),
        (403, b'{"error": "closed"}', {}),
        (502, b"<html>", {}),
        (502, b"\xff", {}),
        (403, b"[]", {}),
    ],
)
def test_given_a_reply_then_its_error_is_that_of_a_refusal_alone(
    status: int, body: bytes, error: dict[str, str]
) -> None:
    assert HookReply(status, "", {}, body).error == error
