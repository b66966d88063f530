"""The functions' packages: made as they are deployed, and unpacked as Lambda unpacks them."""

import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.locations import BENCH, REPOSITORY, WORK
from infra.packaging import package, target_of
from infra.settings import Architecture, Packaging, Settings

_TASKS: Final = WORK / "tasks"
_FUNCTIONS: Final = BENCH / "functions"

_IN_LAMBDA: Final = frozenset(
    {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
)
"""Left out of the Powertools baseline's package, as the layer of Powertools leaves it out: Lambda's
Python has it."""


@dataclass(frozen=True, slots=True)
class Package:
    """A function's package.

    Attributes
    ----------
    task
        Where it is unpacked.
    zipped_bytes
        The size of what is deployed.
    """

    task: Path
    zipped_bytes: int


def ours() -> Package:
    """Our functions that answer hooks, packaged for this machine and unpacked."""
    made = package(target_of(Settings(packaging=Packaging.HOST))).hooks
    return _unpacked(made.path, "ours")


def ours_for_lambda() -> dict[str, int]:
    """The zipped size in bytes of what is deployed to answer hooks, by architecture."""
    return {
        architecture.value: package(target_of(Settings(architecture=architecture)))
        .hooks.path.stat()
        .st_size
        for architecture in Architecture
    }


def baseline() -> Package:
    """The no-op baseline: one file."""
    return _unpacked(_zipped("baseline", ["baseline.py"]), "baseline")


def baseline_with_call() -> Package:
    """The no-op baseline with a call to DynamoDB: one file."""
    return _unpacked(_zipped("baseline-call", ["baseline_call.py"]), "baseline-call")


def powertools() -> Package:
    """The Powertools baseline, with what it imports.

    It gets what ours has: byte code that Python trusts, since Lambda could not keep any.
    """
    staging = _empty(_TASKS / "powertools.staging")
    subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-compile-bytecode"),
            *("--python", sys.executable, "--target", str(staging)),
            # In the versions and with the hashes of the lock.
            *("--constraint", str(REPOSITORY / "requirements.txt")),
            "aws-lambda-powertools[tracer]",
        ],
        check=True,
    )
    for path in list(staging.iterdir()):
        name = path.name.partition("-")[0].removesuffix(".py").replace("python_", "")
        if name in _IN_LAMBDA or path.name == "bin":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return _unpacked(_zipped("powertools", ["powertools.py"], staging), "powertools")


def _zipped(name: str, sources: list[str], staging: Path | None = None) -> Path:
    staging = staging or _empty(_TASKS / f"{name}.staging")
    for source in sources:
        shutil.copy(_FUNCTIONS / source, staging)
    subprocess.run(
        [
            *(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(staging), "-p", "/var/task", str(staging)),
        ],
        check=True,
    )
    path = _TASKS / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(staging.rglob("*")):
            archive.write(file, file.relative_to(staging))
    shutil.rmtree(staging)
    return path


def _unpacked(archive: Path, name: str) -> Package:
    task = _empty(_TASKS / name)
    with zipfile.ZipFile(archive) as content:
        content.extractall(task)
    return Package(task, archive.stat().st_size)


def _empty(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory
