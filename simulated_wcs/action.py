"""What somebody did, and what WCS made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulated_wcs.account import InteractionError
from simulated_wcs.bodies import Fields
from simulated_wcs.session import WcsSession
from simulated_wcs.transport import Exchange


class Conclusion(StrEnum):
    """What became of an action.

    `accepted`: the hook was answered by 200, and the action carried out. `not-called`: carried out
    without asking. The others are the vendor's for an interaction error: `declined` the connection,
    `aborted` the action, `continued` in spite of it, `error-event` continued with an ErrorEvent for
    the client, `stream-ended`.
    """

    ACCEPTED = "accepted"
    NOT_CALLED = "not-called"
    DECLINED = "declined"
    ABORTED = "aborted"
    CONTINUED = "continued"
    ERROR_EVENT = "error-event"
    STREAM_ENDED = "stream-ended"


@dataclass(frozen=True, slots=True)
class HookCall:
    """One hook of an action.

    Attributes
    ----------
    sent
        The body's fields; none if the hook was not sent.
    fields
        What WCS goes on with.
    returned
        The reply's fields, if it was 200 and a JSON object.
    error
        The interaction error, if there was one.
    """

    method: str
    sent: Mapping[str, Any] | None
    fields: Fields
    exchange: Exchange | None = None
    returned: Mapping[str, Any] | None = None
    error: InteractionError | None = None


@dataclass(slots=True)
class PerformedAction:
    """What somebody did, and what WCS made of it.

    Attributes
    ----------
    conclusion
        Of the action, by what WCS did.
    hooks
        All that were due, the action's own first.
    fields
        What WCS goes on with.
    session
        Whose it is.
    initiator
        What whoever began it gets, if that is not a client: a SIP user agent, a player, a caller of
        the REST API.
    """

    conclusion: Conclusion
    session: WcsSession
    hooks: list[HookCall] = field(default_factory=list)
    fields: Fields = field(default_factory=dict)
    initiator: Mapping[str, Any] = field(default_factory=dict)

    @property
    def went_on(self) -> bool:
        """Whether what was asked for was done."""
        return self.conclusion not in {Conclusion.DECLINED, Conclusion.ABORTED}
