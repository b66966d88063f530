"""The endpoint: from a request to its reply, its side effects, and an observation of both."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.answer import Answer, LazyIdentity, identity_of
from wcs_hooks.core.answer import answer as answer_hook
from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.decision import Decision, Failure, Hook, Step, UndecidedError, Verdict
from wcs_hooks.core.methods import METHODS, PLAYERS, Category
from wcs_hooks.core.outcome import Cause, Outcome, RestOnError, outcome_of
from wcs_hooks.core.payload import Payload, parse
from wcs_hooks.core.reply import OK, Reply, echo
from wcs_hooks.hook import errors
from wcs_hooks.hook.caller_check import CallerCheck
from wcs_hooks.hook.request import HookResult, Observation, Request, RestError
from wcs_hooks.hook.sessions import SessionLookup
from wcs_hooks.hook.side_effects import Answered, SideEffect
from wcs_hooks.hook.time_budget import LISTS, SIDE_EFFECTS, TimeBudget
from wcs_hooks.ports import DeadLetters, Leases, Lists, Place, Policies, Sessions, TokenKeys

if TYPE_CHECKING:
    from wcs_hooks.core.places import Take
    from wcs_hooks.core.subject import Subject
    from wcs_hooks.hook.places import SessionPlaces
    from wcs_hooks.hook.subjects import SubjectFinder

_NOT_KEPT: Final[tuple[bool | None, bool]] = (None, False)

_CAUSES: Final = {
    HookResult.DENIED: Cause.POLICY,
    HookResult.REJECTED: Cause.CALLER,
    HookResult.MALFORMED: Cause.MALFORMED,
    HookResult.FAILED: Cause.FAILURE,
}


class HookEndpoint:
    """Answers the hooks of one category.

    Parameters
    ----------
    category
        The function's.
    check_caller
        Who may call.
    policies
        The active policies.
    sessions
        What was seen at connect.
    token_keys
        Returns the keys of a policy that trusts tokens; none if there are none to be had.
    lists
        What policies look up.
    leases
        Returns where places are kept that policies with a limit count; asked by the first one.
    session_places
        Returns what keeps places of sessions and calls for longer; asked only if an app counts
        them.
    rest_api_calls
        Whether what the WCS REST API started may be denied.
    side_effects
        What else is done for a hook that was answered; of a connect only if it was not denied.
    dead_letters
        Where hooks go that could not be processed.
    clock
        Clock used for the decision and for the deadlines.
    reply_timeout
        Seconds within which the reply is given, whatever fails.
    subjects
        Finds out who is behind a hook; none if nobody wants to know.
    explains
        Whether the policies that were considered are noted.
    """

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        category: Category,
        *,
        check_caller: CallerCheck,
        policies: Policies,
        sessions: Sessions,
        token_keys: TokenKeys,
        lists: Lists,
        leases: Callable[[], Leases],
        session_places: "Callable[[], SessionPlaces]",
        rest_api_calls: RestApiCalls,
        side_effects: Sequence[SideEffect],
        dead_letters: DeadLetters,
        clock: Clock,
        reply_timeout: float,
        subjects: "SubjectFinder | None" = None,
        explains: bool = False,
    ) -> None:
        self._category = category
        self._check_caller = check_caller
        self._policies = policies
        self._sessions = sessions
        self._token_keys = token_keys
        self._lists = lists
        self._leases = leases
        self._session_places = session_places
        self._rest_api_calls = rest_api_calls
        self._side_effects = side_effects
        self._names = [side_effect.name for side_effect in side_effects]
        self._dead_letters = dead_letters
        self._clock = clock
        self._reply_timeout = reply_timeout
        self._subjects = subjects
        self._explains = explains

    def answer(self, request: Request) -> tuple[Reply, Observation]:
        """Answer a hook. Nothing is raised: whatever goes wrong has a reply, too."""
        attempt = _Attempt()
        budget = TimeBudget(self._clock, self._reply_timeout)
        kept, reason = _NOT_KEPT, ""
        try:
            self._check_caller(request, budget.fetch)
            attempt.caller_is_verified = True
            fetch = budget.fetch
            reply = self._reply(request, attempt, fetch, lambda w: self._leases().take(w, fetch))
        except Exception as error:  # noqa: BLE001 - a bug must still leave WCS a reply to act upon
            reply, kind, reason = _refused(request, error)
            if kind is not HookResult.REJECTED:
                kept = self._keep(request, attempt, error, self._pending(kind), budget)
        else:
            kind = attempt.kind
            if self._names and not (
                kind is HookResult.DENIED and self._category is Category.CONNECT
            ):
                failures = self._carry_out(request, attempt, self._names, budget.side_effects())
                if failures:
                    first, reason = next(iter(failures.values())), _reasons(failures)
                    kept = self._keep(request, attempt, first, list(failures), budget)
            if attempt.in_force is not None and attempt.in_force.holds:
                self._keep_places(attempt, attempt.in_force.holds, budget.side_effects())
        is_ok = reply.status == OK
        rest_error = None if is_ok else self._rest_error(request, attempt, kind, budget)
        observation = self._observation(
            request, attempt, kind, reason, kept=kept, rest_error=rest_error
        )
        return reply, observation

    def redrive(
        self,
        request: Request,
        original: str,
        pending: Collection[str] | None,
        came_at: float | None = None,
    ) -> tuple[Reply, Observation, list[str]]:
        """Answer a hook again that came out of the dead letters.

        WCS got its reply long ago, and does not hear of this one; what was left to do besides the
        reply is done now. The caller was verified then, and what fails is not kept again: whoever
        redrives has it. Policies, keys and rows are those of now; windows, `now` and the expiry of
        tokens are judged as of when the hook came. It takes no place that limits count.

        Parameters
        ----------
        original
            The id of the decision whose reply WCS got.
        pending
            What is left to do; none where that is not known, and all is done.
        came_at
            When the hook came, in seconds since the epoch; none where that is not known, and it is
            decided as of now.

        Returns
        -------
        tuple
            The answer that the hook gets now, what happened, and what is left to do still.
        """
        attempt = _Attempt()
        names = self._names if pending is None else pending
        deadline = Deadline(self._clock, self._reply_timeout)
        try:
            reply = self._reply(request, attempt, deadline, None, came_at)
        except Exception as error:  # noqa: BLE001 - whoever redrives gets it
            reply, kind, reason = _refused(request, error)
            left = list(names)
        else:
            kind, reason = attempt.kind, ""
            deadline = Deadline(self._clock, self._reply_timeout * SIDE_EFFECTS)
            failures = self._carry_out(request, attempt, names, deadline, original)
            left = list(failures)
            if failures:
                reply, kind, reason = _refused(request, next(iter(failures.values())))
        observation = self._observation(request, attempt, kind, reason, redrive_of=original)
        return reply, observation, left

    def _reply(
        self,
        request: Request,
        attempt: "_Attempt",
        deadline: Deadline,
        take: "Take | None",
        came_at: float | None = None,
    ) -> Reply:
        """Answer a hook, and note in the attempt how far that came."""
        payload = attempt.payload = parse(request.body)
        if request.method not in METHODS:
            return echo(payload)
        session = attempt.session = SessionLookup(self._sessions, payload, deadline)
        in_force, attempt.stale = self._policies.in_force(payload.app, deadline)
        attempt.in_force = in_force
        attempt.decided_at = now = self._clock.now() if came_at is None else came_at
        hook = Hook(request.method, self._category, payload)
        trace = None
        if self._explains:
            steps: list[Step] = []
            attempt.steps = steps
            trace = steps.append
        started = self._clock.monotonic()

        def decided(decision: Decision) -> None:
            attempt.decision = decision
            attempt.lookup_failures = decision.lookup_failures
            attempt.limit_failures = decision.limit_failures
            if attempt.decision_time is None:
                attempt.decision_time = self._clock.monotonic() - started

        identity = attempt.identity = identity_of(
            in_force,
            hook,
            session.for_expressions,
            now,
            lambda trust: self._token_keys(trust, deadline),
        )
        try:
            answer = attempt.answer = answer_hook(
                in_force,
                hook,
                session.for_expressions,
                now,
                identity=identity,
                rows=lambda keys: self._lists.rows(keys, deadline.part(LISTS)),
                take=take,
                rest_api_calls=self._rest_api_calls,
                decision_id=request.decision_id,
                decided=decided,
                trace=trace,
                keeps_claims=self._subjects is not None,
            )
        except UndecidedError as error:
            attempt.lookup_failures = error.lookup_failures
            attempt.limit_failures = error.limit_failures
            raise
        if self._subjects is not None:
            attempt.subject = _subject(
                partial(self._subjects.find, hook, identity, session.for_expressions, deadline)
            )
        return answer.reply

    def _observation(  # noqa: PLR0913 - what happened, part by part
        self,
        request: Request,
        attempt: "_Attempt",
        kind: HookResult,
        reason: str,
        *,
        kept: tuple[bool | None, bool] = _NOT_KEPT,
        rest_error: RestError | None = None,
        redrive_of: str = "",
    ) -> Observation:
        dead_lettered, in_second_place = kept
        answer = attempt.answer
        return Observation(
            request,
            self._category,
            kind,
            attempt.payload,
            attempt.in_force,
            attempt.stale,
            attempt.decision,
            attempt.decision_time,
            answer is not None and answer.suppressed,
            dead_lettered,
            in_second_place,
            reason,
            rest_error,
            redrive_of,
            attempt.identity.shown if attempt.identity else None,
            attempt.lookup_failures,
            attempt.limit_failures,
            answer.full if answer else {},
            answer.expired if answer else 0,
            attempt.subject,
            attempt.steps,
        )

    def _keep_places(self, attempt: "_Attempt", holds: frozenset[str], deadline: Deadline) -> None:
        """Keep what a session and its calls hold for longer, if the session was read anyhow."""
        record = attempt.session.found if attempt.session else None
        if record is not None and attempt.payload is not None:
            self._session_places().renew(attempt.payload, record, holds, deadline)

    def _pending(self, kind: HookResult) -> Sequence[str]:
        """What is left to do for a hook that got no answer.

        Nothing for a connect: WCS declined it, so that there is no session to be recorded.
        """
        failed = kind is HookResult.FAILED and self._category is not Category.CONNECT
        return self._names if failed else ()

    def _carry_out(
        self,
        request: Request,
        attempt: "_Attempt",
        names: Collection[str],
        deadline: Deadline,
        redrive_of: str = "",
    ) -> dict[str, Exception]:
        """Do what is to be done besides the reply, all of `names`, and return what failed."""
        payload, in_force = attempt.payload, attempt.in_force
        failures: dict[str, Exception] = {}
        if payload is None or in_force is None or not names:
            return failures
        answered = Answered(
            request.method,
            payload,
            in_force,
            attempt.decided_at,
            redrive_of or request.decision_id,
            redriven=bool(redrive_of),
            claims=attempt.answer.claims if attempt.answer else None,
            subject=attempt.subject,
        )
        to_do = [side_effect for side_effect in self._side_effects if side_effect.name in names]
        for done, side_effect in enumerate(to_do):
            # One that hangs leaves the others their part.
            part = 1 / (len(to_do) - done)
            try:
                side_effect(answered, deadline.part(part))
            except Exception as error:  # noqa: BLE001 - whatever fails here, the reply stands
                failures[side_effect.name] = error
        return failures

    def _keep(
        self,
        request: Request,
        attempt: "_Attempt",
        error: Exception,
        pending: Sequence[str],
        budget: TimeBudget,
    ) -> tuple[bool | None, bool]:
        """Keep a hook among the dead letters; return whether, and whether in the second place."""
        # Most functions never have a dead letter.
        from wcs_hooks.hook import dead_letter  # noqa: PLC0415

        deadline = budget.dead_letter()
        message = dead_letter.message(
            request,
            self._category,
            error,
            errors.refusal_of(error).reason,
            attempt.decided_at or self._clock.now(),
            versions=attempt.in_force.versions() if attempt.in_force else {},
            pending=pending,
        )
        if not attempt.caller_is_verified:
            message[dead_letter.UNVERIFIED] = True
        try:
            place = self._dead_letters.send(message, deadline)
        except Exception:  # noqa: BLE001 - WCS must have its reply; the loss is counted and logged
            return False, False
        return True, place is Place.TABLE

    def _rest_error(
        self, request: Request, attempt: "_Attempt", kind: HookResult, budget: TimeBudget
    ) -> RestError:
        rest_on_error = self._session_rest_on_error(request, attempt, budget)
        rest_on_error = rest_on_error or self._current_rest_on_error(request, attempt, kind)
        cause = _CAUSES[kind]
        if self._category is Category.CONNECT:
            return RestError(rest_on_error, Outcome.DECLINED, cause)
        outcome = (
            outcome_of(request.method, self._category, rest_on_error) if rest_on_error else None
        )
        return RestError(rest_on_error, outcome, cause)

    def _session_rest_on_error(
        self, request: Request, attempt: "_Attempt", budget: TimeBudget
    ) -> RestOnError | None:
        """The `restOnError` that the session got: a refusal is rare, and worth a read."""
        session = attempt.session
        has_no_session = self._category is Category.CONNECT or request.method in PLAYERS
        if session is None or has_no_session:
            return None
        try:
            record = session.for_label(budget.label())
        except Exception:  # noqa: BLE001 - the hook failed already, and has its reply
            return None
        return record.rest_on_error(request.method) if record else None

    def _current_rest_on_error(
        self, request: Request, attempt: "_Attempt", kind: HookResult
    ) -> RestOnError | None:
        """The `restOnError` that the app's sessions get now, as far as it is known without asking.

        A caller who is not WCS must not make us ask. Of a body that was not read, the app is not
        known: what holds for every app is used instead. After our own failure nothing is.
        """
        in_force = attempt.in_force
        if in_force is None and kind is not HookResult.FAILED:
            in_force = self._policies.for_every_app()
        if in_force is None:
            return None
        return in_force.rest_on_error(request.method, self._clock.now())


class _Attempt:
    """How far an attempt to answer a hook came: what is known when an error ends it.

    Attributes
    ----------
    caller_is_verified
        Whether the caller was found to be WCS; not so if the secret could not be read.
    decided_at
        As of when, in seconds since the epoch.
    decision
        Known before there is an answer: that may still need the session.
    lookup_failures
        Rows that could not be read or used, with a decision or without.
    limit_failures
        Limits that could not be counted, with a decision or without.
    subject
        Returns who is behind the hook.
    steps
        The policies that were considered; none if nobody wants to know.
    """

    # Not a dataclass: making one takes a millisecond of a cold start, as its `inspect` takes five.

    caller_is_verified: bool = False
    payload: Payload | None = None
    session: SessionLookup | None = None
    in_force: ActivePolicies | None = None
    stale: bool = False
    decided_at: float = 0.0
    decision: Decision | None = None
    lookup_failures: tuple[Failure, ...] = ()
    limit_failures: tuple[Failure, ...] = ()
    decision_time: float | None = None
    identity: LazyIdentity | None = None
    answer: Answer | None = None
    subject: "Callable[[], Subject | None] | None" = None
    steps: Sequence[Step] | None = None

    @property
    def kind(self) -> HookResult:
        """What became of the hook, if no error ended the attempt."""
        if self.answer is None:
            return HookResult.ECHOED
        decision, suppressed = self.answer.decision, self.answer.suppressed
        if decision.verdict is Verdict.OVERRIDE:
            return HookResult.OVERRIDDEN
        return (
            HookResult.DENIED
            if decision.denial is not None and not suppressed
            else HookResult.ECHOED
        )


def _subject(find: "Callable[[], Subject | None]") -> "Callable[[], Subject | None]":
    """Returns who is behind a hook, found out when it is first asked for; none if that fails."""

    @cache
    def found() -> "Subject | None":
        try:
            return find()
        except Exception:  # noqa: BLE001 - the hook has its reply
            return None

    return found


def _refused(request: Request, error: Exception) -> tuple[Reply, HookResult, str]:
    """The reply to a hook that an error ended, what became of the hook, and why."""
    refusal = errors.refusal_of(error)
    return refusal.reply(request.decision_id), refusal.kind, refusal.reason


def _reasons(failures: Mapping[str, Exception]) -> str:
    return "; ".join(errors.refusal_of(error).reason for error in failures.values())
