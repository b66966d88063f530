"""A limit on how long a call may take, whatever it hangs on.

botocore's own time-outs cover neither the resolution of a name nor the sum of retries, and they are
set per client; a reply is due at a moment.
"""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread

from wcs_hooks.clock import Deadline
from wcs_hooks.ports import UnavailableError


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
    UnavailableError
        If the deadline comes first.
    Exception
        Whatever the call raises.
    """
    try:
        return future.result(timeout=deadline.remaining())
    except FutureTimeoutError as error:
        if future.done():
            raise
        raise UnavailableError(f"{what} did not answer in time") from error


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
