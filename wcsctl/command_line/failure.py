"""Turns exceptions into the one-line errors and exit statuses of commands."""

from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.core.errors import UnavailableError
from wcsctl.errors import ExitStatus, WcsctlError
from wcsctl.permissions import is_access_denied, missing_permission


class CommandFailure(NamedTuple):
    """The error message of a command, in one line, and its exit status."""

    message: str
    status: ExitStatus


def failure_of(error: Exception) -> CommandFailure | None:
    """Return the message and exit status for an exception; None for a bug in wcsctl."""
    match error:
        case WcsctlError():
            message, status = f"{error}{_permission_hint(error)}", error.status
        case ClientError():
            details = error.response.get("Error", {})
            refused = f"AWS refused {error.operation_name}: {details.get('Code')}"
            message = f"{refused}: {details.get('Message')}{_permission_hint(error)}"
            status = ExitStatus.UNREACHABLE
        case UnavailableError():
            message = f"{error}{_permission_hint(error) or ': is this the right stack?'}"
            status = ExitStatus.UNREACHABLE
        case BotoCoreError():
            message, status = f"AWS cannot be reached: {error}", ExitStatus.UNREACHABLE
        case OSError():
            place = f"{error.filename}: " if error.filename is not None else ""
            message, status = f"{place}{error.strerror or error}", ExitStatus.FAILED
        case UnicodeEncodeError():
            message = f"{error.object:.60} is not UTF-8: it has a lone surrogate."
            status = ExitStatus.USAGE
        case _:
            return None
    return CommandFailure(message, status)


def _permission_hint(error: BaseException | None) -> str:
    """Return a sentence that names the missing permission, if IAM refused a request."""
    while error is not None:
        if isinstance(error, ClientError) and is_access_denied(error):
            return f". {missing_permission(error)}"
        error = error.__cause__
    return ""
