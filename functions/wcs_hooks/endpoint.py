"""The endpoint: from a request to its reply, and to what is said of it afterwards.

Every error becomes a reply here, and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from wcs_hooks import dead_letter
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core import reply as replies
from wcs_hooks.core.caller import (
    Auth,
    RejectedCallerError,
    authorize_basic,
    authorize_signature,
    authorize_source,
)
from wcs_hooks.core.decision import Decision, Hook, Verdict, decide
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.payload import MalformedBodyError, Payload, parse
from wcs_hooks.core.reply import Reply
from wcs_hooks.ports import DeadLetters, Policies, Secrets, UnavailableError

_FORBIDDEN: Final = 403
_INTERNAL_ERROR: Final = 500
_UNAVAILABLE: Final = 503

_FETCH_SHARE: Final = 0.7
"""The share of the reply's time in which secret and policies must have come; the rest is kept for
the dead letter that is due if they did not."""


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


@dataclass(slots=True)
class Observation:
    """What happened while a hook was answered, for metrics and the log.

    Attributes
    ----------
    decision_time
        Seconds that the decision took; none where none was made.
    dead_lettered
        Whether the hook was kept; none where there was no need to.
    error
        Of a reply that no policy asked for: what went wrong, with nothing of the body in it.
    """

    request: Request
    category: Category
    kind: Kind = Kind.ECHOED
    payload: Payload | None = None
    decision: Decision | None = None
    versions: Mapping[str, int] | None = None
    stale: bool = False
    decision_time: float | None = None
    dead_lettered: bool | None = None
    error: str = ""

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
        try:
            self._authorize(request, self._secrets.valid(deadline))
        except RejectedCallerError:
            if not request.authorization:
                raise
            # WCS may have been given a new secret since ours was read.
            self._authorize(request, self._secrets.refreshed(deadline))

    def _authorize(self, request: Request, secrets: Any) -> None:
        if self._auth is Auth.HMAC:
            authorize_signature(request.authorization, request.body, secrets)
        else:
            authorize_basic(request.authorization, self._basic_user, secrets)


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
    dead_letters
        Where hooks go that could not be processed.
    clock
        What the decision goes by, and the time budget.
    reply_timeout
        Seconds within which the reply is given, whatever fails.
    """

    def __init__(
        self,
        category: Category,
        check_caller: CallerCheck,
        policies: Policies,
        dead_letters: DeadLetters,
        clock: Clock,
        reply_timeout: float,
    ) -> None:
        self._category = category
        self._check_caller = check_caller
        self._policies = policies
        self._dead_letters = dead_letters
        self._clock = clock
        self._reply_timeout = reply_timeout

    def answer(self, request: Request) -> tuple[Reply, Observation]:
        """Answer a hook. Nothing is raised: whatever goes wrong has a reply, too."""
        observation = Observation(request, self._category)
        reply_deadline = Deadline(self._clock, self._reply_timeout)
        fetch_deadline = Deadline(self._clock, self._reply_timeout * _FETCH_SHARE)
        try:
            reply = self._reply(request, observation, fetch_deadline)
        except RejectedCallerError as error:
            observation.kind, observation.error = Kind.REJECTED, str(error)
            reply = replies.error(_FORBIDDEN, str(error), request.decision_id)
        except MalformedBodyError as error:
            observation.kind, observation.error = Kind.MALFORMED, str(error)
            reply = replies.error(error.status, str(error), request.decision_id)
            self._keep(observation, error, reply_deadline)
        except UnavailableError as error:
            observation.kind, observation.error = Kind.FAILED, str(error)
            reply = replies.error(_UNAVAILABLE, str(error), request.decision_id)
            self._keep(observation, error, reply_deadline)
        except Exception as error:  # noqa: BLE001 - a bug must still leave WCS a reply to act upon
            observation.kind, observation.error = Kind.FAILED, _describe(error)
            reply = replies.error(_INTERNAL_ERROR, "internal error", request.decision_id)
            self._keep(observation, error, reply_deadline)
        return reply, observation

    def _reply(self, request: Request, observation: Observation, deadline: Deadline) -> Reply:
        self._check_caller(request, deadline)
        payload = observation.payload = parse(request.body)
        if not observation.method_is_known:
            return replies.echo(payload)
        in_force, observation.stale = self._policies.in_force(payload.app, deadline)
        observation.versions = in_force.versions()
        now = self._clock.now()
        started = self._clock.monotonic()
        hook = Hook(request.method, self._category, payload)
        decision = observation.decision = decide(in_force.snapshots, hook, now)
        observation.decision_time = self._clock.monotonic() - started
        if decision.denial is not None:
            observation.kind = Kind.DENIED
            return replies.denial(decision.denial, request.decision_id)
        config = in_force.client_config(now) if self._category is Category.CONNECT else ""
        if decision.verdict is Verdict.OVERRIDE:
            observation.kind = Kind.OVERRIDDEN
        elif not config:
            return replies.echo(payload)
        return replies.override(payload, decision.fields, config)

    def _keep(self, observation: Observation, error: Exception, deadline: Deadline) -> None:
        message = dead_letter.message(observation.request, self._category, error, self._clock.now())
        try:
            self._dead_letters.send(message, deadline)
        except UnavailableError:
            observation.dead_lettered = False
        else:
            observation.dead_lettered = True


def _describe(error: Exception) -> str:
    """The kind of an unforeseen error and where it arose; its text could quote a secret."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    return f"{type(error).__name__} at {place.tb_frame.f_code.co_qualname}:{place.tb_lineno}"
