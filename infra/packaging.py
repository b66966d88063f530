"""Packages the functions with their dependencies, for Lambda or for this machine, without Docker.

The dependencies are wheels, so that none has to be built: ``uv`` fetches those of the platform on
which the functions will run, whichever this one is. boto3 is among them, though the Lambda runtime
has one: ours is pinned. Libraries are packaged as their authors released them: files that no
function uses are left out, and byte code is added, but no file is changed. A CycloneDX bill of
materials is written beside the package. The same input gives the same package and the same asset
hash, and what was packaged once is kept in ``build/``.

There are two packages: the compiler function has libraries that no other function imports. They are
installed together, and each file of a library is compressed once.
"""

import dataclasses
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from function_sources import REQUIREMENTS, source_files, sources_digest
from infra import service_models
from infra.bill_of_materials import bill_of_materials
from infra.service_models import ServiceModelsError, write_service_models
from infra.settings import Architecture, Packaging, Settings

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "functions"
BUILD: Final = ROOT / "build"

_HOOKS: Final = "hooks"
_COMPILER: Final = "compiler"
_PACKAGES: Final = (_HOOKS, _COMPILER)

_PYTHON = (3, 13)
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DAY_SECONDS = 86_400

_UNUSED: Final = (
    # 36 MB of CEL extensions that no policy can name, and what its wheel ships by mistake.
    *("cel_expr_python/ext", "bazel-project", "bin"),
    # Powertools is here for its logger and for metrics in CloudWatch.
    *("aws_lambda_powertools/event_handler", "aws_lambda_powertools/metrics/provider/datadog"),
    # The services that are called are described in `SERVICE_MODELS`.
    *("botocore/data", "boto3/data", "boto3/examples", "dateutil/zoneinfo"),
    # cryptography needs the extension beside these, and no compiler of C declarations.
    *("cffi", "pycparser"),
    # Calendars, of which botocore's parser of dates has no need; encryption, where only signatures
    # are verified.
    *("dateutil/rrule.py", "dateutil/easter.py", "joserfc/drafts", "cryptography/fernet.py"),
    "cryptography/hazmat/primitives/twofactor",
    # For browsers, Windows, proxies and tests, or beside libraries that are not here.
    *("urllib3/contrib/emscripten", "urllib3/contrib/socks.py", "urllib3/contrib/pyopenssl.py"),
    *("dateutil/tz/win.py", "botocore/stub.py"),
)
COMPILER_LIBRARIES: Final = frozenset({"boto3", "google-re2", "s3transfer"})
"""Libraries that only the compiler imports. boto3, which needs s3transfer, converts items
of any shape; google-re2 measures the patterns of policies."""
COMPILER_SOURCES: Final = "wcs_hooks/compiler"
"""Of our own what only the compiler imports."""

_TIME_ZONES: Final = "tzdata/zoneinfo"
_TIME_ZONE_MAGIC: Final = b"TZif"  # RFC 9636
SERVICE_MODELS: Final = "aws_service_models"
"""Where botocore finds the descriptions of services (`wcs_hooks.adapters.clients`)."""

_POWERTOOLS_UTILITIES: Final = "aws_lambda_powertools/utilities"
_USED_UTILITIES: Final = frozenset({"__init__.py", "jmespath_utils", "typing"})
_UNUSED_NAMES: Final = frozenset({"tests", "__pycache__", ".lock"})
_UNUSED_SUFFIXES: Final = frozenset({".pyi", ".typed"})


class PackagingError(Exception):
    """The functions could not be packaged. The text is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class TargetPlatform:
    """Where the functions will run.

    Attributes
    ----------
    name
        Part of the package's file name.
    wheels
        The platform whose wheels are fetched, as ``uv`` names it; None for this machine's.
    """

    name: str
    wheels: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class FunctionPackage:
    """A zip file that Lambda takes.

    Attributes
    ----------
    asset_hash
        Of all that went into it.
    bill_of_materials
        A file that lists the libraries in it, with versions and hashes.
    """

    path: Path
    asset_hash: str
    bill_of_materials: Path

    @property
    def code_sha256(self) -> str:
        """The file's SHA-256, in base64: what Lambda reports of a function made from it."""
        return b64encode(hashlib.sha256(self.path.read_bytes()).digest()).decode()


@dataclasses.dataclass(frozen=True, slots=True)
class FunctionPackages:
    """The packages of all functions, for one target.

    Attributes
    ----------
    hooks
        Of the functions that answer hooks.
    compiler
        Of the compiler: the same, and `COMPILER_LIBRARIES`.
    sources
        A digest of the functions' sources and of their libraries' versions.
    """

    hooks: FunctionPackage
    compiler: FunctionPackage
    sources: str


def target_of(settings: Settings) -> TargetPlatform:
    """Return the platform that the functions will run on.

    Lambda's Python 3.13 runs on Amazon Linux 2023, whose glibc is 2.34.
    """
    if settings.packaging is Packaging.HOST:
        return TargetPlatform(f"host-{platform.machine()}", None)
    machine = "aarch64" if settings.architecture is Architecture.ARM64 else "x86_64"
    return TargetPlatform(settings.architecture.value, f"{machine}-manylinux_2_34")


def package(
    target: TargetPlatform, *, sources: Path = SOURCES, build: Path = BUILD
) -> FunctionPackages:
    """Package the functions for a target, or find the packages that were made before.

    Parameters
    ----------
    target
        Where the functions will run.
    sources
        The directory with ``wcs_hooks`` and ``requirements.txt``; the zips have its layout.
    build
        Where packages are kept.

    Raises
    ------
    PackagingError
        If the dependencies cannot be fetched, or are not what is expected.
    """
    build.mkdir(parents=True, exist_ok=True)
    requirements = sources / REQUIREMENTS
    dependencies_key = _digest(
        # These files are the recipe: another recipe, another package.
        *(Path(file).read_bytes() for file in (__file__, service_models.__file__)),
        requirements.read_bytes(),
        repr((target, _magic_number())).encode(),
    )
    files = sorted(source_files(sources))
    key = _digest(
        dependencies_key.encode(),
        *(part for file in files for part in (str(file).encode(), (sources / file).read_bytes())),
    )
    paths = {name: build / f"{name}-{target.name}-{key[:16]}.zip" for name in _PACKAGES}
    if not _all_exist(paths):
        libraries = {
            name: build / f"{name}-libraries-{target.name}-{dependencies_key[:16]}.zip"
            for name in _PACKAGES
        }
        if not _all_exist(libraries):
            _package_libraries(requirements, target, build, libraries)
        with tempfile.TemporaryDirectory(dir=build) as staging:
            for file in files:
                (Path(staging) / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(sources / file, Path(staging) / file)
            _compile(Path(staging))
            _write(paths[_COMPILER], Path(staging), onto=libraries[_COMPILER])
            shutil.rmtree(Path(staging, COMPILER_SOURCES), ignore_errors=True)
            _write(paths[_HOOKS], Path(staging), onto=libraries[_HOOKS])
        _forget_old(build, target)
    locked = requirements.read_text()
    return FunctionPackages(
        hooks=_described(paths[_HOOKS], key, locked, without=COMPILER_LIBRARIES),
        compiler=_described(paths[_COMPILER], key, locked, without=()),
        sources=sources_digest(sources),
    )


def _all_exist(paths: Mapping[str, Path]) -> bool:
    return all(path.exists() for path in paths.values())


def _package_libraries(
    requirements: Path, target: TargetPlatform, build: Path, libraries: Mapping[str, Path]
) -> None:
    """Install the libraries and zip them: those that all functions have, and the compiler's."""
    with (
        tempfile.TemporaryDirectory(dir=build) as shared,
        tempfile.TemporaryDirectory(dir=build) as apart,
    ):
        _install(requirements, target, Path(shared))
        _describe_services(Path(shared), target)
        _prune(Path(shared))
        _move_compiler_libraries(Path(shared), Path(apart))
        for staging in (shared, apart):
            _compile(Path(staging))
        _write(libraries[_HOOKS], Path(shared))
        _write(libraries[_COMPILER], Path(apart), onto=libraries[_HOOKS])


def _move_compiler_libraries(shared: Path, apart: Path) -> None:
    for library in distributions(path=[os.fspath(shared)]):
        if library.name.lower().replace("_", "-") in COMPILER_LIBRARIES:
            for file in library.files or ():
                (apart / file).parent.mkdir(parents=True, exist_ok=True)
                (shared / file).rename(apart / file)


def _described(path: Path, key: str, locked: str, *, without: Collection[str]) -> FunctionPackage:
    """Write a package's bill of materials beside it."""
    materials = path.with_suffix(".cdx.json")
    materials.write_text(bill_of_materials(locked, without))
    path.touch()
    return FunctionPackage(path, _digest(key.encode(), repr(sorted(without)).encode()), materials)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def _magic_number() -> bytes:
    """Which byte code a package made by this interpreter holds, if any."""
    return importlib.util.MAGIC_NUMBER if sys.version_info[:2] == _PYTHON else b""


def _install(requirements: Path, target: TargetPlatform, into: Path) -> None:
    if importlib.util.find_spec("uv") is None:
        message = f"cannot package the functions: {sys.prefix} has no uv; run `make` to set it up"
        raise PackagingError(message)
    platform_arguments = [] if target.wheels is None else ["--python-platform", target.wheels]
    command = [
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"),
        *("--require-hashes", "--only-binary", ":all:", "--no-compile-bytecode"),
        # Copies, not links into uv's cache.
        *("--link-mode", "copy"),
        *("--python", sys.executable, "--python-version", ".".join(map(str, _PYTHON))),
        *(*platform_arguments, "--target", str(into), "--requirements", str(requirements)),
    ]
    done = subprocess.run(  # noqa: S603 - all arguments are ours
        command, capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = " ".join(done.stderr.split()) or f"uv ended with status {done.returncode}"
        message = f"cannot fetch the functions' dependencies for {target.name}: {why}"
        raise PackagingError(message)


def _describe_services(staging: Path, target: TargetPlatform) -> None:
    try:
        write_service_models(staging / "botocore" / "data", staging / SERVICE_MODELS)
    except ServiceModelsError as error:
        message = f"cannot describe the services that are called for {target.name}: {error}"
        raise PackagingError(message) from error


def _prune(staging: Path) -> None:
    for name in _UNUSED:
        if (staging / name).exists():
            _remove(staging / name)
    for path in (staging / _POWERTOOLS_UTILITIES).iterdir():
        if path.name not in _USED_UTILITIES:
            _remove(path)
    for path in (staging / _TIME_ZONES).rglob("*"):
        # Beside the zones there are tables and their source, for other readers.
        if path.is_file() and not path.read_bytes().startswith(_TIME_ZONE_MAGIC):
            path.unlink()
    for path in sorted(staging.rglob("*"), reverse=True):
        if path.name in _UNUSED_NAMES or path.suffix in _UNUSED_SUFFIXES:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _write(path: Path, staging: Path, onto: Path | None = None) -> None:
    """Zip a directory, onto a copy of another zip where given, all or nothing."""
    unfinished = staging.with_suffix(".zip")
    try:
        if onto is not None:
            shutil.copyfile(onto, unfinished)
        with zipfile.ZipFile(unfinished, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for file in _in_order(staging.rglob("*")):
                # Fixed times, and readable by Lambda's own user whatever this user's umask.
                info = zipfile.ZipInfo(file.relative_to(staging).as_posix(), _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o100644 << 16
                archive.writestr(info, file.read_bytes())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _in_order(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.is_file())


def _compile(staging: Path) -> None:
    """Add byte code, which Lambda could not keep: its ``/var/task`` is read-only.

    Python trusts unchecked byte code without looking at the source's time and size, so it stays
    valid though the zip's times are fixed. A fixed hash seed makes it the same on each run.
    """
    if not _magic_number():
        return
    subprocess.run(  # noqa: S603 - all arguments are ours
        [
            *(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(staging), "-p", "/var/task", str(staging)),
        ],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        check=True,
    )


def _forget_old(build: Path, target: TargetPlatform) -> None:
    """Delete the target's packages of earlier sources, unless another run may be reading them."""
    for name in _PACKAGES:
        for path in build.glob(f"{name}-{target.name}-*.zip"):
            if time.time() - path.stat().st_mtime > _DAY_SECONDS:
                path.unlink(missing_ok=True)
                path.with_suffix(".cdx.json").unlink(missing_ok=True)
