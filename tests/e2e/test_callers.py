"""Only WCS is let in: the signature decides, and two keys are valid during a rotation."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from simulated_wcs.transport import HookReply, Signature
from tests.e2e.conftest import Deployed, until
from tests.support.local_stack import HookPoster
from wcs_hooks.core.methods import Category

if TYPE_CHECKING:
    from collections.abc import Callable

_BODY = b'{"appKey": "defaultApp", "name": "b4e7"}'
_STRANGERS = {
    "absent": None,
    "of another key": Signature("not the key").header(_BODY),
    "of another body": None,
    "empty": "",
    "of another scheme": "Basic d2NzOnBhc3N3b3Jk",
    "without a hash": "WCS",
    "not ASCII": "WCS \u00e9\u00e9",
}


@pytest.fixture
def rotation(deployed: Deployed) -> Iterator["Callable[[dict[str, str]], None]"]:
    """Set the keys; afterwards there is the original one again."""

    def set_keys(keys: dict[str, str]) -> None:
        deployed.secrets.put_secret_value(
            SecretId=deployed.outputs.signature_secret_arn, SecretString=json.dumps(keys)
        )

    yield set_keys
    set_keys({"current": deployed.hooks.secret})
    _until_status(deployed.hooks, 200)


@pytest.mark.parametrize("kind", _STRANGERS)
@pytest.mark.parametrize("method", ["connect", "publishStream", "StreamEvent", "OnCallEvent"])
def test_given_a_wrong_signature_when_a_hook_is_posted_then_403_names_no_policy(
    deployed: Deployed, method: str, kind: str
) -> None:
    authorization = _STRANGERS[kind]
    if kind == "of another body":
        authorization = Signature(deployed.hooks.secret).header(_BODY + b" ")

    reply = deployed.post(method, _BODY, authorization=authorization)

    assert reply.status == 403
    error = reply.error
    assert error["status"] == 403
    assert error["reason"]
    assert error["policy"] is None
    assert error["decision"] == reply.decision


def test_given_a_malformed_hook_of_a_stranger_then_it_is_no_dead_letter(
    deployed: Deployed, since_ms: int
) -> None:
    stranger = deployed.post("call", b"[]", authorization=None)
    wcs = deployed.post("call", b"[]")

    assert (stranger.status, wcs.status) == (403, 400)
    letter, seen = deployed.dead_letter(wcs)
    assert letter is not None
    assert stranger.decision not in seen
    metrics = deployed.emf(
        Category.DIRECT,
        since_ms,
        lambda lines: any("Rejected" in line for line in lines),
    )
    assert sum("Rejected" in line for line in metrics) == 1


def test_given_a_rotated_secret_then_both_keys_work_until_the_previous_one_is_removed(
    deployed: Deployed, rotation: "Callable[[dict[str, str]], None]"
) -> None:
    old = deployed.hooks
    new = HookPoster(old.target, "the-key-after-the-rotation")
    assert _post(new).status == 403

    rotation({"current": new.secret, "previous": old.secret})
    assert _until_status(new, 200).body == _BODY
    assert _post(old).body == _BODY

    rotation({"current": new.secret})
    # A function remembers the keys for up to a minute; a stranger's try makes it look again.
    stranger = HookPoster(old.target, "nobody's key")
    refused = until(lambda: (_post(stranger), _post(old))[1], lambda reply: reply.status == 403)
    assert refused.status == 403
    assert _post(new).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param([("AUTHORIZATION", "WCS {hash}")], 200, id="the name in capitals"),
        pytest.param([("authorization", "wcs {HASH}")], 200, id="scheme and hash in another case"),
        pytest.param([("Authorization", "  WCS   {hash} \t")], 200, id="blanks around"),
        pytest.param([("Authorization", "WCS {hash}")] * 2, 403, id="the right one twice"),
        pytest.param(
            [("Authorization", "WCS {hash}"), ("Authorization", "WCS 00")],
            403,
            id="then a wrong one",
        ),
        pytest.param(
            [("Authorization", "WCS 00"), ("Authorization", "WCS {hash}")],
            403,
            id="first a wrong one",
        ),
        pytest.param([("Authorization", "WCS {folded}")], 403, id="folded"),
        pytest.param([("Authorization", "Bearer {hash}")], 403, id="another scheme"),
        pytest.param([("Authorization", "{hash}")], 403, id="no scheme"),
        pytest.param([("Authorization", "WCS " + "0" * 9_000)], 403, id="overlong"),
        pytest.param([("X-Authorization", "WCS {hash}")], 403, id="under another name"),
        pytest.param([("Cookie", "Authorization=WCS {hash}")], 403, id="as a cookie"),
        pytest.param([], 403, id="none"),
    ],
)
def test_given_an_odd_header_when_it_goes_through_the_gateway_then_only_a_whole_hash_lets_in(
    deployed: Deployed, headers: list[tuple[str, str]], status: int
) -> None:
    signed = (Signature(deployed.hooks.secret).header(_BODY) or "").removeprefix("WCS ")
    forms = {"hash": signed, "HASH": signed.upper(), "folded": f"{signed[:9]}\r\n {signed[9:]}"}
    given = [(name, value.format_map(forms)) for name, value in headers]

    answer, _ = _send(deployed, "POST", "/publishStream", given)

    assert answer == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_given_another_verb_when_even_wcs_uses_it_then_no_function_is_there(
    deployed: Deployed, method: str
) -> None:
    signed = Signature(deployed.hooks.secret).header(_BODY) or ""

    status, decision = _send(deployed, method, "/publishStream", [("Authorization", signed)])

    assert 400 <= status < 500
    assert decision is None


@pytest.mark.parametrize(
    "path",
    [
        *("/", "//", "/a/b", "/connect/", "//connect", "/%2F", "/a%2Fb", "/publish%53tream"),
        *(
            "/..%2Fconnect",
            "/%00",
            "/%0d%0a",
            "/CONNECT",
            "/$default/connect",
            "/connect?redrive=1",
        ),
        *("/redrive", "/" + "x" * 4_000, "/%E2%98%83", "/connect;a=b", "/.", "/*"),
    ],
)
def test_given_an_odd_path_when_a_stranger_posts_there_then_nobody_answers_or_lets_it_in(
    deployed: Deployed, path: str
) -> None:
    for headers in ([], [("Authorization", "WCS 00")]):
        status, _ = _send(deployed, "POST", path, headers)

        assert status in {400, 403, 404, 414}


def _send(
    deployed: Deployed, method: str, path: str, headers: Sequence[tuple[str, str]]
) -> tuple[int, str | None]:
    """Send what no ordinary client sends; gives the status, and the decision if there was one."""
    target = deployed.hooks.target
    connection = target.connection(timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in (
            ("Host", target.host_header()),
            ("Content-Type", "application/json;charset=UTF-8"),
            ("Content-Length", str(len(_BODY))),
            *headers,
        ):
            connection.putheader(name, value)
        connection.endheaders(_BODY)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("X-Decision-Id")
    finally:
        connection.close()


def _post(hooks: HookPoster) -> HookReply:
    return hooks.post("publishStream", _BODY)


def _until_status(hooks: HookPoster, status: int) -> HookReply:
    return until(lambda: _post(hooks), lambda reply: reply.status == status)
