"""Which version of the functions' sources a directory has, the same on every machine.

The stack says which one it was deployed from, and `wcsctl verify` compares that with its own.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PACKAGE = "wcs_hooks"
REQUIREMENTS = "requirements.txt"


def source_files(directory: Path) -> Iterator[PurePosixPath]:
    """Yield the files of the functions' package, relative to the directory that holds it."""
    for file in (directory / PACKAGE).rglob("*"):
        if file.is_file() and file.parent.name != "__pycache__":
            yield PurePosixPath(file.relative_to(directory).as_posix())


def sources_digest(directory: Path) -> str:
    """Return a digest of the functions' sources and of the versions of their libraries.

    Parameters
    ----------
    directory
        Holds the package `wcs_hooks` and its `requirements.txt`.

    Returns
    -------
    str
        The SHA-256, in 64 hexadecimal digits. Neither the machine nor the platform that the
        functions are packaged for changes it.

    Raises
    ------
    FileNotFoundError
        If there is no `requirements.txt`.
    """
    digest = hashlib.sha256()
    for name in (*sorted(source_files(directory)), PurePosixPath(REQUIREMENTS)):
        content = (directory / name).read_bytes()
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
