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


def run_before[T](deadline: Deadline, call: Callable[[], T], what: str) -> T:
    """Make a call, and wait for it until the deadline at most.

    A call that takes longer goes on in its thread, and its outcome is dropped. Each has a thread of
    its own: calls that hang must not keep the next one, a dead letter say, from being made.

    Parameters
    ----------
    what
        The thing that is called, for the error.

    Raises
    ------
    UnavailableError
        If the deadline comes first.
    Exception
        Whatever the call raises.
    """
    future: Future[T] = Future()
    Thread(target=_run, args=(future, call), daemon=True, name=what).start()
    try:
        return future.result(timeout=deadline.remaining())
    except FutureTimeoutError as error:
        if future.done():
            raise
        raise UnavailableError(f"{what} did not answer in time") from error


def _run[T](future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
        future.set_exception(error)
