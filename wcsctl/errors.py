"""What can go wrong: one line that names the thing and the way out, and a lasting exit status."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses, documented in `docs/reference/wcsctl.md`.

    `FAILED`: what was checked is not in order (a policy has errors, a test failed, a stack is
    unhealthy, files differ). `USAGE`: the words of the command. `CONFLICT`: somebody else edited
    meanwhile, nothing was written. `UNREACHABLE`: AWS or the endpoint does not answer, or refuses.
    `NOT_FOUND`: there is no such thing.
    """

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFLICT = 3
    UNREACHABLE = 4
    NOT_FOUND = 5


class WcsctlError(Exception):
    """Something a person can put right."""

    status = ExitStatus.FAILED


class UsageError(WcsctlError):
    """The words of the command do not fit."""

    status = ExitStatus.USAGE


class ConflictError(WcsctlError):
    """Somebody else edited meanwhile; nothing was written."""

    status = ExitStatus.CONFLICT


class UnreachableError(WcsctlError):
    """AWS or the endpoint does not answer, or refuses."""

    status = ExitStatus.UNREACHABLE


class NotFoundError(WcsctlError):
    """There is no such thing."""

    status = ExitStatus.NOT_FOUND
