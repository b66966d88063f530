"""The endpoint: from a request to its reply, and to what is said of it afterwards.

Every error becomes a reply here, and nowhere else.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core import reply as replies
from wcs_hooks.core.answer import answer as answer_hook
from wcs_hooks.core.caller import (
    BASIC_IS_WRONG,
    SIGNATURE_IS_WRONG,
    Auth,
    RejectedCallerError,
    RestApiCalls,
    authorize_source,
    basic_fits,
    credentials,
    signature_fits,
)
from wcs_hooks.core.decision import Decision, Hook, SessionUnavailableError, Verdict
from wcs_hooks.core.in_force import InForce
from wcs_hooks.core.methods import METHODS, PLAYERS, Category
from wcs_hooks.core.outcome import Cause, Outcome, RestOnError, outcome_of
from wcs_hooks.core.payload import MalformedBodyError, Payload, parse
from wcs_hooks.core.reply import Reply
from wcs_hooks.hook import dead_letter
from wcs_hooks.hook.sessions import SessionLookup, Sessions
from wcs_hooks.hook.side_effects import Answered, FollowUp
from wcs_hooks.hook.time_budget import SIDE_EFFECTS, TimeBudget
from wcs_hooks.ports import DeadLetters, Policies, Secrets, UnavailableError

_FORBIDDEN: Final = 403
_INTERNAL_ERROR: Final = 500
_UNAVAILABLE: Final = 503


class Request(NamedTuple):
    """A hook as the gateway hands it over.

    Attributes
    ----------
    method
        The last segment of the path.
    authorization
        That header, if there is one.
    source
        The caller's IP address.
    decision_id
        By which the reply, the log line and the dead letter are found again.
    """

    method: str
    body: bytes
    authorization: str | None
    source: str
    decision_id: str


class Kind(StrEnum):
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
        What the session was told for the method; none where neither the session nor what is in
        force could be read.
    outcome
        By the vendor's table; none likewise, unless the table does not ask.
    """

    rest_on_error: RestOnError | None
    outcome: Outcome | None
    cause: Cause


class Observation:
    """What happened while a hook was answered, for metrics and the log.

    Attributes
    ----------
    caller_is_verified
        Whether the caller was found to be WCS; not so if the secret could not be read.
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
        Of a hook out of the dead letters: the decision that WCS was told; else empty.
    """

    # No dataclass: making one takes a millisecond of a cold start, as its `inspect` takes five.

    kind: Kind = Kind.ECHOED
    payload: Payload | None = None
    decision: Decision | None = None
    in_force: InForce | None = None
    session: SessionLookup | None = None
    stale: bool = False
    decided_at: float = 0.0
    decision_time: float | None = None
    deny_suppressed: bool = False
    dead_lettered: bool | None = None
    dead_letter_fallback: bool = False
    error: str = ""
    rest_error: RestError | None = None
    caller_is_verified: bool = False

    def __init__(self, request: Request, category: Category, redrive_of: str = "") -> None:
        self.request = request
        self.category = category
        self.redrive_of = redrive_of

    @property
    def method_is_known(self) -> bool:
        """Whether the method is one that this project knows."""
        return self.request.method in METHODS

    @property
    def reports_failure(self) -> bool:
        """Whether WCS tells of an error of its own or of SIP's.

        See `docs/wcs-protocol.md`, section 5.
        """
        if self.category is not Category.EVENT or self.payload is None:
            return False
        method = METHODS.get(self.request.method)
        is_error = method is not None and method.canonical == "ErrorEvent"
        return is_error or self.payload.fields.get("status") == "FAILED"


class CallerCheck:
    """Lets in WCS and nobody else.

    Parameters
    ----------
    auth
        How it proves itself.
    secrets
        What it proves itself with.
    basic_user
        The user of `Auth.BASIC`.
    allowed_sources
        CIDR blocks; none of them means any.
    """

    def __init__(
        self,
        auth: Auth,
        secrets: Secrets,
        basic_user: str = "",
        allowed_sources: tuple[str, ...] = (),
    ) -> None:
        self._auth = auth
        self._secrets = secrets
        self._basic_user = basic_user
        self._allowed_sources = allowed_sources

    def __call__(self, request: Request, deadline: Deadline) -> None:
        """Check a request.

        Raises
        ------
        RejectedCallerError
            If the caller did not prove to be WCS.
        UnavailableError
            If the secret could not be had.
        """
        authorize_source(request.source, self._allowed_sources)
        if self._auth is Auth.NONE:
            return
        # First the form, which costs nothing: a stranger without a hash is none of our failures.
        given = credentials(self._auth, request.authorization)
        if self._fits(given, request.body, self._secrets.valid(deadline)):
            return
        # WCS may have been given a new secret since ours was read.
        if self._fits(given, request.body, self._secrets.refreshed(deadline)):
            return
        raise RejectedCallerError(SIGNATURE_IS_WRONG if self._auth is Auth.HMAC else BASIC_IS_WRONG)

    def _fits(self, given: bytes, body: bytes, secrets: Sequence[str]) -> bool:
        if self._auth is Auth.HMAC:
            return signature_fits(given, body, secrets)
        return basic_fits(given, self._basic_user, secrets)


class HookEndpoint:
    """Answers the hooks of one category.

    Parameters
    ----------
    category
        The function's.
    check_caller
        Who may call.
    policies
        What is in force.
    sessions
        What was seen at connect.
    rest_api_calls
        Whether what the WCS REST API started may be denied.
    follow_ups
        What else is done for a hook that was answered; of a connect only if it was not denied.
    dead_letters
        Where hooks go that could not be processed.
    clock
        What the decision goes by, and the time budget.
    reply_timeout
        Seconds within which the reply is given, whatever fails.
    """

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        category: Category,
        *,
        check_caller: CallerCheck,
        policies: Policies,
        sessions: Sessions,
        rest_api_calls: RestApiCalls,
        follow_ups: Sequence[FollowUp],
        dead_letters: DeadLetters,
        clock: Clock,
        reply_timeout: float,
    ) -> None:
        self._category = category
        self._check_caller = check_caller
        self._policies = policies
        self._sessions = sessions
        self._rest_api_calls = rest_api_calls
        self._follow_ups = follow_ups
        self._names = [follow_up.name for follow_up in follow_ups]
        self._dead_letters = dead_letters
        self._clock = clock
        self._reply_timeout = reply_timeout

    def answer(self, request: Request) -> tuple[Reply, Observation]:
        """Answer a hook. Nothing is raised: whatever goes wrong has a reply, too."""
        observation = Observation(request, self._category)
        budget = TimeBudget(self._clock, self._reply_timeout)
        try:
            self._check_caller(request, budget.fetch)
            observation.caller_is_verified = True
            reply = self._reply(request, observation, budget.fetch)
        except Exception as error:  # noqa: BLE001 - a bug must still leave WCS a reply to act upon
            reply = _refused(observation, error)
            if observation.kind is not Kind.REJECTED:
                pending = self._pending(observation.kind)
                self._keep(observation, error, budget.dead_letter(), pending)
        else:
            self._follow_up(observation, budget)
        if reply.status != replies.OK:
            observation.rest_error = self._rest_error(observation, budget)
        return reply, observation

    def redrive(
        self, request: Request, original: str, pending: Collection[str] | None
    ) -> tuple[Reply, Observation, list[str]]:
        """Answer a hook again that came out of the dead letters.

        WCS was told long ago, and does not hear of it; what was left to do besides the reply is
        done now. The caller was verified then, and what fails is not kept again: whoever redrives
        has it.

        Parameters
        ----------
        original
            The id of the decision that WCS was told.
        pending
            What is left to do; none where that is not known, and all is done.

        Returns
        -------
        tuple
            The answer that the hook gets now, what happened, and what is left to do still.
        """
        observation = Observation(request, self._category, redrive_of=original)
        deadline = Deadline(self._clock, self._reply_timeout)
        names = self._names if pending is None else pending
        try:
            reply = self._reply(request, observation, deadline)
        except Exception as error:  # noqa: BLE001 - whoever redrives is told
            return _refused(observation, error), observation, list(names)
        side_effects = Deadline(self._clock, self._reply_timeout * SIDE_EFFECTS)
        failures = self._carry_out(observation, names, side_effects)
        if failures:
            reply = _refused(observation, next(iter(failures.values())))
        return reply, observation, list(failures)

    def _reply(self, request: Request, observation: Observation, deadline: Deadline) -> Reply:
        payload = observation.payload = parse(request.body)
        if not observation.method_is_known:
            return replies.echo(payload)
        session = observation.session = SessionLookup(self._sessions, payload, deadline)
        in_force, observation.stale = self._policies.in_force(payload.app, deadline)
        observation.in_force = in_force
        observation.decided_at = now = self._clock.now()
        hook = Hook(request.method, self._category, payload)
        started = self._clock.monotonic()

        def decided(decision: Decision) -> None:
            observation.decision = decision
            observation.decision_time = self._clock.monotonic() - started

        reply, decision, observation.deny_suppressed = answer_hook(
            in_force,
            hook,
            session.for_expressions,
            now,
            rest_api_calls=self._rest_api_calls,
            decision_id=request.decision_id,
            decided=decided,
        )
        if decision.verdict is Verdict.OVERRIDE:
            observation.kind = Kind.OVERRIDDEN
        elif decision.denial is not None and not observation.deny_suppressed:
            observation.kind = Kind.DENIED
        return reply

    def _pending(self, kind: Kind) -> Sequence[str]:
        """What is left to do for a hook that got no answer.

        Nothing for a connect: WCS declined it, so that there is no session to be recorded.
        """
        failed = kind is Kind.FAILED and self._category is not Category.CONNECT
        return self._names if failed else ()

    def _follow_up(self, observation: Observation, budget: TimeBudget) -> None:
        if not self._names:
            return
        if observation.kind is Kind.DENIED and self._category is Category.CONNECT:
            return
        failures = self._carry_out(observation, self._names, budget.side_effects())
        if failures:
            error = next(iter(failures.values()))
            observation.error = "; ".join(_refusal(each).reason for each in failures.values())
            self._keep(observation, error, budget.dead_letter(), list(failures))

    def _carry_out(
        self, observation: Observation, names: Collection[str], deadline: Deadline
    ) -> dict[str, Exception]:
        """Do what is to be done besides the reply: all of `names`; tell which of it failed."""
        payload, in_force = observation.payload, observation.in_force
        failures: dict[str, Exception] = {}
        if payload is None or in_force is None or not names:
            return failures
        request, original = observation.request, observation.redrive_of
        answered = Answered(
            request.method,
            payload,
            in_force,
            observation.decided_at,
            original or request.decision_id,
            redriven=bool(original),
        )
        to_do = [follow_up for follow_up in self._follow_ups if follow_up.name in names]
        for done, follow_up in enumerate(to_do):
            # One that hangs leaves the others their part.
            part = 1 / (len(to_do) - done)
            try:
                follow_up(answered, deadline.part(part))
            except Exception as error:  # noqa: BLE001 - whatever fails here, the reply stands
                failures[follow_up.name] = error
        return failures

    def _keep(
        self,
        observation: Observation,
        error: Exception,
        deadline: Deadline,
        pending: Sequence[str],
    ) -> None:
        message = dead_letter.message(
            observation.request,
            self._category,
            error,
            _refusal(error).reason,
            self._clock.now(),
            versions=observation.in_force.versions() if observation.in_force else {},
            pending=pending,
        )
        if not observation.caller_is_verified:
            message[dead_letter.UNVERIFIED] = True
        try:
            place = self._dead_letters.send(message, deadline)
        except Exception:  # noqa: BLE001 - WCS must have its reply; the loss is counted and logged
            observation.dead_lettered = False
        else:
            observation.dead_lettered = True
            observation.dead_letter_fallback = place is dead_letter.Place.TABLE

    def _rest_error(self, observation: Observation, budget: TimeBudget) -> RestError:
        told = self._session_rest_on_error(observation, budget)
        told = told or self._current_rest_on_error(observation)
        method, cause = observation.request.method, _CAUSES[observation.kind]
        if self._category is Category.CONNECT:
            return RestError(told, Outcome.DECLINED, cause)
        return RestError(told, outcome_of(method, self._category, told) if told else None, cause)

    def _session_rest_on_error(
        self, observation: Observation, budget: TimeBudget
    ) -> RestOnError | None:
        """What the session was told: after a refusal that is rare, and worth a read."""
        session = observation.session
        never_told = self._category is Category.CONNECT or observation.request.method in PLAYERS
        if session is None or never_told:
            return None
        try:
            record = session.for_label(budget.label())
        except Exception:  # noqa: BLE001 - the hook failed already, and has its reply
            return None
        return record.rest_on_error(observation.request.method) if record else None

    def _current_rest_on_error(self, observation: Observation) -> RestOnError | None:
        """What the app's sessions are told now, as far as that is known without asking.

        A caller who is not WCS must not make us ask. Of a body that was not read, the app is not
        known: what holds for every app stands for it. After our own failure nothing does.
        """
        in_force = observation.in_force
        if in_force is None and observation.kind is not Kind.FAILED:
            in_force = self._policies.for_every_app()
        if in_force is None:
            return None
        return in_force.rest_on_error(observation.request.method, self._clock.now())


class _Refusal(NamedTuple):
    kind: Kind
    status: int
    reason: str
    shown: str


def _refusal(error: Exception) -> _Refusal:
    """The one place where errors become replies."""
    reason = str(error)
    match error:
        case RejectedCallerError():
            return _Refusal(Kind.REJECTED, _FORBIDDEN, reason, reason)
        case MalformedBodyError():
            return _Refusal(Kind.MALFORMED, error.status, reason, reason)
        case UnavailableError() | SessionUnavailableError():
            return _Refusal(Kind.FAILED, _UNAVAILABLE, reason, reason)
        case _:
            return _Refusal(Kind.FAILED, _INTERNAL_ERROR, _describe(error), "internal error")


def _refused(observation: Observation, error: Exception) -> Reply:
    """Note what went wrong, and make a reply of it."""
    refusal = _refusal(error)
    observation.kind, observation.error = refusal.kind, refusal.reason
    return replies.error(refusal.status, refusal.shown, observation.request.decision_id)


_CAUSES: Final = {
    Kind.DENIED: Cause.POLICY,
    Kind.REJECTED: Cause.CALLER,
    Kind.MALFORMED: Cause.MALFORMED,
    Kind.FAILED: Cause.FAILURE,
}


def _describe(error: Exception) -> str:
    """The kind of an unforeseen error and where it arose; its text could quote a secret."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    return f"{type(error).__name__} at {place.tb_frame.f_code.co_qualname}:{place.tb_lineno}"
