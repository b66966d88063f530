"""Rows of the compiler, of hooks that come twice, of wrong clocks and of crowds."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from verification.fault_matrix import clocks, compiling, crowds, repeating
from verification.fault_matrix.row import (
    ABORTED,
    CONTINUED,
    Area,
    Expected,
    Letter,
    Level,
    LocalTrial,
    Row,
    State,
)
from verification.fault_matrix.rows import DESCRIPTIONS, FOUR, MALFORMED, WAYS, Rows, denied, echoed
from verification.fault_matrix.scene import (
    BY_SESSION,
    CONNECT,
    CUT_OFF,
    DENIED,
    DISCONNECTED,
    PUBLISHING,
    Hook,
)
from verification.fault_matrix.trials import over_the_wire

# --- The compiler ---------------------------------------------------------------------------------

_STORE: Final = "any"
_COMPILER_TIMEOUT: Final = 60.0
"""Seconds: what the compiler's function has for a batch."""

_COMPILED: Final = Expected(None, frozenset({"Compiled"}), Letter.NONE, Level.INFO)
_NOT_COMPILED: Final = Expected(None, frozenset({"CompileErrors"}), Letter.RECORD, Level.ERROR)
_KILLED: Final = Expected(None, frozenset(), Letter.RECORD, Level.NO_LINE)

_RETRIED: Final = (
    "The former version stays active. Lambda tries the record three more times, and "
    "then sends it to the dead letters."
)
_ENDED: Final = (
    "The function writes no metric, but the alarm `CompilerErrors` goes off. Lambda delivers the "
    "record again."
)
_HALVED: Final = (
    "The other apps of the batch are compiled. Lambda halves the batch until the "
    "record is alone, and sends it to the dead letters after three more attempts."
)


def _compiler() -> Iterator[Row]:
    for way in FOUR:
        injection = over_the_wire(WAYS[way], "Query")
        yield _compilation(
            f"compiler-{way}",
            DESCRIPTIONS[way],
            compiling.failing(injection),
            _NOT_COMPILED,
            call="DynamoDB Query",
            injected=injection.description,
            note=_RETRIED,
        )
    for name, fault, killed, note in (
        (
            "killed-before-pointer",
            "killed between snapshot and pointer",
            compiling.killed(compiling.before_pointer),
            "The old version is active.",
        ),
        (
            "killed-before-settling",
            "killed between pointer and the rest",
            compiling.killed(compiling.before_settling),
            "The new version is active, and the next compilation finishes its activation.",
        ),
        (
            "killed-anywhere",
            "killed before any of its calls",
            compiling.killed_anywhere,
            "The old version or the new one is active.",
        ),
    ):
        yield _compilation(
            name, fault, killed, _KILLED, injected="the process ends", note=f"{note} {_ENDED}"
        )
    for name, fault, together, injected in (
        (
            "two-compilers",
            "two compilers at once",
            compiling.interleaved,
            "before each call of one, in turn, an edit and all of the other",
        ),
        (
            "compilers-in-threads",
            "four compilers at once",
            compiling.in_threads,
            "four threads that edit and compile one app, five times",
        ),
    ):
        yield _compilation(
            name,
            fault,
            together,
            _COMPILED,
            injected=injected,
            note="The policies of the table are active, and `#status` says so.",
        )
    yield _compilation(
        "poison-record",
        "a record that breaks the compiler",
        compiling.poisoned,
        replace(_NOT_COMPILED, counted=frozenset({"Compiled", "CompileErrors"})),
        call="-",
        injected="an error in the midst of one app of three",
        note=_HALVED,
    )


def _compilation(  # noqa: PLR0913 - a row's cells
    name: str,
    fault: str,
    trial: LocalTrial,
    expected: Expected,
    *,
    injected: str,
    call: str = _STORE,
    note: str = "",
    area: Area = Area.COMPILER,
) -> Row:
    return Row(
        name=name,
        area=area,
        fault=fault,
        call=call,
        state=State.NO_MATTER,
        method="",
        hook="an edit",
        injected=injected,
        expected=expected,
        trial=trial,
        reply_timeout=_COMPILER_TIMEOUT,
        note=note,
    )


# --- Hooks that come twice ------------------------------------------------------------------------

_PUBLISHED_TWICE: Final = (
    "**It is on the bus twice**, with two decisions. Events are published at least "
    "once, and EventBridge delivers at least once, so consumers must tolerate "
    "duplicates."
)


def _duplicates() -> Iterator[Row]:
    for name, hook, expected, trial, note in (
        (
            "connect-twice",
            CONNECT,
            echoed(),
            repeating.connecting_twice(CONNECT),
            "There is one session, and its TTL starts again.",
        ),
        ("denied-twice", DENIED, denied(ABORTED), repeating.twice(DENIED), ""),
        ("by-session-twice", BY_SESSION, echoed(), repeating.twice(BY_SESSION), ""),
        (
            "end-twice",
            DISCONNECTED,
            echoed(),
            repeating.disconnecting_twice(DISCONNECTED),
            "The session was deleted and stays deleted.",
        ),
        (
            "event-twice",
            PUBLISHING,
            echoed(),
            repeating.publishing_twice(PUBLISHING),
            _PUBLISHED_TWICE,
        ),
        (
            "malformed-twice",
            CUT_OFF,
            MALFORMED,
            repeating.twice(CUT_OFF),
            "It is stored each time, with that delivery's decision ID.",
        ),
    ):
        rows = Rows(Area.DUPLICATES, "-", State.NO_MATTER, hook, expected, note)
        yield rows.tried(name, "the same hook again", "posted twice", trial)


# --- Clocks ---------------------------------------------------------------------------------------

_AN_HOUR_OF_SEVEN_DAYS: Final = "The session's seven days are an hour longer or shorter."
_SHIFTED: Final = "For that function the window opens or closes an hour early or late."
_OVER_TOO_SOON: Final = (
    "For that function the policy is over, so the session gets LOG for its method. "
    "WCS then only logs denials during the remaining half hour."
)


def _clock() -> Iterator[Row]:
    yield from (
        _wrong_clock(f"session-{what}", hook, denied(ABORTED), wrong, trial, _AN_HOUR_OF_SEVEN_DAYS)
        for what, hook, wrong, trial in (
            ("read-ahead", DENIED, "reads: +1 h", clocks.of_function(DENIED, clocks.AHEAD)),
            ("read-behind", DENIED, "reads: -1 h", clocks.of_function(DENIED, clocks.BEHIND)),
            ("recorded-ahead", DENIED, "recorded: +1 h", clocks.recorded(clocks.AHEAD)),
            ("recorded-behind", DENIED, "recorded: -1 h", clocks.recorded(clocks.BEHIND)),
        )
    )
    opens, is_over = clocks.OPENS, clocks.IS_OVER
    for name, hook, expected, wrong_by in (
        ("opens-ahead", opens, denied(ABORTED), clocks.AHEAD),
        ("opens-right", opens, echoed(), 0.0),
        ("is-over-behind", is_over, denied(CONTINUED), clocks.BEHIND),
        ("is-over-right", is_over, echoed(), 0.0),
    ):
        window = {"notBefore": 30.0} if hook is opens else {"notAfter": -30.0}
        trial = clocks.of_function(hook, wrong_by, **window)
        yield _wrong_clock(name, hook, expected, _HOW[wrong_by], trial, _SHIFTED)
    yield _wrong_clock(
        "config-ahead",
        CONNECT,
        echoed(),
        _HOW[clocks.AHEAD],
        clocks.config_at_connect(clocks.AHEAD, expected="LOG"),
        _OVER_TOO_SOON,
    )
    right = clocks.config_at_connect(0, expected="FAIL")
    yield _wrong_clock("config-right", CONNECT, echoed(), _HOW[0], right)
    for name, fault, wrong_by in (
        ("behind", "a compiler -1 h after one that is right", clocks.BEHIND),
        ("ahead", "a compiler that is right after one +1 h", clocks.AHEAD),
    ):
        yield _compilation(
            f"clock-compiler-{name}",
            fault,
            clocks.compiled(wrong_by),
            _COMPILED,
            call="-",
            injected="the process has another clock",
            note="`#status` shows the later compilation, whatever the clocks show.",
            area=Area.CLOCK,
        )


_HOW: Final = {
    clocks.AHEAD: "decides: +1 h",
    clocks.BEHIND: "decides: -1 h",
    0: "decides: right, to compare with",
}


def _wrong_clock(
    name: str, hook: Hook, expected: Expected, whose: str, trial: LocalTrial, note: str = ""
) -> Row:
    rows = Rows(Area.CLOCK, "-", State.NO_MATTER, hook, expected, note)
    injected = "the process has another clock"
    return rows.tried(f"clock-{name}", f"clock of the function that {whose}", injected, trial)


# --- Crowds ---------------------------------------------------------------------------------------

_PATIENT: Final = 60.0
"""Seconds: a crowd in one process shares the cores that Lambda gives to each."""

_OWN_CORES: Final = (
    "All run in one process and share its cores, while Lambda gives each its own, so "
    "the time says nothing about Lambda. No function makes more calls than these."
)


_NOT_OURS: Final = (
    "No code of this project runs, so it counts and keeps nothing. Lambda's `Throttles` and the "
    "gateway's `5xx` count it, and the alarms `…Throttles` go off. WCS may send the hook "
    "again (`rest_client_request_retry_count`), and then does what `restOnError` says. The "
    "emulator answers 429, AWS a 5xx."
)


def _load() -> Iterator[Row]:
    reads = ("GetSecretValue", "BatchGetItem", "Query")
    for hook, expected, calls in (
        (DENIED, denied(ABORTED), (*reads, "GetItem")),
        (CONNECT, echoed(), (*reads, "PutItem")),
    ):
        row = Rows(Area.LOAD, ", ".join(calls), State.COLD, hook, expected, _OWN_CORES).tried(
            f"cold-starts-{hook.method}",
            f"{crowds.CROWD} cold starts at once",
            f"{crowds.CROWD} functions in as many threads",
            crowds.cold_starts(hook, *calls),
        )
        yield replace(row, reply_timeout=_PATIENT)
    nothing = Expected(None, frozenset(), Letter.NONE, Level.NO_LINE)
    yield Row(
        name="concurrency-limit",
        area=Area.LOAD,
        fault="a function at its concurrency limit",
        call="-",
        state=State.NO_MATTER,
        method="publishStream",
        hook="any",
        injected="reserved concurrency of 1, and two hooks",
        expected=nothing,
        trial=None,
        answered_by="the gateway's error",
        note=_NOT_OURS,
    )


OTHER_ROWS: Final[tuple[Row, ...]] = (*_compiler(), *_duplicates(), *_clock(), *_load())
