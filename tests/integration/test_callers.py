"""Who may post hooks, and what others get as an answer."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import SECRET, HookClient, gateway_event, signature
from tests.support.policy_items import deny
from wcs_hooks.compiler.policy_compiler import Status
from wcs_hooks.core.methods import METHODS, Category

type Enforce = Callable[..., Status]

_BODY = b'{"appKey":"live"}'


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="absent"),
        pytest.param("WCS", id="no hash"),
        pytest.param("WCS ", id="an empty hash"),
        pytest.param("WCS 00000000000000000000000000000000", id="a wrong hash"),
        pytest.param("c0ffee", id="no scheme"),
        pytest.param("Basic d2NzOndjcy1zZWNyZXQ=", id="another scheme"),
        pytest.param("WCS \u00ff\udce9", id="no ASCII"),
        pytest.param(signature(_BODY)[:-1], id="31 digits"),
        pytest.param(signature(_BODY) + "0", id="33 digits"),
        pytest.param(signature(_BODY)[:20] + " " + signature(_BODY)[20:], id="folded"),
        pytest.param("WCS " + "0" * 9_000, id="overlong"),
        pytest.param(signature(_BODY, ""), id="signed with nothing"),
        pytest.param(f"WCS {'0' * 32},{signature(_BODY)}", id="twice, the second one right"),
        pytest.param(f"{signature(_BODY)},WCS {'0' * 32}", id="twice, the first one right"),
        pytest.param(f"{signature(_BODY)},{signature(_BODY)}", id="twice, both right"),
        pytest.param("Digest username=wcs", id="Digest"),
        pytest.param("Bearer eyJhbGciOiJub25lIn0.e30.", id="Bearer"),
    ],
)
def test_given_no_proof_when_a_hook_is_posted_then_it_is_rejected_and_not_dead_lettered(
    hooks: HookClient, aws: Aws, authorization: str | None
) -> None:
    reply = hooks.post("publishStream", _BODY, authorization=authorization)

    assert reply.status == 403
    assert reply.error["policy"] is None
    assert reply.error["status"] == 403
    assert "Rejected" in reply.counted
    assert reply.counted.isdisjoint({"DeadLettered", "Echoed", "Failed", "Denied"})
    assert aws.dead_letters() == []


def test_given_a_malformed_body_without_proof_then_it_is_rejected_and_not_dead_lettered(
    hooks: HookClient, aws: Aws
) -> None:
    reply = hooks.post("publishStream", b"[1,2", authorization="WCS 00")

    assert reply.status == 403
    assert aws.dead_letters() == []


@pytest.mark.parametrize("changed", [str.upper, lambda text: f"wcs{text[3:]}"])
def test_given_a_right_hash_in_another_writing_when_a_hook_is_posted_then_it_is_accepted(
    hooks: HookClient, changed: Callable[[str], str]
) -> None:
    authorization = changed(signature(_BODY))

    assert hooks.post("publishStream", _BODY, authorization=authorization).status == 200


@pytest.mark.parametrize("method", ["publishStream", "newMethod"])
def test_given_a_gateway_that_encodes_the_body_when_wcs_signed_it_then_its_own_bytes_count(
    hooks: HookClient, method: str
) -> None:
    category = Category.DIRECT if method in METHODS else Category.EVENT
    event = gateway_event(method, _BODY, signature(_BODY), "192.0.2.7")
    encoded = b64encode(_BODY)
    event |= {"body": encoded.decode(), "isBase64Encoded": True}

    reply = hooks.hand_over(category, event)
    event["headers"]["authorization"] = signature(encoded)
    of_encoded = hooks.hand_over(category, event)

    assert (reply.status, reply.body) == (200, _BODY)
    assert of_encoded.status == 403


def test_given_no_body_at_all_when_it_is_signed_then_it_is_wcs_though_malformed(
    hooks: HookClient,
) -> None:
    assert hooks.post("call", b"").status == 400
    assert hooks.post("call", b"", authorization=signature(b"{}")).status == 403


@pytest.mark.parametrize("stranger", ["unsigned", "wrongly signed"])
@pytest.mark.parametrize("category", Category)
def test_given_the_path_of_another_method_when_a_stranger_posts_there_then_no_function_answers(
    hooks: HookClient, category: Category, stranger: str
) -> None:
    # However the gateway reads an odd path, some function gets it; each checks the caller itself.
    authorization = None if stranger == "unsigned" else "WCS 00"
    for method in ("publish%53tream", "publishStream%2F..", "a%2Fb", "%00", "☃", "x" * 5_000):
        event = gateway_event(method, _BODY, authorization, "192.0.2.7")

        assert hooks.hand_over(category, event).status == 403


@pytest.mark.parametrize("method", ["a/b", "publishStream/", "\0", "☃", "x" * 5_000, "redrive"])
def test_given_a_method_that_nobody_knows_when_wcs_posts_it_then_it_is_echoed_and_opens_no_metric(
    hooks: HookClient, method: str
) -> None:
    reply = hooks.post(method, _BODY)

    assert (reply.status, reply.body) == (200, _BODY)
    assert "UnknownMethod" in reply.counted
    assert not [line for line in reply.metrics if "method" in line]
    assert len(reply.output) < 2_000


def test_given_a_known_method_that_reached_another_function_when_wcs_posts_it_then_policies_hold(
    make_client: MakeClient, enforce: Enforce
) -> None:
    # A gateway that decoded /publish%53tream only after it chose the route would send it there.
    enforce("live", deny("no"))
    event = gateway_event("publish%53tream", _BODY, signature(_BODY), "192.0.2.7")
    event["pathParameters"] = {"method": "publishStream"}

    assert make_client().hand_over(Category.EVENT, event).status == 403


def test_given_a_hash_of_another_body_when_a_hook_is_posted_then_it_is_rejected(
    hooks: HookClient,
) -> None:
    assert hooks.post("call", _BODY, authorization=signature(_BODY + b" ")).status == 403


def test_given_a_body_that_is_no_utf_8_when_it_is_signed_then_its_raw_bytes_are_what_counts(
    hooks: HookClient,
) -> None:
    # It is malformed, but of WCS.
    assert hooks.post("call", b'{"a":"\xff"}').status == 400


def test_given_a_rotation_when_hooks_are_signed_with_either_key_then_both_are_accepted(
    hooks: HookClient, aws: Aws
) -> None:
    aws.set_secret("new", previous=SECRET)

    for secret in ("new", SECRET):
        assert hooks.post("call", _BODY, authorization=signature(_BODY, secret)).status == 200


def test_given_the_previous_key_is_removed_when_a_minute_has_passed_then_it_is_rejected(
    hooks: HookClient, aws: Aws, clock: FakeClock
) -> None:
    aws.set_secret("new", previous=SECRET)
    assert hooks.post("call", _BODY).status == 200

    aws.set_secret("new")
    clock.advance(60)

    assert hooks.post("call", _BODY).status == 403
    assert hooks.post("call", _BODY, authorization=signature(_BODY, "new")).status == 200


def test_given_a_key_rotated_since_it_was_cached_when_wcs_uses_it_then_it_is_accepted_at_once(
    hooks: HookClient, aws: Aws, clock: FakeClock
) -> None:
    assert hooks.post("call", _BODY).status == 200
    clock.advance(3)

    aws.set_secret("new", previous=SECRET)

    assert hooks.post("call", _BODY, authorization=signature(_BODY, "new")).status == 200
    assert hooks.post("call", _BODY).status == 200


def test_given_many_wrong_hashes_when_they_come_within_two_seconds_then_the_secret_is_read_once(
    hooks: HookClient, calls: AwsCalls, clock: FakeClock
) -> None:
    hooks.post("call", _BODY)
    clock.advance(2)
    calls.made.clear()

    for _ in range(10):
        clock.advance(0.19)
        assert hooks.post("call", _BODY, authorization="WCS 00").status == 403

    assert calls.made == ["GetSecretValue"]


def test_given_no_hash_at_all_when_a_hook_is_posted_then_the_secret_is_not_read_again(
    hooks: HookClient, calls: AwsCalls, clock: FakeClock
) -> None:
    hooks.post("call", _BODY)
    clock.advance(10)
    calls.made.clear()

    hooks.post("call", _BODY, authorization=None)

    assert calls.made == []


def test_given_the_secret_store_is_down_when_the_key_is_cached_then_hooks_are_answered(
    hooks: HookClient, calls: AwsCalls, clock: FakeClock
) -> None:
    assert hooks.post("call", _BODY).status == 200
    calls.cut_off("GetSecretValue")
    clock.advance(3_600)

    assert hooks.post("call", _BODY).status == 200
    assert hooks.post("call", _BODY, authorization="WCS 00").status == 403


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_given_the_secret_store_refuses_when_a_cold_function_is_called_then_the_hook_is_kept(
    hooks: HookClient, calls: AwsCalls, aws: Aws, code: str
) -> None:
    calls.fail("GetSecretValue", code=code)

    reply = hooks.post("call", _BODY)

    assert (reply.status, reply.error["policy"]) == (503, None)
    assert {"Failed", "DeadLettered"} <= reply.counted
    assert [letter["body"] for letter in aws.dead_letters()] == [_BODY.decode()]


@pytest.mark.parametrize("authorization", [None, "Basic d2NzOg==", "WCS"])
def test_given_the_secret_store_is_down_when_a_caller_shows_no_hash_then_its_hook_is_not_kept(
    hooks: HookClient, calls: AwsCalls, aws: Aws, authorization: str | None
) -> None:
    calls.cut_off("GetSecretValue")

    reply = hooks.post("call", _BODY, authorization=authorization)

    assert reply.status == 403
    assert "Rejected" in reply.counted
    assert aws.dead_letters() == []


@pytest.mark.parametrize(
    "value", ["", "{", "[]", '"marked-secret"', '{"key":"marked-secret"}', '{"current":7}', "7"]
)
def test_given_a_secret_of_another_form_when_a_hook_is_posted_then_it_fails_and_shows_nothing(
    hooks: HookClient, aws: Aws, value: str
) -> None:
    aws.secrets_manager.put_secret_value(SecretId=aws.secret_arn, SecretString=value or " ")

    reply = hooks.post("call", _BODY)

    assert reply.status == 503
    assert "marked-secret" not in reply.output + reply.body.decode()
    assert "marked-secret" not in str(aws.dead_letters())


def test_given_no_app_is_calling_when_auth_is_none_then_every_hook_is_answered_without_the_secret(
    make_client: MakeClient, calls: AwsCalls
) -> None:
    hooks = make_client(AUTH="none", SIGNATURE_SECRET_ARN="")

    for authorization in (None, "WCS 00", "Basic x"):
        assert hooks.post("call", _BODY, authorization=authorization).status == 200
    assert "GetSecretValue" not in calls.made


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def test_given_basic_credentials_when_they_are_right_then_the_hook_is_answered(
    make_client: MakeClient, aws: Aws
) -> None:
    aws.set_secret("new", previous=SECRET)
    hooks = make_client(AUTH="basic", BASIC_USER="media")

    for password in ("new", SECRET):
        credentials = basic("media", password)
        assert hooks.post("call", _BODY, authorization=credentials).status == 200


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="absent"),
        pytest.param(basic("media", "wrong"), id="a wrong password"),
        pytest.param(basic("other", SECRET), id="another user"),
        pytest.param(basic("media", ""), id="no password"),
        pytest.param("Basic", id="no credentials"),
        pytest.param("Basic ☃", id="no base64"),
        pytest.param(signature(b'{"appKey":"live"}'), id="a signature"),
    ],
)
def test_given_basic_credentials_when_they_are_wrong_then_the_hook_is_rejected(
    make_client: MakeClient, authorization: str | None
) -> None:
    hooks = make_client(AUTH="basic", BASIC_USER="media")

    reply = hooks.post("call", _BODY, authorization=authorization)

    assert reply.status == 403
    assert "Rejected" in reply.counted


def test_given_basic_is_set_when_a_caller_signs_instead_then_it_is_rejected(
    make_client: MakeClient,
) -> None:
    assert make_client(AUTH="basic").post("call", _BODY).status == 403


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("192.0.2.7", 200),
        ("192.0.2.128", 403),
        ("198.51.100.9", 200),
        ("198.51.100.10", 403),
        ("2001:db8::1", 200),
        ("2001:db9::1", 403),
        ("::ffff:192.0.2.7", 200),
        ("::ffff:192.0.2.128", 403),
        ("", 403),
        ("unknown", 403),
    ],
)
def test_given_allowed_sources_when_a_hook_comes_from_an_address_then_only_theirs_are_answered(
    make_client: MakeClient, aws: Aws, source: str, status: int
) -> None:
    hooks = make_client(ALLOWED_SOURCES="192.0.2.0/25, 198.51.100.9/32,2001:db8::/32")

    reply = hooks.post("call", _BODY, source=source)

    assert reply.status == status
    assert ("Rejected" in reply.counted) == (status == 403)
    assert aws.dead_letters() == []


def test_given_allowed_sources_when_auth_is_none_then_they_still_hold(
    make_client: MakeClient,
) -> None:
    hooks = make_client(AUTH="none", ALLOWED_SOURCES="192.0.2.0/24")

    assert hooks.post("call", _BODY, source="192.0.2.7").status == 200
    assert hooks.post("call", _BODY, source="198.51.100.9").status == 403


@pytest.mark.parametrize("claimed", ["192.0.2.7", "192.0.2.7, 198.51.100.1", "192.0.2.7:443"])
def test_given_a_stranger_who_claims_an_allowed_address_in_headers_then_it_is_rejected(
    make_client: MakeClient, claimed: str
) -> None:
    hooks = make_client(ALLOWED_SOURCES="192.0.2.0/24")
    event = gateway_event("call", _BODY, signature(_BODY), "198.51.100.1")
    named = ("x-forwarded-for", "x-real-ip", "x-client-ip", "true-client-ip", "forwarded")
    event["headers"] |= dict.fromkeys(named, claimed) | {"forwarded": f"for={claimed}"}

    assert hooks.hand_over(Category.DIRECT, event).status == 403


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "status"),
    [
        pytest.param("203.0.113.5", "192.0.2.7", 200, id="as the proxy wrote it"),
        pytest.param("203.0.113.5", "192.0.2.7, 203.0.113.5", 200, id="with the gateway's entry"),
        pytest.param("203.0.113.5", "10.0.0.1, 192.0.2.7", 200, id="behind a proxy of WCS's"),
        pytest.param("203.0.113.5", "192.0.2.7, 198.51.100.1", 403, id="forged before a stranger"),
        pytest.param(
            "203.0.113.5", "192.0.2.7, 198.51.100.1, 203.0.113.5", 403, id="forged, all three"
        ),
        pytest.param("203.0.113.5", "192.0.2.7, 203.0.113.9", 403, id="by another's distribution"),
        pytest.param(
            "203.0.113.5", "192.0.2.7, 203.0.113.9, 203.0.113.5", 403, id="the same, all three"
        ),
        pytest.param("203.0.113.5", "203.0.113.5", 403, id="of nobody but the proxy"),
        pytest.param("203.0.113.5", "192.0.2.7,", 403, id="ending in nothing"),
        pytest.param("203.0.113.5", "192.0.2.7:443", 403, id="no address"),
        pytest.param("203.0.113.5", "", 403, id="empty"),
        pytest.param("198.51.100.1", "192.0.2.7", 403, id="from elsewhere, forged"),
        pytest.param("198.51.100.1", "192.0.2.7, 203.0.113.5", 403, id="from elsewhere, as if by"),
        pytest.param("192.0.2.7", "198.51.100.1", 200, id="directly, from an allowed address"),
        pytest.param("::ffff:203.0.113.5", "192.0.2.7, 203.0.113.5", 200, id="in IPv6 notation"),
    ],
)
def test_given_trusted_proxies_when_they_forward_a_hook_then_only_their_own_entry_counts(
    make_client: MakeClient, peer: str, forwarded_for: str, status: int
) -> None:
    hooks = make_client(ALLOWED_SOURCES="192.0.2.0/24", TRUSTED_PROXIES="203.0.113.0/24")
    event = gateway_event("call", _BODY, signature(_BODY), peer)
    event["headers"]["x-forwarded-for"] = forwarded_for

    assert hooks.hand_over(Category.DIRECT, event).status == status


def test_given_wcs_behind_a_proxy_of_its_own_when_the_headers_name_another_then_it_may_call(
    make_client: MakeClient,
) -> None:
    hooks = make_client(ALLOWED_SOURCES="192.0.2.0/24")
    event = gateway_event("call", _BODY, signature(_BODY), "192.0.2.7")
    event["headers"]["x-forwarded-for"] = "10.0.0.1, 192.0.2.7"

    assert hooks.hand_over(Category.DIRECT, event).status == 200


def test_given_a_gateway_event_without_an_address_when_sources_are_limited_then_it_is_rejected(
    make_client: MakeClient,
) -> None:
    hooks = make_client(ALLOWED_SOURCES="0.0.0.0/0,::/0")
    event: Any = gateway_event("call", _BODY, signature(_BODY), "192.0.2.7")
    del event["requestContext"]["http"]

    assert hooks.hand_over(Category.DIRECT, event).status == 403
