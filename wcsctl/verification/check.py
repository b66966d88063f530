"""A check of a deployment, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wcsctl.verification.run import VerificationRun


class CheckVerdict(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_POSSIBLE = "not possible here"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen, and whether that is what was expected.

    Attributes
    ----------
    seen
        For people; why not, if the check is not possible here.
    """

    seen: str
    verdict: CheckVerdict


def passed(seen: str) -> Sighting:
    """Say that what was expected was seen."""
    return Sighting(seen, CheckVerdict.PASSED)


def failed(seen: str) -> Sighting:
    """Say that something else was seen."""
    return Sighting(seen, CheckVerdict.FAILED)


def not_possible(why: str) -> Sighting:
    """Say why this deployment cannot show it."""
    return Sighting(why, CheckVerdict.NOT_POSSIBLE)


@dataclass(frozen=True, slots=True)
class DeploymentCheck:
    """One thing that a deployment has to show.

    Attributes
    ----------
    expected
        What has to be seen.
    look
        Looks at the deployment. What it raises counts as a failure.
    """

    name: str
    expected: str
    look: Callable[[VerificationRun], Sighting]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check, what was seen, and how long it took in seconds."""

    check: DeploymentCheck
    sighting: Sighting
    seconds: float

    @property
    def verdict(self) -> CheckVerdict:
        """What came of it."""
        return self.sighting.verdict

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "check": self.check.name,
            "result": str(self.verdict),
            "seen": self.sighting.seen,
            "expected": self.check.expected,
            "seconds": round(self.seconds, 1),
        }
