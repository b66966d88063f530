"""What is counted and logged of each compilation."""

from collections.abc import Iterable

from aws_lambda_powertools.metrics import MetricUnit

from wcs_hooks.compiler.key_refresher import KeyRefresh
from wcs_hooks.compiler.policy_compiler import Status
from wcs_hooks.telemetry.catalogue import COMPILER
from wcs_hooks.telemetry.decision_log import make_logger
from wcs_hooks.telemetry.emf import HookMetrics


class CompilerReporter:
    """Reports on compilations."""

    def __init__(self) -> None:
        self._logger = make_logger()
        self._metrics = HookMetrics(COMPILER)
        self._cold = True

    def compiled(self, status: Status) -> None:
        """Count a compilation, and log what came of it."""
        self._metrics.add_metric("Compiled" if status.ok else "CompileErrors", MetricUnit.Count, 1)
        line = {
            "app": status.app,
            "version": status.version,
            "policies": status.policies,
            "errors": [f"{f.policy}: {f.attribute}" for f in status.errors[:10]],
            "warnings": len(status.warnings),
        }
        if status.ok:
            self._logger.info("compiled", extra=line)
        else:
            self._logger.warning("not compiled: the last good version stays active", extra=line)

    def failed(self, app: str, error: Exception) -> None:
        """Count and log a compilation that could not be carried out."""
        self._metrics.add_metric("CompileErrors", MetricUnit.Count, 1)
        self._logger.error("compilation failed", extra={"app": app}, exc_info=error)

    def keys_refreshed(self, refreshed: Iterable[KeyRefresh]) -> None:
        """Count and log the addresses whose keys could not be fetched."""
        for address, error in refreshed:
            if error:
                self._metrics.add_metric("KeysStale", MetricUnit.Count, 1)
                self._logger.warning(
                    "keys not fetched: those that are known stay",
                    extra={"address": address.url, "reason": error},
                )

    def flush(self) -> None:
        """Emit what was counted since the last time."""
        if self._metrics.metric_set:
            if self._cold:
                self._metrics.add_metric("ColdStart", MetricUnit.Count, 1)
                self._cold = False
            self._metrics.flush_metrics()
