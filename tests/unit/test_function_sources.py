"""The version of the functions' sources: theirs alone, and the same wherever they are."""

from pathlib import Path
from typing import Final

import pytest

from function_sources import sources_digest

FILES: Final = {
    "wcs_hooks/__init__.py": "",
    "wcs_hooks/core/rule.py": "x = 1\n",
    "requirements.txt": "a==1\n",
}


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def test_given_the_same_sources_elsewhere_then_their_digest_is_the_same_with_or_without_byte_code(
    tmp_path: Path,
) -> None:
    here = write(tmp_path / "here", FILES)
    there = write(tmp_path / "there", FILES | {"wcs_hooks/__pycache__/rule.pyc": "bytes"})

    assert sources_digest(here) == sources_digest(there)


@pytest.mark.parametrize(
    "change",
    [
        {"wcs_hooks/core/rule.py": "x = 2\n"},
        {"wcs_hooks/core/more.py": ""},
        {"requirements.txt": "a==2\n"},
    ],
)
def test_given_another_source_or_library_then_the_digest_is_another(
    tmp_path: Path, change: dict[str, str]
) -> None:
    before = sources_digest(write(tmp_path, FILES))

    assert sources_digest(write(tmp_path, change)) != before


def test_given_an_installation_without_the_lock_then_there_is_no_digest(tmp_path: Path) -> None:
    installed = {name: text for name, text in FILES.items() if name != "requirements.txt"}

    with pytest.raises(FileNotFoundError):
        sources_digest(write(tmp_path, installed))
