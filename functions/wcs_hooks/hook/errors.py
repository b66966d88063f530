"""Errors: the one place where they become replies."""

from typing import Final, NamedTuple

from wcs_hooks.core import reply as replies
from wcs_hooks.core.caller import RejectedCallerError
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.payload import MalformedBodyError
from wcs_hooks.core.reply import Reply
from wcs_hooks.hook.request import HookResult

_FORBIDDEN: Final = 403
_INTERNAL_ERROR: Final = 500
_UNAVAILABLE: Final = 503


class Refusal(NamedTuple):
    """What an error makes of a hook.

    Attributes
    ----------
    kind
        What became of the hook.
    status
        The reply's HTTP status.
    reason
        What went wrong, for operators, with nothing of the body in it.
    shown
        The same for the caller, who is not shown where a bug is.
    """

    kind: HookResult
    status: int
    reason: str
    shown: str

    def reply(self, decision_id: str) -> Reply:
        """The reply that says so."""
        return replies.error(self.status, self.shown, decision_id)


def refusal_of(error: Exception) -> Refusal:
    """What an error makes of a hook."""
    reason = str(error)
    match error:
        case RejectedCallerError():
            return Refusal(HookResult.REJECTED, _FORBIDDEN, reason, reason)
        case MalformedBodyError():
            return Refusal(HookResult.MALFORMED, error.status, reason, reason)
        case UnavailableError():
            return Refusal(HookResult.FAILED, _UNAVAILABLE, reason, reason)
        case _:
            return Refusal(HookResult.FAILED, _INTERNAL_ERROR, _describe(error), "internal error")


def _describe(error: Exception) -> str:
    """The kind of an unforeseen error and where it arose; its text could quote a secret."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    return f"{type(error).__name__} at {place.tb_frame.f_code.co_qualname}:{place.tb_lineno}"
