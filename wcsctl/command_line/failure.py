"""What people are told when a command fails: one line, and a lasting exit status."""

from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.core.errors import UnavailableError
from wcsctl.errors import ExitStatus, WcsctlError
from wcsctl.permissions import is_access_denied, missing_permission


class CommandFailure(NamedTuple):
    """Why a command failed, in one line, and its exit status."""

    message: str
    status: ExitStatus


def failure_of(error: Exception) -> CommandFailure | None:
    """Say why a command failed; none if the fault is ours."""
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
    """A sentence that names the missing permission, if IAM's refusal caused an error, else none."""
    while error is not None:
        if isinstance(error, ClientError) and is_access_denied(error):
            return f". {missing_permission(error)}"
        error = error.__cause__
    return ""
