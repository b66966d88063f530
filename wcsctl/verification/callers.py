"""Who is let in: only callers that know the current or the previous secret."""

import secrets
import time
from collections.abc import Callable
from typing import Final

from simulated_wcs.transport import Authentication, HookReply, NoAuthentication
from wcs_hooks.adapters.cached_secrets import LEAST_PAUSE, SECRET_TTL
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category
from wcs_hooks.core.reply import OK
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.verification.check import DeploymentCheck, Sighting, failed, not_possible, passed
from wcsctl.verification.run import METHOD_OF, VerificationRun

_FORBIDDEN: Final = 403
_MARGIN: Final = 1.0
_TRIES: Final = 4
"""How often a function is asked whether it takes the previous secret: ten rejections in a minute
are an alarm."""

_OPEN: Final = "the setting auth is none: everybody is let in"


def _look_at_wrong(run: VerificationRun) -> Sighting:
    return _rejected(run, run.proof_by("not the secret"))


def _look_at_absent(run: VerificationRun) -> Sighting:
    return _rejected(run, NoAuthentication())


def _look_at_previous(run: VerificationRun) -> Sighting:
    if run.auth is Auth.NONE:
        return not_possible(_OPEN)
    store = CallerSecretStore(run.deployment)
    before = store.read()
    if before.previous:
        return _accepted(run, before.previous, "the rotation's own")
    run.previous = run.name.previous_secret + secrets.token_hex(16)
    store.accept_too(run.previous)
    try:
        # A function that has just looked takes its time.
        run.pass_time(LEAST_PAUSE)
        return _accepted(run, run.previous, "added for the check")
    finally:
        if store.read().previous == run.previous:
            store.finish()
        run.previous_removed_at = time.monotonic()


def _look_at_removed(run: VerificationRun) -> Sighting:
    if run.auth is Auth.NONE:
        return not_possible(_OPEN)
    if run.previous_removed_at is None:
        return not_possible("needs a previous secret of its own, which the check before could add")
    left = run.previous_removed_at + SECRET_TTL + _MARGIN - time.monotonic()
    if left > 0 and run.options.idle_seconds < SECRET_TTL:
        return not_possible(
            f"takes {SECRET_TTL:.0f} s: --idle is {run.options.idle_seconds:.0f} s here"
        )
    run.waiting("the removed secret's last seconds")
    run.pass_time(left)
    return _rejected(run, run.proof_by(run.previous))


def _rejected(run: VerificationRun, proof: Authentication) -> Sighting:
    if run.auth is Auth.NONE:
        return not_possible(_OPEN)
    replies = _asked(lambda method: run.post_with(proof, method, run.body(run.name.plain_app)))
    wrong = [
        f"{category} {reply.status}"
        for category, reply in replies.items()
        if reply.status != _FORBIDDEN or reply.error.get("policy", "") is not None
    ]
    if wrong:
        return failed(f"answered {', '.join(wrong)}")
    return passed(f"403 in {', '.join(replies)}")


def _accepted(run: VerificationRun, secret: str, which: str) -> Sighting:
    proof = run.proof_by(secret)

    def post(method: str) -> HookReply:
        return run.until(
            lambda: run.post_with(proof, method, run.body(run.name.plain_app)),
            lambda reply: reply.status == OK,
            LEAST_PAUSE * _TRIES,
            pause=LEAST_PAUSE,
        )

    replies = _asked(post)
    wrong = [f"{name} {reply.status}" for name, reply in replies.items() if reply.status != OK]
    if wrong:
        return failed(f"answered {', '.join(wrong)}")
    return passed(f"200 in {', '.join(replies)} ({which})")


def _asked(post: Callable[[str], HookReply]) -> dict[Category, HookReply]:
    return {category: post(method) for category, method in METHOD_OF.items()}


CHECKS: Final = (
    DeploymentCheck("wrong signature", "403 by the endpoint, in each category", _look_at_wrong),
    DeploymentCheck("absent signature", "403 by the endpoint, in each category", _look_at_absent),
    DeploymentCheck("previous signature", "200, in each category", _look_at_previous),
)
AFTER_IDLING: Final = (
    DeploymentCheck(
        "removed signature",
        f"403 in each category, {SECRET_TTL:.0f} s after it was removed",
        _look_at_removed,
    ),
)
