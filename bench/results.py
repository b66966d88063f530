"""Result files: what a section measured, where, with what, and of which commit."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from bench.figures import Figures
from bench.locations import LAMBDA_ENVIRONMENT, REPOSITORY, RESULTS
from bench.targets import Section

_PACKAGES: Final = ("aws-lambda-powertools", "boto3", "cel-expr-python", "moto")
"""What this environment measures with or against."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of a section found.

    Attributes
    ----------
    details
        What is not a figure: the modules behind an import, say.
    """

    section: Section
    figures: Figures
    details: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)

    def write(self, directory: Path = RESULTS) -> Path:
        """Write it to its section's file."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.section}.json"
        content = {
            "section": self.section,
            **(self.context or context()),
            "figures": self.figures.to_json(),
            "details": self.details,
        }
        path.write_text(json.dumps(content, indent=1) + "\n")
        return path


def read(section: Section, directory: Path = RESULTS) -> Result | None:
    """What was found last; none if the section never ran."""
    path = directory / f"{section}.json"
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    return Result(
        section,
        Figures.from_json(stored.pop("figures")),
        stored.pop("details"),
        {name: value for name, value in stored.items() if name != "section"},
    )


def context() -> dict[str, Any]:
    """When, where, with what, and of which commit something is measured."""
    return {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "uncommittedChanges": bool(_git("status", "--porcelain", "--", "functions", "bench")),
        "machine": {
            "processor": _processor(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "memoryBytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "system": f"{platform.system()} {platform.release()}",
        },
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {"awslambdaric": _runtime_client()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _runtime_client() -> str:
    """The version of the runtime client in the environment that plays Lambda's."""
    found = list(LAMBDA_ENVIRONMENT.glob("lib/python*/site-packages/awslambdaric-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").partition("-")[2] if found else "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run(
        [git, "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
