"""What a row of the fault matrix says, and how what was observed is held against it."""

import base64
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from verification.fault_matrix.in_process import LocalScene
from verification.fault_matrix.scene import Observed, Scene
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.outcome import UNKNOWN, Outcome, RestOnError

ALWAYS: Final = frozenset({"Calls", "ServiceTime", "DecisionTime", "ColdStart"})
"""Metrics that say nothing about a fault."""


class Area(StrEnum):
    """What is faulty; a section of the document."""

    POLICIES = "Reading the policies"
    SESSIONS = "Reading and writing sessions"
    LISTS = "Looking up rows of lists"
    LIMITS = "Counting places of limits"
    SECRET = "Reading the callers' secret"
    DEAD_LETTERS = "Keeping what failed"
    EVENT_BUS = "Publishing events"
    COMPILER = "Compiling edits"
    DUPLICATES = "Hooks that come twice"
    CLOCK = "A clock that is an hour off"
    LOAD = "Many at once"


class State(StrEnum):
    """What the function knows when the fault begins."""

    COLD = "cold"
    WARM = "warm"
    NO_MATTER = "-"


class Letter(StrEnum):
    """What is in the dead-letter queue afterwards."""

    NONE = "none"
    HOOK = "the hook"
    UNVERIFIED = "the hook, `unverified`"
    SESSION = "the hook, `session` pending"
    BUS = "the hook, `event-bus` pending"
    LEASES = "the hook, `leases` pending"
    BOTH = "the hook, `event-bus` and `session` pending"
    ALL = "the hook, all pending"
    LOST = "lost"
    RECORD = "the record, if it goes on"


class Level(StrEnum):
    """The level of the one line that there is in the log."""

    NO_LINE = "-"
    INFO = "INFO"
    ERROR = "ERROR"


class ErrorOutcome(NamedTuple):
    """What the metric `RestErrors` says of a reply that is not 200."""

    rest_on_error: str
    outcome: str


ABORTED: Final = ErrorOutcome(RestOnError.FAIL, Outcome.ABORTED)
CONTINUED: Final = ErrorOutcome(RestOnError.LOG, Outcome.CONTINUED)
STREAM_ENDED: Final = ErrorOutcome(RestOnError.FAIL, Outcome.STREAM_ENDED)
DECLINED: Final = ErrorOutcome(UNKNOWN, Outcome.DECLINED)
NOBODY_KNOWS: Final = ErrorOutcome(UNKNOWN, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Expected:
    """What comes of a fault.

    Attributes
    ----------
    status
        The reply's; none where no hook waits for one.
    counted
        The metrics that count it, `ALWAYS` apart. No other one does.
    letter
        What is kept.
    level
        Of the line in the log.
    error_outcome
        What WCS does; none where the reply is 200.
    """

    status: int | None
    counted: frozenset[str]
    letter: Letter = Letter.NONE
    level: Level = Level.ERROR
    error_outcome: ErrorOutcome | None = None

    @property
    def is_in_table(self) -> bool:
        """Whether what is kept is in the dead-letter table, and not in the queue."""
        return "DeadLetterFallback" in self.counted


type Trial = Callable[[Scene], Observed]
"""Makes a fault happen in any scene, and observes."""

type LocalTrial = Callable[[LocalScene], Observed]
"""Makes a fault happen in this process only, and observes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault, and what comes of it.

    Attributes
    ----------
    name
        Of the test.
    fault
        What goes wrong.
    call
        Where: the operation of AWS.
    injected
        How it is made to go wrong.
    method
        The hook's method; empty where none is posted.
    hook
        What about the hook matters.
    trial
        Makes it happen in this process; none where that cannot be.
    end_to_end
        Makes it happen on a deployment in the emulator; none where that is not done.
    answered_by
        Who answers where no code of this project does; else empty.
    reply_timeout
        Seconds: the setting under which it is tried in this process.
    note
        What the rest does not say.
    """

    name: str
    area: Area
    fault: str
    call: str
    state: State
    method: str
    hook: str
    injected: str
    expected: Expected
    trial: LocalTrial | None
    end_to_end: Trial | None = None
    answered_by: str = ""
    reply_timeout: float = 2.0
    note: str = ""


_PENDING: Final[Mapping[Letter, list[str]]] = {
    Letter.SESSION: ["session"],
    Letter.BUS: ["event-bus"],
    Letter.LEASES: ["leases"],
    Letter.BOTH: ["event-bus", "session"],
    Letter.ALL: ["event-bus", "leases", "session"],
}


class _Comparison:
    """Collects in what two things differ."""

    def __init__(self) -> None:
        self.differences: list[str] = []

    def compare(self, what: str, expected: object, observed: object) -> None:
        if expected != observed:
            self.differences.append(f"{what}: expected {expected!r}, observed {observed!r}")


def differences(expected: Expected, observed: Observed) -> list[str]:
    """In what a trial went otherwise than expected, its time apart."""
    comparison = _Comparison()
    comparison.compare("status", expected.status, observed.status)
    comparison.compare("metrics", sorted(expected.counted), sorted(observed.counted - ALWAYS))
    levels = [] if expected.level is Level.NO_LINE else [expected.level.value]
    comparison.compare("log levels", levels, list(observed.levels))
    comparison.compare("what WCS does", expected.error_outcome, observed.error_outcome)
    kept = expected.letter not in {Letter.NONE, Letter.LOST, Letter.RECORD}
    in_table = kept and expected.is_in_table
    comparison.compare("dead letters", int(kept and not in_table), len(observed.letters))
    comparison.compare("dead letters in the table", int(in_table), len(observed.in_table))
    for letter in (*observed.letters, *observed.in_table):
        _compare_letter(comparison, expected.letter, letter, observed)
    return comparison.differences


def _compare_letter(
    comparison: _Comparison, expected: Letter, letter: Mapping[str, Any], observed: Observed
) -> None:
    comparison.compare("its method", observed.method, letter.get("method"))
    comparison.compare("its decision", observed.decision, letter.get("decision"))
    comparison.compare("its body", observed.body, _body_of(letter))
    comparison.compare("its category", METHODS[observed.method].category, letter.get("category"))
    unverified = expected is Letter.UNVERIFIED
    comparison.compare("whether it is unverified", unverified, bool(letter.get("unverified")))
    comparison.compare("its pending", _PENDING.get(expected, []), sorted(letter.get("pending", [])))


def _body_of(letter: Mapping[str, Any]) -> bytes:
    """The body that a letter holds, read apart from the product's own code."""
    if "body" in letter:
        return str(letter["body"]).encode()
    return zlib.decompress(base64.b85decode(letter["bodyZlib"]))
