"""The check of a caller, as the endpoint makes it, with secrets that are known."""

from collections.abc import Sequence

from tests.support.fake_clock import FakeClock
from wcs_hooks.clock import Deadline
from wcs_hooks.core.caller import Auth
from wcs_hooks.hook.caller_check import CallerCheck
from wcs_hooks.hook.request import Request


class KnownSecrets:
    """`Secrets` that never change, and are there at once."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def valid(self, deadline: Deadline) -> Sequence[str]:  # noqa: ARG002 - the port's signature
        return self._secrets

    refreshed = valid


def check_signature(authorization: str | None, body: bytes, secrets: Sequence[str]) -> None:
    """Check a signed request; raises `RejectedCallerError` unless WCS may have sent it."""
    _check(CallerCheck(Auth.HMAC, KnownSecrets(secrets)), authorization, body)


def check_basic(authorization: str | None, user: str, secrets: Sequence[str]) -> None:
    """Check a request with Basic credentials; raises `RejectedCallerError` as well."""
    _check(CallerCheck(Auth.BASIC, KnownSecrets(secrets), basic_user=user), authorization, b"{}")


def _check(check: CallerCheck, authorization: str | None, body: bytes) -> None:
    request = Request("call", body, authorization, "203.0.113.9", "decision-1")
    check(request, Deadline(FakeClock(0.0), 1.0))
