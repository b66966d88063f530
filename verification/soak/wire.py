"""What the simulated WCS sends, written down: every hook, every attempt, every reply."""

import hashlib
import hmac
import itertools
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from simulated_wcs.transport import (
    Authentication,
    Exchange,
    HookReply,
    HookTarget,
    HookTransport,
    Signature,
)

RETRIES: Final = 3
"""`rest_client_request_retry_count`."""

_OK: Final = 200
_SERVER_ERROR: Final = 500


class Answer(StrEnum):
    """What came back for a hook, as far as WCS sees it.

    `failed`: a 5xx of the endpoint's own. `none`: no reply of the endpoint's came at all.
    """

    PASSED = "200"
    DENIED = "denied by a policy"
    REJECTED = "rejected caller"
    MALFORMED = "malformed"
    FAILED = "failed"
    NONE = "none"
    OTHER = "other"


_OF_STATUS: Final = {403: Answer.REJECTED, 400: Answer.MALFORMED, 413: Answer.MALFORMED}
"""What a status means that no policy gave."""


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """An attempt that the endpoint did not answer: whether it processed the hook is not known.

    Attributes
    ----------
    at
        Seconds since the epoch.
    what
        What came instead of a reply: an error, or a reply of the gateway's own.
    """

    at: float
    what: str


@dataclass(frozen=True, slots=True)
class SentHook:
    """A hook that WCS wanted an answer for.

    Attributes
    ----------
    number
        Counted from 1.
    phase
        Of the soak.
    at
        When it was sent first, in seconds since the epoch.
    seconds
        From the last attempt's beginning to its reply.
    digest
        SHA-256 of the body.
    status
        Of the reply; none if there was none.
    decision
        `X-Decision-Id`, which only the functions' own replies have.
    genuine
        Whether WCS sent it, with its signature; not so of a stranger's.
    """

    number: int
    phase: str
    method: str
    at: float
    seconds: float
    digest: str
    status: int | None
    decision: str
    answer: Answer
    lost: tuple[LostAttempt, ...] = ()
    genuine: bool = True


def digest(body: bytes) -> str:
    """By which two bodies are compared, all their bytes."""
    return hashlib.sha256(body).hexdigest()


class ChangingSignature:
    """`rest_hook_secret_key`, which an operator changes now and then."""

    def __init__(self, secret: str) -> None:
        self._signature = Signature(secret)

    def change(self, secret: str) -> None:
        """Use another key from now on."""
        self._signature = Signature(secret)

    def header(self, body: bytes) -> str | None:
        """The Authorization header."""
        return self._signature.header(body)


class WrongSignature:
    """What a stranger sends, who does not know the key."""

    def header(self, body: bytes) -> str | None:
        """The Authorization header."""
        return f"WCS {hmac.new(b'a guess', body, hashlib.md5).hexdigest()}"


class Pace:
    """Bounds hooks in rate, count and time.

    Parameters
    ----------
    rate
        Hooks a second at the most.
    count
        Hooks at the most.
    """

    def __init__(self, rate: float, count: int) -> None:
        self._pause = 1.0 / rate
        self._left = count
        self._next = time.monotonic()
        self._lock = threading.Lock()

    @property
    def spent(self) -> bool:
        """Whether no hook may be sent any more."""
        return self._left <= 0

    def wait(self) -> None:
        """Wait for the turn of a hook."""
        with self._lock:
            now = time.monotonic()
            # What was not used is not made up for: no bursts after a slow time.
            self._next = max(self._next + self._pause, now)
            self._left -= 1
            turn = self._next
        time.sleep(max(0.0, turn - now))


class Ledger:
    """All hooks that were sent; may be written by several threads."""

    def __init__(self) -> None:
        self.phase = ""
        self._numbers = itertools.count(1)
        self._hooks: list[SentHook] = []
        self._lock = threading.Lock()

    def number(self) -> int:
        """The next hook's."""
        return next(self._numbers)

    def add(self, hook: SentHook) -> None:
        """Write a hook down."""
        with self._lock:
            self._hooks.append(hook)

    def hooks(self) -> list[SentHook]:
        """Those that are written down, in the order in which they were sent."""
        with self._lock:
            return sorted(self._hooks, key=lambda hook: hook.number)


class RecordingTransport(HookTransport):
    """Sends hooks as WCS does, at the pace that is allowed, and writes them down.

    A hook is sent again, up to three times, if its attempt was not answered by the endpoint: a
    broken connection, or a reply that the gateway gave by itself because the function had died.

    Parameters
    ----------
    genuine
        False for a stranger's.
    """

    def __init__(
        self,
        target: HookTarget,
        authentication: Authentication,
        pace: Pace,
        ledger: Ledger,
        *,
        genuine: bool = True,
    ) -> None:
        super().__init__(target, authentication, retries=0)
        self._pace = pace
        self._ledger = ledger
        self._genuine = genuine

    def send(self, method: str, body: bytes) -> Exchange:
        """Send a hook, again if need be, and wait for its answer. Nothing is raised."""
        self._pace.wait()
        number, phase, began = self._ledger.number(), self._ledger.phase, time.time()
        lost: list[LostAttempt] = []
        while True:
            at = time.time()
            exchange = super().send(method, body)
            what = _not_answered(exchange)
            if not what or len(lost) == RETRIES:
                break
            lost.append(LostAttempt(at, what))
        reply = None if what else exchange.reply
        if what:
            lost.append(LostAttempt(at, what))
        self._ledger.add(
            SentHook(
                number=number,
                phase=phase,
                method=method,
                at=began,
                seconds=exchange.seconds,
                digest=digest(body),
                status=reply.status if reply else None,
                decision=reply.decision if reply else "",
                answer=answer_of(reply),
                lost=tuple(lost),
                genuine=self._genuine,
            )
        )
        return exchange


def answer_of(reply: HookReply | None) -> Answer:
    """What a reply of the endpoint's says."""
    if reply is None:
        return Answer.NONE
    if reply.status == _OK:
        return Answer.PASSED
    if reply.status >= _SERVER_ERROR:
        return Answer.FAILED
    if reply.error.get("policy"):
        return Answer.DENIED
    return _OF_STATUS.get(reply.status, Answer.OTHER)


def _not_answered(exchange: Exchange) -> str:
    """What came instead of the endpoint's reply; empty if it was that."""
    reply = exchange.reply
    if reply is None:
        return exchange.send_errors[0]
    if reply.decision:
        return ""
    return f"the gateway's own {reply.status} {reply.body[:120].decode(errors='replace')}"
