"""Deadlines for calls, whatever blocks them, and values that are read again when they are old.

botocore's own time-outs cover neither the resolution of a name nor the sum of retries, and they are
set per client; a reply is due at a moment. And a service that hangs is not waited for by each hook.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import Final, NamedTuple

from wcs_hooks.clock import Clock, Deadline, Moment, Pause
from wcs_hooks.core.errors import UnavailableError

LONGEST_PAUSE: Final = 30.0
"""Seconds for which a service that fails is left alone at the most."""

_LONGEST_READ: Final = 30.0
"""Seconds after which a read that has not come is given up, and another one begun."""


class TimedOutError(UnavailableError):
    """The deadline came first."""


class CircuitBreaker:
    """Makes calls to a service, and for a while none after it did not answer in time.

    A service that hangs would else take its share of each reply's time. The first pause is as long
    as was waited for; with each further call that hangs it doubles, up to 30 s. A call that was
    given much less time than usual says nothing about the service, and causes no pause.

    Parameters
    ----------
    what
        The service, for messages.
    clock
        Clock that the pauses go by.
    """

    def __init__(self, what: str, clock: Clock) -> None:
        self._what = what
        self._clock = clock
        self._failures = 0
        self._pause: Pause | None = None

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now, without being made."""
        return self._pause is not None and not self._pause.is_over()

    def run_before[T](self, deadline: Deadline, call: Callable[[], T]) -> T:
        """Make a call, and wait for it until the deadline at most; what comes later is dropped.

        Raises
        ------
        UnavailableError
            If the deadline comes first, or one did a moment ago.
        Exception
            Whatever the call raises.
        """
        if self.is_open:
            raise UnavailableError(f"{self._what} did not answer in time a moment ago")
        patience, is_cut_short = deadline.remaining(), deadline.is_cut_short()
        if not patience:
            raise TimedOutError(f"there was no time left to ask {self._what}")
        try:
            result = run_before(deadline, call, self._what)
        except TimedOutError:
            if not is_cut_short:
                self._pause = Pause.after_failures(
                    self._clock, self._failures, patience, LONGEST_PAUSE
                )
                self._failures += 1
            raise
        self._failures, self._pause = 0, None
        return result


class Kept[Value](NamedTuple):
    """A value that was read, and what became of later reads.

    Attributes
    ----------
    number
        Number of the read that brought the value; reads are counted up.
    read_at
        When that read was begun: a slow one brings a value that is old already.
    tried_at
        When the last read was begun, whether or not it brought a value.
    failures
        How many reads failed since the value was read.
    pause
        How long no other read is begun after a failure; None if the last read did not fail.
    """

    value: Value
    number: int
    read_at: Moment
    tried_at: Moment
    failures: int = 0
    pause: Pause | None = None


class Refreshed[Key, Value]:
    """Values that are kept, read again when they are old, and used on while they cannot be.

    A hook waits for a read as long as it may. The read goes on all the same: others wait for it
    rather than begin one of their own, and what comes when nobody waits is adopted later. Else a
    function that starts while a store is slow would never have its value.

    Parameters
    ----------
    what
        The store, for messages.
    clock
        Clock that ages and pauses go by.
    read
        Reads values by key, all in one go. It gets the keys, each with the value that is kept,
        None if there is none. It raises `UnavailableError`.
    share
        Fraction of the time left that a read may take if all its values are known already.
    pauses
        Seconds for which no read is begun after a failure: after the first one, and at the most.
        The pause doubles with each failure in a row.

    Attributes
    ----------
    kept
        What is kept of each key that was read, however old. Each hook looks: it is not a method.
    """

    def __init__(
        self,
        what: str,
        clock: Clock,
        read: Callable[[Mapping[Key, Value | None]], Mapping[Key, Value]],
        *,
        share: float,
        pauses: tuple[float, float],
    ) -> None:
        self._what = what
        self._clock = clock
        self._read = read
        self._share = share
        self._first_pause, self._longest_pause = pauses
        self._count = 0
        self._kept: dict[Key, Kept[Value]] = {}
        self.kept: Mapping[Key, Kept[Value]] = self._kept
        self._reading: dict[tuple[Key, ...], tuple[Future[Mapping[Key, Kept[Value]]], Moment]] = {}

    def forget(self, key: Key) -> None:
        """Keep a value no longer."""
        self._kept.pop(key, None)

    def is_due(self, key: Key, age: float) -> bool:
        """Whether a value must be read: none is kept, or the last try is `age` seconds old."""
        kept = self._kept.get(key)
        if kept is None:
            return True
        return kept.tried_at.older_than(age) and (kept.pause is None or kept.pause.is_over())

    def value(self, key: Key, age: float, deadline: Deadline) -> Value:
        """A value, read again if the last try is `age` seconds old.

        Raises
        ------
        UnavailableError
            If it was never read and cannot be.
        """
        self.adopt_late()
        if self.is_due(key, age):
            self.refresh((key,), deadline)
        return self._kept[key].value

    def refresh(self, keys: tuple[Key, ...], deadline: Deadline) -> None:
        """Read values, or wait for a read of them that has begun. If it fails, they stay.

        Raises
        ------
        UnavailableError
            If one of them was never read and cannot be.
        """
        now = Moment(self._clock)
        known = {key: kept for key in keys if (kept := self._kept.get(key)) is not None}
        if len(known) == len(keys):
            deadline = deadline.part(self._share)
        try:
            self._adopt(self._shared_read(keys, deadline))
        except UnavailableError:
            if len(known) < len(keys):
                raise
            for key, kept in known.items():
                pause = Pause.after_failures(
                    self._clock, kept.failures, self._first_pause, self._longest_pause
                )
                failures = kept.failures + 1
                self._kept[key] = kept._replace(tried_at=now, failures=failures, pause=pause)

    def adopt_late(self) -> Sequence[Key]:
        """Keep what reads brought that nobody waited for; gives the keys."""
        if not self._reading:
            return ()
        done = [(keys, reading) for keys, (reading, _) in self._reading.items() if reading.done()]
        late: list[Key] = []
        for keys, reading in done:
            del self._reading[keys]
            if reading.exception() is None:
                late += self._adopt(reading.result())
        return late

    def _adopt(self, found: Mapping[Key, Kept[Value]]) -> Sequence[Key]:
        """Keep what was read, unless a later read brought it before."""
        newer = {
            key: kept
            for key, kept in found.items()
            if (before := self._kept.get(key)) is None or before.number < kept.number
        }
        self._kept |= newer
        return list(newer)

    def _shared_read(self, keys: tuple[Key, ...], deadline: Deadline) -> Mapping[Key, Kept[Value]]:
        reading, begun = self._reading.get(keys, (None, None))
        if reading is None or begun is None or begun.older_than(_LONGEST_READ):
            self._count += 1
            number, now = self._count, Moment(self._clock)
            before = {key: kept and kept.value for key in keys for kept in [self._kept.get(key)]}

            def read() -> Mapping[Key, Kept[Value]]:
                found = self._read(before)
                return {key: Kept(value, number, now, now) for key, value in found.items()}

            reading = begin(read, self._what)
            self._reading[keys] = (reading, now)
        try:
            return await_before(deadline, reading, self._what)
        finally:
            if reading.done():
                self._reading.pop(keys, None)


def begin[T](call: Callable[[], T], what: str) -> Future[T]:
    """Make a call in a thread of its own: calls that hang must not keep others from being made.

    Parameters
    ----------
    what
        The thing that is called, for the thread's name.
    """
    future: Future[T] = Future()
    Thread(target=_run, args=(future, call), daemon=True, name=what).start()
    return future


def await_before[T](deadline: Deadline, future: Future[T], what: str) -> T:
    """Wait for a call until the deadline at most; it goes on all the same.

    Raises
    ------
    TimedOutError
        If the deadline comes first.
    Exception
        Whatever the call raises.
    """
    try:
        return future.result(timeout=deadline.remaining())
    except FutureTimeoutError as error:
        if future.done():
            raise
        raise TimedOutError(f"{what} did not answer in time") from error


def run_before[T](deadline: Deadline, call: Callable[[], T], what: str) -> T:
    """Make a call, and wait for it until the deadline at most; what comes later is dropped.

    Raises
    ------
    UnavailableError
        If the deadline comes first.
    Exception
        Whatever the call raises.
    """
    return await_before(deadline, begin(call, what), what)


def _run[T](future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
        future.set_exception(error)
