"""Only WCS is let in: the signature decides, and two keys are valid during a rotation."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.hooks import HookPoster, Reply
from simulated_wcs.transport import Signature
from tests.e2e.conftest import Deployed, until

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
    error = reply.error()
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
        deployed.outputs.direct_function_name,
        since_ms,
        lambda lines: any("Rejected" in line for line in lines),
    )
    assert sum("Rejected" in line for line in metrics) == 1


def test_given_a_rotated_secret_then_both_keys_work_until_the_previous_one_is_removed(
    deployed: Deployed, rotation: "Callable[[dict[str, str]], None]"
) -> None:
    old = deployed.hooks
    new = HookPoster(old.address, "the-key-after-the-rotation")
    assert _post(new).status == 403

    rotation({"current": new.secret, "previous": old.secret})
    assert _until_status(new, 200).body == _BODY
    assert _post(old).body == _BODY

    rotation({"current": new.secret})
    # A function remembers the keys for up to a minute; a stranger's try makes it look again.
    stranger = HookPoster(old.address, "nobody's key")
    refused = until(lambda: (_post(stranger), _post(old))[1], lambda reply: reply.status == 403)
    assert refused.status == 403
    assert _post(new).status == 200


def _post(hooks: HookPoster) -> Reply:
    return hooks.post("publishStream", _BODY)


def _until_status(hooks: HookPoster, status: int) -> Reply:
    return until(lambda: _post(hooks), lambda reply: reply.status == status)
