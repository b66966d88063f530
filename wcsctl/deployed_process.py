"""Decides hooks in a process that only reads snapshots, as the deployed functions do.

A process that has compiled an expression may evaluate others differently from one that never did:
an environment of cel-expr-python that has compiled nothing cannot bind a timestamp, for example.
So whatever predicts what the functions answer asks a `DeployedProcess`: it loads the bytes of
snapshots that this process compiled or read, and compiles nothing itself.
"""

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.answer import Answer, LazyIdentity, answer, identity_of
from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.decision import Hook, Session, Step
from wcs_hooks.core.limits import ALL_TAKEN, Taken, WantedPlace
from wcs_hooks.core.lists import Row, RowKey, Rows, no_rows
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.outcome import RestOnError
from wcs_hooks.core.payload import parse
from wcs_hooks.core.places import Take
from wcs_hooks.core.snapshot import Snapshot
from wcs_hooks.core.tokens.trust import Trust
from wcs_hooks.core.tokens.verification import Shown, TokenStatus, item_for
from wcsctl.errors import WcsctlError
from wcsctl.tokens.given_token import GivenToken
from wcsctl.tokens.known_keys import NO_KEYS, KnownKeys

DECISION_ID: Final = "not-a-decision"
"""In a denial's reply, instead of the id by which a real decision is found."""

_COMMAND: Final = "from wcsctl.deployed_process import serve; serve()"
_MOST_LOADED: Final = 64
_LENGTH_BYTES: Final = 8
_PATIENCE: Final = 5.0


class DeployedProcessError(WcsctlError):
    """The process ended, or failed, while it decided."""


class Question(NamedTuple):
    """A hook that is to be answered.

    Attributes
    ----------
    body
        The bytes that WCS sends.
    session
        What is known of the hook's session.
    now
        Seconds since the epoch.
    token
        What is to be taken for known of the hook's token; none to verify it.
    keys
        What tokens are verified with, beside the keys in policies.
    rows
        The rows of lists that were read so far.
    taken
        What came of taking the places that it needs; none if nobody tried yet.
    """

    method: str
    body: bytes
    session: Session
    now: float
    rest_api_calls: RestApiCalls = RestApiCalls.NEVER_DENY
    token: GivenToken | None = None
    keys: KnownKeys = NO_KEYS
    rows: Mapping[RowKey, Row] = {}
    taken: Taken | None = None


class TracedAnswer(NamedTuple):
    """What the hook is answered, and how that came about.

    Attributes
    ----------
    steps
        The policies that the decision considered.
    client_config
        The JSON text of the restClientConfig that the policies need; empty if they need none.
    rest_on_error
        What a session that connects at that moment receives for the method.
    versions
        Of the snapshots, by app.
    token
        What became of the hook's token; none if no policy trusts any.
    claims
        What is proven.
    """

    answer: Answer
    steps: tuple[Step, ...]
    client_config: str
    rest_on_error: RestOnError
    versions: Mapping[str, int]
    token: Shown | None = None
    claims: Mapping[str, Any] | None = None


class SnapshotBytes:
    """The snapshots of an app, as they are stored: its own, and the one for every app.

    Parameters
    ----------
    data
        Those of them that exist.
    """

    def __init__(self, *data: bytes) -> None:
        self.data = data
        self.digest = sha256(b"".join(sha256(one).digest() for one in data)).digest()


class DeployedProcess:
    """A process that evaluates; started when it is first asked, again after a crash.

    It ends with this process: it reads from a pipe that closes then.

    Examples
    --------
    >>> process = DeployedProcess()
    >>> process.run(len, "four")
    4
    >>> process.close()
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def answer(
        self,
        snapshots: SnapshotBytes,
        question: Question,
        rows: Rows = no_rows,
        take: Take | None = None,
    ) -> TracedAnswer:
        """Answer a hook as the function for its category does.

        Parameters
        ----------
        rows
            Reads rows of lists; called in this process, with those that the other one asks for.
        take
            Takes the places that the hook needs, or looks what would come of that; called in this
            process. None to decide as if there was room.

        Raises
        ------
        DeployedProcessError
            If the process crashes.
        """
        data: tuple[bytes, ...] | None = None
        known: dict[RowKey, Row] = {}
        taken = ALL_TAKEN if take is None else None
        while True:
            asked = question._replace(rows=known, taken=taken)
            found = self.run(_answer, snapshots.digest, data, asked)
            if isinstance(found, TracedAnswer):
                return found
            if found is None:
                # Snapshots can be large, and a replay has thousands of hooks: they are sent once.
                assert data is None  # noqa: S101 - it has the snapshots now
                data = snapshots.data
            elif found.places and take is not None:
                taken = take(found.places)
            else:
                known |= rows(found.rows)

    def run[**P, R](self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Call a function in the process. All of it is pickled, the function by its name.

        Raises
        ------
        DeployedProcessError
            If the process crashes, or the function raises.
        """
        request = pickle.dumps((function, arguments, named))
        with self._lock:
            process = self._process = self._process or _start()
            assert process.stdin is not None  # noqa: S101 - both are pipes
            assert process.stdout is not None  # noqa: S101
            try:
                _send(process.stdin, request)
                failure, value = pickle.loads(_receive(process.stdout))  # noqa: S301 - our own process
            except (OSError, EOFError):
                status = self._stop(patience=_PATIENCE)
                raise DeployedProcessError(
                    f"The process that evaluates policies crashed (exit status {status}). "
                    "The function that gets such a hook would crash as well."
                ) from None
            except BaseException:
                # Interrupted: the reply that is still to come must not be taken for the next one.
                self._stop()
                raise
        if failure:
            raise DeployedProcessError(f"The policies cannot be evaluated: {failure}")
        result: R = value
        return result

    def close(self) -> None:
        """End the process. It starts again when it is next asked."""
        with self._lock:
            self._stop()

    def _stop(self, patience: float = 0.0) -> int | None:
        """End the process, after so many seconds in which it may end by itself."""
        process, self._process = self._process, None
        if process is None:
            return None
        with process:
            try:
                return process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                return process.wait()


@cache
def shared() -> DeployedProcess:
    """The process that all of a program uses."""
    process = DeployedProcess()
    atexit.register(process.close)
    return process


def serve() -> None:
    """Call functions for the process that started this one, until it ends."""
    # Ctrl-C goes to both: the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints must not get between the replies.
    os.dup2(2, 1)
    while True:
        try:
            request = _receive(requests)
        except EOFError:
            return
        try:
            function, arguments, named = pickle.loads(request)  # noqa: S301 - from the parent
            reply = pickle.dumps(("", function(*arguments, **named)))
        except Exception as error:  # noqa: BLE001 - the parent raises it
            reply = pickle.dumps((f"{type(error).__name__}: {error}", None))
        _send(replies, reply)


def _start() -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return subprocess.Popen(  # noqa: S603 - this interpreter, and nothing that anybody typed
        [sys.executable, "-c", _COMMAND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
    )


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(_LENGTH_BYTES) + message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    size = int.from_bytes(_exactly(stream, _LENGTH_BYTES))
    return _exactly(stream, size)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


# --- in the process -----------------------------------------------------------------------------

_loaded: dict[bytes, ActivePolicies] = {}


class _Needs(NamedTuple):
    """What an answer takes that only the other process can find out: rows, or places."""

    rows: Collection[RowKey] = ()
    places: Sequence[WantedPlace] = ()


class _NeedsError(Exception):
    """An answer takes more than was sent with the question."""

    def __init__(self, needs: _Needs) -> None:
        super().__init__()
        self.needs = needs


def _answer(
    digest: bytes, data: tuple[bytes, ...] | None, question: Question
) -> TracedAnswer | _Needs | None:
    """Answer a hook, or return what that takes besides; none without the snapshots."""
    policies = _loaded.pop(digest, None)
    if policies is None:
        if data is None:
            return None
        policies = ActivePolicies([Snapshot.load(one) for one in data])
    # The one that was used last is last.
    _loaded[digest] = policies
    if len(_loaded) > _MOST_LOADED:
        del _loaded[next(iter(_loaded))]
    method, body, session, now, rest_api_calls, _, _, known_rows, taken = question
    known = METHODS.get(method)
    hook = Hook(method, known.category if known else Category.EVENT, parse(body))
    steps: list[Step] = []
    identity = _identity(policies, hook, question)

    def rows(keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
        unread = [key for key in keys if key not in known_rows]
        if unread:
            raise _NeedsError(_Needs(rows=unread))
        return known_rows

    def take(wanted: Sequence[WantedPlace]) -> Taken:
        if taken is None:
            raise _NeedsError(_Needs(places=wanted))
        return taken

    try:
        answered = answer(
            policies,
            hook,
            lambda: session,
            now,
            rest_api_calls=rest_api_calls,
            decision_id=DECISION_ID,
            identity=identity,
            rows=rows,
            take=take,
            trace=steps.append,
        )
    except _NeedsError as error:
        return error.needs
    is_about_tokens = known is not None and bool(policies.trusts)
    claims = identity.claims() if is_about_tokens else None
    return TracedAnswer(
        answered,
        tuple(steps),
        policies.client_config(now),
        policies.rest_on_error(method, now),
        policies.versions(),
        identity.shown,
        claims,
    )


def _identity(policies: ActivePolicies, hook: Hook, question: Question) -> LazyIdentity:
    given = question.token
    return identity_of(
        policies,
        hook,
        lambda: question.session,
        question.now,
        question.keys.keys_of,
        None if given is None else _shown(given, hook.method, policies.trusts, question.now),
    )


def _shown(given: GivenToken, method: str, trusts: Sequence[Trust], now: float) -> Shown:
    """What a given token would be known as, with the item that would have taken it."""
    known = METHODS.get(method)
    readers = [trust for trust in trusts if known and trust.covers(known.canonical, now)]
    if given.status in _OF_NO_ITEM or not readers:
        return Shown(given.status, claims=given.claims)
    trust = item_for((given.claims or {}).get("iss", ""), readers) or readers[0]
    return Shown(given.status, trust.id, claims=given.claims, form=trust.form)


_OF_NO_ITEM: Final = (TokenStatus.NONE, TokenStatus.MALFORMED, TokenStatus.UNKNOWN_ISSUER)
