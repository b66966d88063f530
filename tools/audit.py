"""Looks up each locked package in the lists of known vulnerabilities: ``make audit``.

It is not a part of ``make test``: it needs the network, and its result changes while the code does
not. Exit status 0: all were looked up, and nothing is known. 1: something is. 2: not all could be
looked up, which must not pass for the first.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from local.workspace import REPOSITORY

PYTHON_LOCKS: Final = (
    "functions/requirements.txt",
    "requirements.txt",
    "local/emulator-requirements.txt",
    "tools/docs-requirements.txt",
)
"""What runs in Lambda first: the rest is on developers' machines only."""

NODE_LOCK: Final = "package-lock.json"

SERVICES: Final = ("pypi", "osv")
"""Those that pip-audit knows; the second is asked where the first has no answer."""

_TIMEOUT: Final = 600
_LAST_LINE: Final = 80

type Run = Callable[[Sequence[str]], str]
"""Runs a program, and gives what it prints; whatever its exit status, which says too little."""


class Status(IntEnum):
    """The exit status."""

    NOTHING_KNOWN = 0
    VULNERABLE = 1
    NOT_AUDITED = 2


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found about one lock file.

    Attributes
    ----------
    looked_up
        How many packages.
    vulnerabilities
        One line each.
    problems
        Why packages could not be looked up; empty if all were.
    """

    lock: str
    looked_up: int = 0
    vulnerabilities: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def status(self) -> Status:
        """What it comes to."""
        if self.vulnerabilities:
            return Status.VULNERABLE
        return Status.NOT_AUDITED if self.problems else Status.NOTHING_KNOWN

    def lines(self) -> Iterator[str]:
        """Yield the lines of the report."""
        for vulnerability in self.vulnerabilities:
            yield f"{self.lock}: {vulnerability}"
        for problem in self.problems:
            yield f"{self.lock}: not audited: {problem}"
        if self.status is Status.NOTHING_KNOWN:
            yield f"{self.lock}: nothing is known of its {self.looked_up} packages"


def audit_python(lock: str, run: Run) -> Audit:
    """Look up a hashed requirements file."""
    problems: list[str] = []
    for service in SERVICES:
        command = [
            str(REPOSITORY / ".venv" / "bin" / "pip-audit"),
            *("--format", "json", "--progress-spinner", "off"),
            # The file is a lock: nothing is to be resolved, or installed.
            *("--disable-pip", "--require-hashes"),
            *("--vulnerability-service", service, "--timeout", "15"),
            *("--requirement", str(REPOSITORY / lock)),
        ]
        answer = run(command)
        try:
            dependencies = json.loads(answer)["dependencies"]
        except (ValueError, KeyError, TypeError):
            problems.append(f"{service} does not answer ({_last_line(answer)})")
            continue
        # A package that the service does not know is passed over, with exit status 0.
        skipped = [each["name"] for each in dependencies if "skip_reason" in each]
        found = [
            f"{each['name']} {each['version']}: {one['id']}, fixed in "
            f"{', '.join(one['fix_versions']) or 'no version'}"
            for each in dependencies
            for one in each.get("vulns", ())
        ]
        if skipped or not dependencies:
            names = ", ".join(skipped[:3]) + (" …" if len(skipped) > len(skipped[:3]) else "")
            problems.append(f"{service} does not know {names or 'any package'}")
        else:
            problems.clear()
        if found or not problems:
            return Audit(lock, len(dependencies) - len(skipped), found, problems)
    return Audit(lock, problems=problems)


def audit_node(run: Run) -> Audit:
    """Look up npm's lock file."""
    answer = run(["npm", "audit", "--json", "--package-lock-only"])
    try:
        report: Mapping[str, Any] = json.loads(answer)
        found = [
            f"{name}: {one['severity']}, {'' if one['fixAvailable'] else 'not '}fixed by now"
            for name, one in report["vulnerabilities"].items()
        ]
        count = report["metadata"]["dependencies"]["total"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Audit(NODE_LOCK, problems=["npm's registry has no such list"])
    return Audit(NODE_LOCK, count, found)


def main(run: Run | None = None) -> Status:
    """Audit every lock file, and report what was found."""
    run = run or _run
    audits = [*(audit_python(lock, run) for lock in PYTHON_LOCKS), audit_node(run)]
    for audit in audits:
        for line in audit.lines():
            sys.stdout.write(f"{line}\n")
    statuses = {audit.status for audit in audits}
    if any(audit.problems for audit in audits):
        sys.stdout.write(
            "Not everything could be looked up. It takes pypi.org or api.osv.dev, and npm's own "
            "registry: a mirror has no list of vulnerabilities.\n"
        )
    order = (Status.VULNERABLE, Status.NOT_AUDITED)
    return next((each for each in order if each in statuses), Status.NOTHING_KNOWN)


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{Path(command[0]).name}: {error}"
    return done.stdout or done.stderr


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "no word"
    return lines[-1] if len(lines[-1]) <= _LAST_LINE else f"{lines[-1][:_LAST_LINE]}…"


if __name__ == "__main__":
    sys.exit(main())
