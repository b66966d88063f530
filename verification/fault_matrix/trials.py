"""How a row's fault is made to happen to one hook."""

import json
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from tests.support.faulty_aws import HANGING, REFUSED, Fault
from tests.support.hook_client import SECRET, signature
from verification.fault_matrix.in_process import LocalScene
from verification.fault_matrix.row import LocalTrial, Trial
from verification.fault_matrix.scene import (
    ALLOWED,
    CALLED,
    KEPT_ALIVE,
    Hook,
    Observed,
    Scene,
)
from wcs_hooks.adapters.cached_secrets import SECRET_TTL
from wcs_hooks.core import reply as replies
from wcs_hooks.core.methods import METHODS, Category

SNAPSHOT_TTL: Final = 1.0
"""Seconds: the default setting."""

WRONG: Final = "WCS 00000000000000000000000000000000"
"""The signature of somebody who does not know the secret."""

UNAVAILABLE: Final = 503

_LONGER_THAN_A_HOOK: Final = 1.5
"""Seconds: no time-out of botocore's ends what hangs at the resolution of a name."""

_WARMING_TRIES: Final = 3
_WARMING: Final = {
    Category.DIRECT: ALLOWED,
    Category.EVENT: KEPT_ALIVE,
    Category.INCOMING: CALLED,
}


class Injection(NamedTuple):
    """A way of making something go wrong.

    Attributes
    ----------
    description
        For people.
    into
        Does it.
    """

    description: str
    into: Callable[[Scene], None]


NOTHING: Final = Injection("nothing", lambda _: None)
"""To compare with."""


def over_the_wire(fault: Fault, *operations: str) -> Injection:
    """What comes back of operations is not what was asked for."""
    return Injection(fault.description, lambda scene: scene.fail(fault, *operations))


def both(first: Injection, second: Injection) -> Injection:
    """One thing after the other."""

    def into(scene: Scene) -> None:
        first.into(scene)
        second.into(scene)

    return Injection(f"{first.description}; {second.description}", into)


def cold(hook: Hook, injection: Injection, authorization: str | None = "") -> Trial:
    """The fault meets a function that knows nothing yet."""

    def trial(scene: Scene) -> Observed:
        if METHODS[hook.method].category is not Category.CONNECT:
            scene.connect()
        injection.into(scene)
        return scene.post(hook, authorization)

    return trial


def warm(
    hook: Hook,
    injection: Injection,
    authorization: str | None = "",
    *,
    after: float = SNAPSHOT_TTL,
) -> Trial:
    """The fault meets a function that answered a hook some seconds ago.

    Parameters
    ----------
    after
        By default long enough for the pointer to be read again.
    """

    def trial(scene: Scene) -> Observed:
        category = METHODS[hook.method].category
        if category is not Category.CONNECT:
            scene.connect()
        _warm(scene, _WARMING.get(category, hook))
        scene.pass_time(after)
        injection.into(scene)
        return scene.post(hook, authorization)

    return trial


def _warm(scene: Scene, hook: Hook) -> None:
    """Let the function read what it can remember; on a loaded machine it may be late at first."""
    warmed = [scene.post(hook).status]
    while warmed[-1] != replies.OK and len(warmed) < _WARMING_TRIES:
        warmed.append(scene.post(hook).status)
    assert warmed[-1] == replies.OK, warmed


def late(hook: Hook, operation: str) -> LocalTrial:
    """A read that no hook could wait for brings an answer, and then the store is out again."""

    def trial(scene: LocalScene) -> Observed:
        scene.connect()
        wait = scene.wire.hang

        def hang_once(_: float) -> None:
            scene.recover()
            wait(_LONGER_THAN_A_HOOK)

        scene.fail(HANGING, operation)
        with patch.object(scene.wire, "hang", hang_once):
            assert scene.post(hook).status == UNAVAILABLE
            # The hung attempt ends, botocore pauses for up to a second, and tries again.
            time.sleep(_LONGER_THAN_A_HOOK + 1)
        scene.fail(REFUSED, operation)
        return scene.post(hook)

    return trial


def at_refresh(hook: Hook, injection: Injection, authorization: str | None = "") -> Trial:
    """The fault meets a function whose secret is due to be read again."""
    return warm(hook, injection, authorization, after=SECRET_TTL)


def at_lookup(hook: Hook, injection: Injection) -> Trial:
    """The fault meets a function that knows its policies, when it looks up a row."""
    return warm(hook, injection, after=0.0)


# --- What is in the tables is wrong -----------------------------------------------------------


def _point(scene: Scene, **change: Any) -> None:
    scene.put_pointer({**scene.pointer(), **change})


def _spoil_pointer(scene: Scene) -> None:
    kept = ("app", "item", "version")
    scene.put_pointer({name: value for name, value in scene.pointer().items() if name in kept})


def _change_session(scene: Scene, **change: Any) -> None:
    scene.put_session({**scene.session(), **change})


def _spend_half_of_session(scene: Scene) -> None:
    _change_session(scene, expiresAt=int(time.time()) + 3 * 86_400)


def _drop_from_session(scene: Scene) -> None:
    kept = ("node", "session", "expiresAt")
    scene.put_session({name: value for name, value in scene.session().items() if name in kept})


def _publish_and_spoil(scene: Scene) -> None:
    scene.publish()
    scene.damage_version()


NO_POINTER: Final = Injection("item `current` deleted", lambda scene: scene.put_pointer(None))
POINTER_TO_NOWHERE: Final = Injection(
    "item `current` names version 4711", lambda scene: _point(scene, version=4711)
)
SPOILT_POINTER: Final = Injection("item `current` without its attributes", _spoil_pointer)
SPOILT_VERSION: Final = Injection("other bytes in a part", lambda scene: scene.damage_version())
SPOILT_NEW_VERSION: Final = Injection("a new version, other bytes in a part", _publish_and_spoil)
NEW_VERSION: Final = Injection("a new version", lambda scene: scene.publish())
SPOILT_SESSION: Final = Injection(
    "other bytes as its `body`", lambda scene: _change_session(scene, body=b"damaged")
)
BARE_SESSION: Final = Injection("an item without its attributes", _drop_from_session)


def _row(description: str, **attributes: Any) -> Injection:
    """Another system wrote a row."""
    return Injection(description, lambda scene: scene.put_row(attributes))


TEXT_AS_EXPIRY: Final = _row("`expiresAt` is a text", expiresAt="2030-01-01T00:00:00Z")
MILLISECONDS: Final = _row("`expiresAt` in milliseconds", expiresAt=1_900_000_000_000)
OVERSIZED_ROW: Final = _row("a text of 65,536 bytes in it", note="a" * 65_536)
EXPIRED_ROW: Final = Injection(
    "`expiresAt` is over", lambda scene: scene.put_row({"expiresAt": int(time.time()) - 60})
)

HALF_SPENT_SESSION: Final = Injection("three of its seven days left", _spend_half_of_session)


def _secret(text: str, description: str) -> Injection:
    """The operator wrote something else for the secret."""
    return Injection(description, lambda scene: scene.put_secret(text))


_NEW_SECRET: Final = "the-new-secret"
MALFORMED_SECRET: Final = _secret("no JSON", "a text that is not JSON")
EMPTY_SECRET: Final = _secret('{"current": ""}', "`current` is empty")
ROTATED: Final = _secret(
    json.dumps({"current": _NEW_SECRET, "previous": SECRET}), "rotated to a new secret"
)


def signed_anew(hook: Hook, injection: Injection) -> Trial:
    """WCS has a new secret already, which the function can't read when it is due to."""

    def trial(scene: Scene) -> Observed:
        header = signature(hook.body(scene.app, scene.session_id), _NEW_SECRET)
        return at_refresh(hook, both(ROTATED, injection), header)(scene)

    return trial


def by_stranger(
    of: Callable[[Hook, Injection, str | None], Trial], authorization: str | None = WRONG
) -> Callable[[Hook, Injection], Trial]:
    """Make the same trial with a hook that is somebody else's."""
    return lambda hook, injection: of(hook, injection, authorization)
