"""A limit on how long a call may take, whatever it hangs on.

botocore's own time-outs cover neither the resolution of a name nor the sum of retries, and they are
set per client; a reply is due at a moment.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

from wcs_hooks.clock import Deadline
from wcs_hooks.ports import UnavailableError

_THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="aws-call")


def run_before[T](deadline: Deadline, call: Callable[[], T], what: str) -> T:
    """Make a call, and wait for it until the deadline at most.

    A call that takes longer goes on in its thread, and its outcome is dropped.

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
    future = _THREADS.submit(call)
    try:
        return future.result(timeout=deadline.remaining())
    except FutureTimeoutError as error:
        future.cancel()
        raise UnavailableError(f"{what} did not answer in time") from error
