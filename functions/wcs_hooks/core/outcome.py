"""What WCS does with an answer: the vendor's table of interaction errors.

`docs/reference/wcs-protocol.md`, section 5. Any reply other than 200 is an interaction error; what
follows depends on the method's category and on the `restOnError` that connect's reply gave for the
method.
"""

from enum import StrEnum
from typing import Final

from wcs_hooks.core.methods import METHODS, Category

STREAM_KEEP_ALIVE: Final = "StreamKeepAliveEvent"
"""The one event whose refusal has an effect beyond an ErrorEvent: it ends the stream."""

UNKNOWN: Final = "UNKNOWN"
"""Used instead of a `RestOnError` or an `Outcome` that could not be determined."""


class RestOnError(StrEnum):
    """What a session's restClientConfig says for a method; WCS's default is `LOG`."""

    FAIL = "FAIL"
    LOG = "LOG"


class Outcome(StrEnum):
    """What WCS does on an interaction error.

    `declined`: the connection is refused. `aborted`: the action is, and the client (of an incoming
    call also its initiator) learns of it. `error-event`: WCS carries on, and the client is sent an
    ErrorEvent. `stream-ended`: the stream that was kept alive is ended. `continued`: WCS carries
    on.
    """

    DECLINED = "declined"
    ABORTED = "aborted"
    ERROR_EVENT = "error-event"
    STREAM_ENDED = "stream-ended"
    CONTINUED = "continued"


class Cause(StrEnum):
    """Why a reply was not 200."""

    POLICY = "policy"
    FAILURE = "failure"
    CALLER = "caller"
    MALFORMED = "malformed"


def outcome_of(method: str, category: Category, rest_on_error: RestOnError) -> Outcome:
    """What WCS does when a hook is not answered by 200.

    Parameters
    ----------
    method
        As WCS sends it.
    category
        The method's; of a method that is not known, the one it was routed to.
    rest_on_error
        The `restOnError` that the session got for the method.

    Examples
    --------
    >>> outcome_of("publishStream", Category.DIRECT, RestOnError.LOG)
    <Outcome.CONTINUED: 'continued'>
    """
    if category is Category.CONNECT:
        return Outcome.DECLINED
    if rest_on_error is RestOnError.LOG:
        return Outcome.CONTINUED
    if category is not Category.EVENT:
        return Outcome.ABORTED
    known = METHODS.get(method)
    if known is not None and known.canonical == STREAM_KEEP_ALIVE:
        return Outcome.STREAM_ENDED
    return Outcome.ERROR_EVENT
