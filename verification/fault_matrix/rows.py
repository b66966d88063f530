"""How rows are written down: what is expected most often, and rows that have most in common."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from tests.support.faulty_aws import (
    BROKEN,
    HANGING,
    PARTIAL,
    REFUSED,
    THROTTLED,
    UNPROCESSED,
    UNREACHABLE,
    Fault,
)
from verification.fault_matrix import trials
from verification.fault_matrix.row import (
    CONTINUED,
    NOBODY_KNOWS,
    Area,
    ErrorOutcome,
    Expected,
    Letter,
    Level,
    LocalTrial,
    Row,
    State,
    Trial,
)
from verification.fault_matrix.scene import Hook
from verification.fault_matrix.trials import Injection, both, over_the_wire

FOUR: Final = ("throttled", "hanging", "refused", "broken")
"""In how many ways any call can go wrong, at the least."""

WAYS: Final[Mapping[str, Fault]] = {
    "throttled": THROTTLED,
    "hanging": HANGING,
    "refused": REFUSED,
    "broken": BROKEN,
    "unreachable": UNREACHABLE,
    "unprocessed": UNPROCESSED,
    "partial": PARTIAL,
}
DESCRIPTIONS: Final[Mapping[str, str]] = {
    "throttled": "throttled",
    "hanging": "hangs",
    "refused": "refused",
    "broken": "fails inside AWS",
    "unreachable": "unreachable",
    "unprocessed": "throttled in part",
    "partial": "accepts the call, not the event",
}

_SHORT: Final = 1.0
"""Seconds: the `replyTimeout` under which calls that hang are tried."""

# --- What is expected -----------------------------------------------------------------------------


def failure(error_outcome: ErrorOutcome | None, letter: Letter = Letter.HOOK) -> Expected:
    """503, because of us."""
    kept = "DeadLetterLost" if letter is Letter.LOST else "DeadLettered"
    return Expected(
        503, frozenset({"Failed", "RestErrors", kept}), letter, Level.ERROR, error_outcome
    )


def denied(error_outcome: ErrorOutcome, *also: str) -> Expected:
    """403, by a policy, as if nothing were wrong."""
    counted = frozenset({"Denied", "RestErrors", *also})
    return Expected(403, counted, Letter.NONE, Level.INFO, error_outcome)


def echoed(letter: Letter = Letter.NONE, level: Level = Level.NO_LINE, *also: str) -> Expected:
    """200, with what came."""
    return Expected(200, frozenset({"Echoed", *also}), letter, level)


def done_later(letter: Letter) -> Expected:
    """200, and what should have followed is kept to be done later."""
    return echoed(letter, Level.INFO, "DeadLettered")


def in_table(expected: Expected) -> Expected:
    """The same, but what is kept is in the table, since the queue did not take it."""
    return replace(expected, counted=expected.counted | {"DeadLetterFallback"})


FOLLOW_UP_LOST: Final = echoed(Letter.LOST, Level.ERROR, "DeadLetterLost")

REJECTED_COLD: Final = Expected(
    403, frozenset({"Rejected", "RestErrors"}), Letter.NONE, Level.INFO, NOBODY_KNOWS
)
REJECTED_WARM: Final = replace(REJECTED_COLD, error_outcome=CONTINUED)

MALFORMED: Final = Expected(
    400,
    frozenset({"Malformed", "RestErrors", "DeadLettered"}),
    Letter.HOOK,
    Level.INFO,
    NOBODY_KNOWS,
)
MALFORMED_LOST: Final = replace(
    MALFORMED,
    counted=frozenset({"Malformed", "RestErrors", "DeadLetterLost"}),
    letter=Letter.LOST,
    level=Level.ERROR,
)


# --- Rows -----------------------------------------------------------------------------------------


class Rows:
    """Rows of the same hook and call, of which the same comes."""

    def __init__(
        self, area: Area, call: str, state: State, hook: Hook, expected: Expected, note: str = ""
    ) -> None:
        self._area, self._call, self._state = area, call, state
        self._hook, self._expected, self._note = hook, expected, note

    def tried(
        self,
        name: str,
        fault: str,
        injected: str,
        trial: LocalTrial,
        *,
        end_to_end: Trial | None = None,
        hangs: bool = False,
    ) -> Row:
        """A row with a trial of its own."""
        return Row(
            name=name,
            area=self._area,
            fault=fault,
            call=self._call,
            state=self._state,
            method=self._hook.method,
            hook=self._hook.description,
            injected=injected,
            expected=self._expected,
            trial=trial,
            end_to_end=end_to_end,
            reply_timeout=_SHORT if hangs else 2.0,
            note=self._note,
        )

    def one(
        self,
        name: str,
        fault: str,
        injection: Injection,
        *,
        trial: Callable[[Hook, Injection], Trial] | None = None,
        end_to_end: bool = False,
        hangs: bool = False,
    ) -> Row:
        """A row for one way in which things go wrong.

        Parameters
        ----------
        trial
            How it is made to happen, if not as the state says.
        end_to_end
            Whether it is tried on a deployment, too.
        """
        by_state = trials.warm if self._state is State.WARM else trials.cold
        made = (trial or by_state)(self._hook, injection)
        return self.tried(
            name,
            fault,
            injection.description,
            made,
            end_to_end=made if end_to_end else None,
            hangs=hangs,
        )

    def each(
        self,
        name: str,
        *ways: str,
        end_to_end: tuple[str, ...] = (),
        before: Injection | None = None,
        trial: Callable[[Hook, Injection], Trial] | None = None,
    ) -> Iterator[Row]:
        """A row for each way in which the call can fail.

        Parameters
        ----------
        ways
            Keys of `WAYS`; by default `FOUR`.
        end_to_end
            Those of them that are tried on a deployment, too.
        before
            What is done first.
        trial
            As `one` has it.
        """
        operation = self._call.rpartition(" ")[2]
        for way in ways or FOUR:
            injection = over_the_wire(WAYS[way], operation)
            yield self.one(
                f"{name}-{way}",
                DESCRIPTIONS[way],
                both(before, injection) if before else injection,
                trial=trial,
                end_to_end=way in end_to_end,
                hangs=WAYS[way].hangs,
            )
