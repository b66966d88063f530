"""Runs the checks one after the other, and removes what they made, whatever happens."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.core.errors import UnavailableError
from wcsctl.deployment import Deployment
from wcsctl.errors import WcsctlError
from wcsctl.verification import account, callers, failures, hooks, policies, telemetry
from wcsctl.verification.check import CheckResult, DeploymentCheck, Sighting, failed
from wcsctl.verification.cleaning import RunCleaning, RunEntries
from wcsctl.verification.run import RunName, VerificationOptions, VerificationRun

CHECKS: Final[tuple[DeploymentCheck, ...]] = (
    *account.CHECKS,
    *hooks.CHECKS,
    *callers.CHECKS,
    *policies.CHECKS,
    *failures.CHECKS,
    *policies.IDLING,
    *callers.AFTER_IDLING,
    *telemetry.CHECKS,
)
"""In this order: what is cheap first, and what takes time when hooks have been sent."""


@dataclass
class Leftovers:
    """What runs before this one left, and what this one leaves.

    Attributes
    ----------
    removed
        The names of killed runs whose things were removed.
    under_way
        The names of other runs that may still be running.
    remaining
        What could not be removed, and why.
    """

    removed: list[str] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "removed": self.removed,
            "underWay": self.under_way,
            "remaining": self.remaining,
        }


class Verifier:
    """One run; at the end of the `with` block nothing of it is left.

    Parameters
    ----------
    deployment
        Which one.
    options
        What is taken for granted.
    waiting
        Called with what is waited for.
    checks
        What is looked at, in this order.

    Attributes
    ----------
    name
        The run's.
    leftovers
        Of runs before, and of this one when it is over.

    Examples
    --------
    >>> with Verifier(deployment, VerificationOptions(), print) as verifier:  # doctest: +SKIP
    ...     results = list(verifier.results())
    """

    def __init__(
        self,
        deployment: Deployment,
        options: VerificationOptions,
        waiting: Callable[[str], object],
        checks: Sequence[DeploymentCheck] = CHECKS,
    ) -> None:
        self._deployment = deployment
        self._options = options
        self._waiting = waiting
        self._checks = checks
        self._run: VerificationRun | None = None
        self.name = RunName.new()
        self.leftovers = Leftovers()

    def __enter__(self) -> Self:
        """Remove what killed runs left, and enter this one."""
        entries = RunEntries(self._deployment)
        for entry in entries:
            if entry.is_under_way():
                self.leftovers.under_way.append(entry.name.name)
                continue
            self._waiting(f"the removal of what {entry.name.name} left")
            clean = RunCleaning(self._deployment, entry.name)
            remaining = clean()
            self.leftovers.remaining += remaining
            if not remaining:
                self.leftovers.removed.append(entry.name.name)
        self._run = VerificationRun(self._deployment, self.name, self._options, self._waiting)
        entries.add(self.name, self._options.timeout)
        return self

    def __exit__(self, *exception: object) -> None:
        """Remove all that this run made."""
        assert self._run is not None  # noqa: S101 - made at the beginning
        self._waiting("the removal of what this run made")
        self._run.close()
        clean = RunCleaning(self._deployment, self.name)
        self.leftovers.remaining += clean()

    def results(self) -> Iterator[CheckResult]:
        """Look at one thing after another."""
        assert self._run is not None  # noqa: S101 - inside of the `with` block
        for check in self._checks:
            began = time.monotonic()
            self._waiting(check.name)
            sighting = _look(check, self._run)
            yield CheckResult(check, sighting, time.monotonic() - began)


def _look(check: DeploymentCheck, run: VerificationRun) -> Sighting:
    if not run.remaining:
        return failed(f"not begun: the {run.options.timeout:.0f} s of --timeout are over")
    try:
        return check.look(run)
    except ClientError as error:
        details = error.response.get("Error", {})
        return failed(f"AWS refused {error.operation_name}: {details.get('Code')}")
    except (WcsctlError, UnavailableError, BotoCoreError) as error:
        return failed(str(error))
    except (KeyError, TypeError, ValueError) as error:
        # What answers is not what was deployed.
        return failed(f"an answer of another form: {type(error).__name__}: {error}")
