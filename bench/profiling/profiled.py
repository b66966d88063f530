"""Stands before a function's handler, and profiles its import and its calls.

It runs in place of the handler, where only a profile is wanted: nothing is measured under it.
"""

import cProfile
import importlib
import os
import time
from collections.abc import Callable
from typing import Any

_module, _, _name = os.environ["PROFILED_HANDLER"].rpartition(".")
# CPU time: what waits for AWS, or for the processor, is not meant.
_start = cProfile.Profile(time.process_time_ns, 1e-9)
_real: Callable[[Any, Any], Any] = getattr(_start.runcall(importlib.import_module, _module), _name)
_calls = cProfile.Profile(time.process_time_ns, 1e-9)


def handler(event: dict[str, Any], context: object) -> Any:
    """Answer as the handler does; an event with `dump` writes the profiles to that directory."""
    if "dump" in event:
        _start.dump_stats(f"{event['dump']}/start.pstats")
        _calls.dump_stats(f"{event['dump']}/calls.pstats")
        _calls.clear()
        return {}
    return _calls.runcall(_real, event, context)
