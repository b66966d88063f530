"""Which Python the tools are installed with, and which one wcsctl runs on."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
_FIND_PYTHON: Final = ROOT / "local" / "find-python.sh"
_OLDEST: Final = (3, 12)
_ELSEWHERE: Final = (
    Path("/usr/local/bin/python3.13"),
    Path("/opt/homebrew/bin/python3.13"),
    Path("/Library/Frameworks/Python.framework/Versions/3.13/bin/python3.13"),
)
"""Where the script looks besides `PATH` and pyenv."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _installed(project: dict[str, Any]) -> list[str]:
    """The places of what is installed with wcsctl, as ruff's settings name them."""
    found = project["tool"]["setuptools"]
    places = {name.removesuffix("*") for name in found["packages"]["find"]["include"]}
    packages = {"functions" if name == "wcs_hooks" else name for name in places}
    return sorted([f"{name}/**" for name in packages] + [f"{m}.py" for m in found["py-modules"]])


def test_given_what_is_installed_with_wcsctl_then_it_is_checked_for_the_oldest_python(
    project: dict[str, Any],
) -> None:
    oldest = ".".join(map(str, _OLDEST))
    assert project["project"]["requires-python"] == f">={oldest}"

    assert project["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert project["tool"]["mypy"]["python_version"] == oldest


def test_given_what_is_installed_with_wcsctl_then_the_oldest_python_can_read_it(
    project: dict[str, Any],
) -> None:
    sources = [
        source
        for place in _installed(project)
        for source in ROOT.glob(place.replace("/**", "/**/*.py"))
    ]

    assert len(sources) > 100
    for source in sources:
        ast.parse(source.read_text(), str(source), feature_version=_OLDEST)


def _find_python(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script where no Python is but those of the folder."""
    environment = {"PATH": str(folder), "HOME": str(folder), **variables}
    command = ["/bin/sh", str(_FIND_PYTHON)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_given_a_python_that_works_when_one_is_looked_for_then_its_path_is_printed(
    tmp_path: Path,
) -> None:
    (tmp_path / "python3.13").symlink_to(sys.executable)

    found = _find_python(tmp_path)

    assert (found.returncode, found.stderr) == (0, "")
    assert os.access(found.stdout.strip(), os.X_OK)


@pytest.mark.skipif(any(map(Path.exists, _ELSEWHERE)), reason="this machine has one elsewhere")
def test_given_no_python_that_works_when_one_is_looked_for_then_uv_gets_it_and_that_is_said(
    tmp_path: Path,
) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)

    found = _find_python(tmp_path)

    assert (found.returncode, found.stdout) == (0, "3.13\n")
    downloads, otherwise = found.stderr.splitlines()
    assert "Python 3.13 was not found" in downloads
    assert "uv downloads one" in downloads
    assert "PYTHON=/path/to/python3.13" in otherwise


def test_given_a_python_by_name_that_does_not_work_then_nothing_else_is_taken(
    tmp_path: Path,
) -> None:
    found = _find_python(tmp_path, PYTHON=str(tmp_path / "missing"))

    assert (found.returncode, found.stdout) == (1, "")
    assert "does not work" in found.stderr
