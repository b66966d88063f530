"""A limit on how long a call may take, whatever it hangs on.

botocore's own time-outs cover neither the resolution of a name nor the sum of retries, and they are
set per client; a reply is due at a moment. And a service that hangs is not waited for by each hook.
"""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import Final

from wcs_hooks.clock import Clock, Deadline, Pause
from wcs_hooks.core.errors import UnavailableError

_LONGEST_PAUSE: Final = 30.0


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
                pause = min(patience * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE)
                self._failures += 1
                self._pause = Pause(self._clock, pause)
            raise
        self._failures, self._pause = 0, None
        return result


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
