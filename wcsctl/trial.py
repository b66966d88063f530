"""Tries hooks on what is active, and on policies that are not yet."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.decision import Session
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import WantedPlace
from wcs_hooks.core.methods import METHODS, PLAYERS
from wcs_hooks.core.payload import MalformedBodyError, Payload, encode, parse, replace_fields
from wcs_hooks.core.tokens.verification import TokenStatus
from wcs_hooks.hook.sessions import session_of
from wcsctl.deployed_lists import DeployedLists
from wcsctl.deployed_policies import DeployedPolicies
from wcsctl.deployed_process import DeployedProcessError
from wcsctl.errors import NotFoundError, UsageError
from wcsctl.explanation import AnswerKind, Asked, Explanation, PolicySet, explain
from wcsctl.hook_recordings import Recording
from wcsctl.limits.counting import Counted
from wcsctl.limits.deployed_budgets import PlaceCounter
from wcsctl.policies.candidate import Candidate
from wcsctl.tokens.deployed_keys import DeployedKeys
from wcsctl.tokens.given_token import GivenToken

UNKNOWN: Final = "unknown"
"""A session that was never seen at connect."""

RECORDED: Final = "recorded"
"""A session as the deployment has it."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A recorded hook, decided twice; by neither where it cannot be."""

    recording: Recording
    app: str
    before: Explanation | None
    after: Explanation | None
    problem: str = ""

    @property
    def changed(self) -> bool:
        """Whether WCS would be answered otherwise."""
        if self.before is None or self.after is None:
            return False
        return self.before.essence != self.after.essence


class Trial:
    """Decides as the functions do.

    Parameters
    ----------
    deployed
        What is active.
    candidate
        What is compared with it; none if nothing is.
    now
        Seconds since the epoch.
    rest_api_calls
        Whether what the WCS REST API started may be denied.
    keys
        What tokens are verified with.
    lists
        Where rows are looked up.
    places
        Returns what counts places; called if a policy limits the hook. None to decide as if
        there was room, as `replay` always does: nobody knows what was held then.
    token
        What is to be taken for known of the token of every hook; none to verify it.

    Attributes
    ----------
    uncounted
        Why places could not be counted, so that there seemed to be room; empty if they could.
    """

    def __init__(  # noqa: PLR0913 - what it decides by, by name
        self,
        deployed: DeployedPolicies,
        candidate: Candidate | None,
        now: float,
        rest_api_calls: RestApiCalls,
        *,
        keys: DeployedKeys,
        lists: DeployedLists,
        places: Callable[[], PlaceCounter] | None = None,
        token: GivenToken | None = None,
    ) -> None:
        self._deployed = deployed
        self._now = now
        self._rest_api_calls = rest_api_calls
        self._candidate = candidate
        self._keys = keys
        self._lists = lists
        self._places = places
        self._token = token
        self.uncounted = ""
        self._sets: dict[str, PolicySet] = {}

    def asked(self, method: str, payload: Payload, session: str | Payload) -> Asked:
        """A hook with its session.

        Parameters
        ----------
        session
            `UNKNOWN`, `RECORDED`, or its connect: the name of a file with the body, or the body.
        """
        if isinstance(session, Payload):
            return self._of_connect(method, payload, session, self._now)
        if session == UNKNOWN:
            return Asked(method, payload, self._now)
        if session != RECORDED:
            connect = read_payload(read_bytes(Path(session)), session)
            return self._of_connect(method, payload, connect, self._now)
        record = self._deployed.session(payload)
        if record is None:
            return Asked(method, payload, self._now)
        # A session has received nothing before connect, and players never connect.
        known_rest_on_error = (
            None if method in {"connect", *PLAYERS} else record.rest_on_error(method)
        )
        known = Session(record.body, record.connected_at, record.app, record.claims)
        return Asked(method, payload, self._now, known, known_rest_on_error)

    def in_force(self, asked: Asked, *, whole: bool = True) -> Explanation:
        """By what is active."""
        policies = self._deployed.policies_of(asked.payload.app)
        return self._explain(policies, asked, whole=whole)

    def candidate(self, asked: Asked, *, whole: bool = True) -> Explanation:
        """By the candidate, of a session that connects once it is active."""
        app = asked.payload.app
        if app not in self._sets:
            assert self._candidate is not None  # noqa: S101 - there is one where it is asked for
            self._sets[app] = self._candidate.policies_of(app, self._deployed.policies_of(app))
        return self._explain(self._sets[app], asked._replace(known_rest_on_error=None), whole=whole)

    def replay(self, recordings: Iterable[Recording], app: str | None) -> Iterator[Replayed]:
        """Decide recorded hooks, by what is active and by the candidate.

        Each is decided as at the time when it came, where that is known.
        """
        for recording in recordings:
            if recording.problem:
                yield Replayed(recording, "", None, None, recording.problem)
                continue
            try:
                payload = with_app(parse(recording.body), app)
            except MalformedBodyError as error:
                yield Replayed(recording, "", None, None, f"it is answered {error.status}: {error}")
                continue
            asked = self._recorded(recording, payload)
            try:
                before = self.in_force(asked, whole=False)
                after = self.candidate(asked, whole=False)
            except DeployedProcessError as error:
                yield Replayed(recording, payload.app, None, None, str(error))
            else:
                yield Replayed(recording, payload.app, before, after)

    def _recorded(self, recording: Recording, payload: Payload) -> Asked:
        if recording.connect is not None:
            now = self._now if recording.at is None else recording.at
            return self._of_connect(recording.method, payload, recording.connect, now)
        if recording.session is not None:
            asked = Asked(recording.method, payload, self._now, recording.session)
        else:
            asked = self.asked(recording.method, payload, RECORDED)
        return asked if recording.at is None else asked._replace(now=recording.at)

    def _of_connect(self, method: str, payload: Payload, connect: Payload, now: float) -> Asked:
        """Return a hook whose session connects at the same moment.

        It connects to the hook's app, unless its connect names another.
        """
        named = connect if "appKey" in connect.fields else with_app(connect, payload.app)
        session = session_of(connect)._replace(app=named.app, connected_at=now)
        return Asked(method, payload, now, session, connect=named)

    def _explain(self, policies: PolicySet, asked: Asked, *, whole: bool) -> Explanation:
        keys = self._keys.known(policies.trusts)
        explanation = explain(
            policies,
            asked._replace(
                keys=keys,
                token=self._token,
                rows=self._lists.rows,
                places=partial(self._count, asked.now) if whole else None,
            ),
            self._rest_api_calls,
            with_considered=whole,
        )
        token = explanation.token
        if token is None or token.status is not TokenStatus.NO_KEYS:
            return explanation
        taking = next((trust for trust in policies.trusts if trust.id == token.trust), None)
        problem = self._keys.problem(taking) if taking is not None and self._token is None else ""
        detail = f"{token.detail}: {problem}" if problem else token.detail
        return dataclasses.replace(explanation, token=token._replace(detail=detail))

    def _count(self, now: float, wanted: Sequence[WantedPlace]) -> Sequence[Counted]:
        if self._places is None:
            return ()
        try:
            return self._places().count(wanted, now)
        except UnavailableError as error:
            self.uncounted = f"{error}. Does this profile have permission to read it?"
        except NotFoundError as error:
            self.uncounted = str(error)
        return ()


def summary(replayed: Iterable[Replayed]) -> Counter[str]:
    """How many hooks there are, how many are answered otherwise, how many cannot be decided."""
    counts: Counter[str] = Counter(hooks=0, changed=0, undecidable=0)
    for one in replayed:
        counts["hooks"] += 1
        counts["changed"] += one.changed
        counts["undecidable"] += bool(one.problem)
    return counts


def verdict(explanation: Explanation) -> str:
    """An answer in a few words."""
    policies = ", ".join(explanation.policies)
    match explanation.answer:
        case AnswerKind.DENY:
            return f"deny {explanation.reply.status} ({policies})"
        case AnswerKind.SUPPRESSED:
            return f"echo, denial suppressed ({policies})"
        case AnswerKind.OVERRIDE:
            return f"override {', '.join(explanation.changed)} ({policies})"
        case _:
            return "echo"


def read_bytes(file: Path) -> bytes:
    """The contents of a file.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None


def read_payload(raw: bytes, name: str) -> Payload:
    """Read a hook's body.

    Raises
    ------
    UsageError
        If it is none.
    """
    try:
        return parse(raw)
    except MalformedBodyError as error:
        raise UsageError(f"{name}: {error}. Such a hook is answered {error.status}.") from None


def with_app(payload: Payload, app: str | None) -> Payload:
    """The same with another `appKey`, where one is given.

    Raises
    ------
    UsageError
        If that is not UTF-8.
    """
    if app is None:
        return payload
    try:
        return parse(replace_fields(payload.text, {"appKey": encode(app)}).encode())
    except UnicodeEncodeError:
        raise UsageError("--app is not UTF-8.") from None


def note_on(method: str) -> str:
    """What is to be said of a method that WCS is not known to have; else nothing."""
    if method in METHODS:
        return ""
    alike = [name for name in METHODS if name.lower() == method.lower()]
    hint = f"; is {alike[0]} meant?" if alike else ""
    return f"{method} is not a known method, and such a hook is always echoed{hint}"
