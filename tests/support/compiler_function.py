"""The compiler's function in this process, as Lambda starts it."""

import importlib
import os
from functools import cached_property
from typing import Any
from unittest.mock import patch

from tests.support.aws_tables import POLICIES, SNAPSHOTS
from tests.support.hook_client import ENVIRONMENT, forget_logger
from wcs_hooks import clock as clocks
from wcs_hooks.clock import Clock, SystemClock

_VARIABLES = {
    **ENVIRONMENT,
    "POLICIES_TABLE": POLICIES,
    "SNAPSHOTS_TABLE": SNAPSHOTS,
    "SNAPSHOT_RETENTION_DAYS": "30",
}


class CompilerFunction:
    """The compiler's function, started when it is first used.

    Parameters
    ----------
    clock
        In place of the machine's.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    @cached_property
    def module(self) -> Any:
        """Its entry point's module, which reads its environment when it is imported."""
        forget_logger()
        with (
            patch.dict(os.environ, _VARIABLES),
            patch.object(clocks, "SystemClock", lambda: self._clock),
        ):
            return importlib.reload(importlib.import_module("wcs_hooks.handlers.compiler"))

    def __call__(self, event: dict[str, Any]) -> None:
        """Hand it a batch of the stream's records.

        Raises
        ------
        AppsNotCompiledError
            As the function does.
        """
        self.module.handler(event, None)


def records(*keys: tuple[str, str]) -> dict[str, Any]:
    """A batch of the stream's records, of edited items by `app` and `id`."""
    return {
        "Records": [
            {
                "eventName": "MODIFY",
                "dynamodb": {"Keys": {"app": {"S": app}, "id": {"S": item_id}}},
            }
            for app, item_id in keys
        ]
    }
