"""Deadlines for calls, whatever they hang on, and reads that several hooks wait for.

botocore's own time-outs cover neither the resolution of a name nor the sum of retries, and they are
set per client; a reply is due at a moment. And a service that hangs is not waited for by each hook.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import Final

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


class SharedReads[Key, Value]:
    """Reads of values that are kept: one in flight for each key, and adopted if it comes late.

    A hook waits for a read as long as it may. The read goes on all the same: others wait for it
    rather than begin one of their own, and what comes when nobody waits is not lost. Else a
    function that starts while a store is slow would never have its value.

    Parameters
    ----------
    what
        The store, for messages.
    clock
        Clock that the age of what is read counts by.
    """

    def __init__(self, what: str, clock: Clock) -> None:
        self._what = what
        self._clock = clock
        self._reading: dict[Key, tuple[Future[Value], Moment]] = {}

    def read(self, key: Key, read: Callable[[Moment], Value], deadline: Deadline) -> Value:
        """Begin a read, or wait for the one that has begun.

        Parameters
        ----------
        key
            What reads have in common that bring the same.
        read
            Reads the value. It gets the moment at which it is begun, from which the value's age
            counts: a newer one is then asked for at once if it takes long.

        Raises
        ------
        TimedOutError
            If the deadline comes first.
        Exception
            Whatever `read` raises.
        """
        reading, begun = self._reading.get(key, (None, None))
        if reading is None or begun is None or begun.older_than(_LONGEST_READ):
            now = Moment(self._clock)
            reading = begin(lambda: read(now), self._what)
            self._reading[key] = (reading, now)
        try:
            return await_before(deadline, reading, self._what)
        finally:
            if reading.done():
                self._reading.pop(key, None)

    def late(self) -> Sequence[Value]:
        """What reads brought, since this was last called, that nobody waited for."""
        if not self._reading:
            return ()
        done = [(key, reading) for key, (reading, _) in self._reading.items() if reading.done()]
        for key, _ in done:
            del self._reading[key]
        return [reading.result() for _, reading in done if reading.exception() is None]


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
