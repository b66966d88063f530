"""A hook's request, and what is known of it once it is answered."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.decision import Decision, Failure, Step
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.outcome import Cause, Outcome, RestOnError
from wcs_hooks.core.payload import Payload

if TYPE_CHECKING:
    from wcs_hooks.core.limits import Full
    from wcs_hooks.core.subject import Subject
    from wcs_hooks.core.tokens.verification import Shown


class Request(NamedTuple):
    """A hook as the gateway hands it over.

    Attributes
    ----------
    method
        The last segment of the path.
    authorization
        That header, if there is one.
    source
        The IP address that the connection to the gateway came from.
    decision_id
        By which the reply, the log line and the dead letter are found again.
    forwarded_for
        The X-Forwarded-For header, which anybody can send; empty if there is none.
    """

    method: str
    body: bytes
    authorization: str | None
    source: str
    decision_id: str
    forwarded_for: str = ""


class HookResult(StrEnum):
    """What became of a hook."""

    ECHOED = "echoed"
    OVERRIDDEN = "overridden"
    DENIED = "denied"
    REJECTED = "rejected"
    MALFORMED = "malformed"
    FAILED = "failed"


class RestError(NamedTuple):
    """What WCS does with a reply that is not 200.

    Attributes
    ----------
    rest_on_error
        The `restOnError` that the session got for the method; none if neither the session nor
        the active policies could be read.
    outcome
        By the vendor's table; none if `rest_on_error` is none, unless the table does not need it.
    """

    rest_on_error: RestOnError | None
    outcome: Outcome | None
    cause: Cause


class Observation(NamedTuple):
    """What happened while a hook was answered, for metrics and the log.

    Attributes
    ----------
    payload, in_force, decision
        What the reply was made of; each is none where it did not come to that.
    decision_time
        Seconds that the decision took; none where none was made.
    deny_suppressed
        Whether a denial was not carried out because the WCS REST API seems to have started this.
    dead_lettered
        Whether the hook was kept; none where there was no need to.
    dead_letter_fallback
        Whether it was kept in the table, since the queue did not take it.
    error
        Of a reply that no policy asked for, or of what failed besides the reply: what went wrong,
        with nothing of the body in it.
    redrive_of
        Of a hook out of the dead letters: the decision that WCS got as its reply; else empty.
    token
        What became of the hook's token; none if no policy asked.
    lookup_failures
        Rows that could not be read or used, each with its policy and its alias.
    limit_failures
        Limits that could not be counted.
    full
        Of each policy whose limit left no room, `app/id`, who holds its places.
    expired_places
        How many places were found whose holder let them run out.
    subject
        Returns who is behind the hook, if the setting `subject` is on and the hook was answered.
    steps
        The policies that were considered; none if the setting `explainDecisions` is off.
    """

    request: Request
    category: Category
    kind: HookResult
    payload: Payload | None = None
    in_force: ActivePolicies | None = None
    stale: bool = False
    decision: Decision | None = None
    decision_time: float | None = None
    deny_suppressed: bool = False
    dead_lettered: bool | None = None
    dead_letter_fallback: bool = False
    error: str = ""
    rest_error: RestError | None = None
    redrive_of: str = ""
    token: "Shown | None" = None
    lookup_failures: tuple[Failure, ...] = ()
    limit_failures: tuple[Failure, ...] = ()
    full: Mapping[str, "Full"] = {}
    expired_places: int = 0
    subject: "Callable[[], Subject | None] | None" = None
    steps: Sequence[Step] | None = None

    @property
    def method_is_known(self) -> bool:
        """Whether the method is one that this project knows."""
        return self.request.method in METHODS

    @property
    def reports_failure(self) -> bool:
        """Whether WCS reports an error of its own or of SIP's.

        See `docs/reference/wcs-protocol.md`, section 5.
        """
        if self.category is not Category.EVENT or self.payload is None:
            return False
        method = METHODS.get(self.request.method)
        is_error = method is not None and method.canonical == "ErrorEvent"
        return is_error or self.payload.fields.get("status") == "FAILED"
