"""What a hook is answered: the decision, the rule about the WCS REST API, and the reply.

The functions, `wcsctl try`, policy tests and replays all call `answer`, so that what is tested is
what runs.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wcs_hooks.core import reply as replies
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.decision import (
    NOBODY,
    UNKNOWN_SESSION,
    Decision,
    Hook,
    Identity,
    Session,
    Step,
    Verdict,
    decide,
)
from wcs_hooks.core.lists import Rows, no_rows
from wcs_hooks.core.methods import PLAYERS, Category
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.reply import Reply

if TYPE_CHECKING:
    from wcs_hooks.core.limits import Full
    from wcs_hooks.core.places import Take
    from wcs_hooks.core.tokens.identity import HookIdentity
    from wcs_hooks.core.tokens.verification import KeysOf, Shown

_STARTED_BY_REST_API: Final = (Category.DIRECT, Category.INCOMING)


class Answer(NamedTuple):
    """What a hook is answered.

    Attributes
    ----------
    reply
        What WCS gets.
    decision
        What the policies said.
    suppressed
        Whether the decision is a denial that is not carried out, because the WCS REST API may have
        started what the hook is about. The reply is an echo then.
    claims
        Of a connect that is not denied what is proven, to be kept with its session.
    full
        Of each policy whose limit left no room, `app/id`, who holds its places.
    expired
        How many places were found whose holder let them run out.
    """

    reply: Reply
    decision: Decision
    suppressed: bool = False
    claims: Mapping[str, Any] | None = None
    full: Mapping[str, "Full"] = {}
    expired: int = 0


class LazyIdentity:
    """Who is behind a hook; what finds that out is loaded when it is first asked for.

    Attributes
    ----------
    found
        Who it is; none if nobody asked.
    """

    __slots__ = ("_make", "found")

    def __init__(self, make: "Callable[[], HookIdentity]") -> None:
        self._make = make
        self.found: HookIdentity | None = None

    @property
    def shown(self) -> "Shown | None":
        """What became of the hook's token; none if nobody asked."""
        return None if self.found is None else self.found.shown

    def token(self) -> Mapping[str, str]:
        """As `wcs_hooks.core.tokens.identity.HookIdentity`."""
        return self._identity().token()

    def claims(self) -> Mapping[str, Any] | None:
        """As `wcs_hooks.core.tokens.identity.HookIdentity`."""
        return self._identity().claims()

    def _identity(self) -> "HookIdentity":
        if self.found is None:
            self.found = self._make()
        return self.found


def identity_of(
    policies: ActivePolicies,
    hook: Hook,
    session: Callable[[], Session],
    now: float,
    keys_of: "KeysOf",
    given: "Shown | None" = None,
) -> LazyIdentity:
    """Who is behind a hook, to be found out by the policies once that is asked for.

    Parameters
    ----------
    session
        Returns the hook's session; may raise `UnavailableError`. Never called for connect.
    now
        Seconds since the epoch.
    given
        As `wcs_hooks.core.tokens.identity.HookIdentity` takes it.
    """

    def make() -> "HookIdentity":
        # Imported here because most apps have no tokens.
        from wcs_hooks.core.tokens.identity import HookIdentity  # noqa: PLC0415

        return HookIdentity(hook, policies.trusts, keys_of, session, now, given)

    return LazyIdentity(make)


def answer(  # noqa: PLR0913 - what it depends on, by name
    policies: ActivePolicies,
    hook: Hook,
    session: Callable[[], Session],
    now: float,
    *,
    rest_api_calls: RestApiCalls,
    decision_id: str,
    identity: Identity = NOBODY,
    rows: Rows = no_rows,
    take: "Take | None" = None,
    decided: Callable[[Decision], None] | None = None,
    trace: Callable[[Step], None] | None = None,
    keeps_claims: bool = False,
) -> Answer:
    """Answer a hook.

    Parameters
    ----------
    session
        Returns the hook's session; may raise `UnavailableError`, which is passed on. Called
        only if a policy that could apply looks at the session, or if a denial depends on whether
        the session is known. Never called for connect, which is what makes a session known.
    now
        Seconds since the epoch.
    rest_api_calls
        Whether what the WCS REST API started may be denied.
    decision_id
        Put into the reply of a denial.
    identity
        Who is behind the hook; asked only if a policy does, or to keep what connect's token proved.
    rows
        Reads rows of lists, as `decide` takes it.
    take
        Takes places that limits count, once nothing else can go wrong; none to decide as if there
        was room.
    decided
        Called with the decision before anything else is done with it, and again if there is no room
        for it.
    trace
        Called with each policy that was considered.
    keeps_claims
        Whether what connect's token proved is kept also if no policy asks for it.

    Raises
    ------
    UnavailableError
        If the session or rows are needed and cannot be read, or places cannot be counted.

    Examples
    --------
    >>> from wcs_hooks.core.payload import parse
    >>> hook = Hook("publishStream", Category.DIRECT, parse(b'{"name": "b4e7"}'))
    >>> answer(
    ...     ActivePolicies([]),
    ...     hook,
    ...     lambda: UNKNOWN_SESSION,
    ...     0,
    ...     rest_api_calls=RestApiCalls.NEVER_DENY,
    ...     decision_id="1",
    ... ).reply
    Reply(status=200, body=b'{"name": "b4e7"}')
    """
    is_connect = hook.category == Category.CONNECT
    known_by = _no_session if is_connect else session
    decision = decide(policies.snapshots, hook, now, known_by, trace, identity, rows=rows)
    if decided is not None:
        decided(decision)
    payload = hook.payload

    def is_exempt() -> bool:
        never_deny = rest_api_calls is RestApiCalls.NEVER_DENY and _may_be_rest_api(hook)
        return never_deny and not session().known

    if decision.denial is not None:
        if is_exempt():
            return Answer(replies.echo(payload), decision, suppressed=True)
        return Answer(replies.denial(decision.denial, decision_id), decision)
    config = policies.client_config(now) if is_connect else ""
    wanted = policies.uses_claims or (keeps_claims and policies.trusts)
    claims = identity.claims() if is_connect and wanted else None
    if decision.verdict is Verdict.OVERRIDE or config:
        reply = replies.override(payload, decision.fields, config)
    else:
        reply = replies.echo(payload)
    if not decision.wanted or take is None or is_exempt():
        return Answer(reply, decision, claims=claims)
    # Imported here because most policies have no limit.
    from wcs_hooks.core.places import settle  # noqa: PLC0415

    decision, full, expired = settle(decision, take)
    if decided is not None:
        decided(decision)
    if decision.denial is not None:
        reply, claims = replies.denial(decision.denial, decision_id), None
    return Answer(reply, decision, claims=claims, full=full, expired=expired)


def _may_be_rest_api(hook: Hook) -> bool:
    """Whether the WCS REST API can start what a hook is about: `docs/reference/wcs-protocol.md`, 3.

    Calls and streams can be started without a connect, and such a stream is kept alive like any
    other. Players never connect either, but their requests are meant to be refusable.
    """
    if hook.category in _STARTED_BY_REST_API:
        return hook.method not in PLAYERS
    return hook.method == STREAM_KEEP_ALIVE


def _no_session() -> Session:
    return UNKNOWN_SESSION
