"""Why a call to AWS failed, for the log."""

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.core.errors import UnavailableError


def unavailable(message: str, error: BotoCoreError | ClientError) -> UnavailableError:
    """Return the error for a call that failed, with its cause by name.

    The name is AWS's error code, such as `AccessDeniedException`, or the class of the client's
    error, such as `ReadTimeoutError`. AWS's message is left out: it may quote what was sent.

    Parameters
    ----------
    message
        What does not answer: `the session store does not answer`.
    """
    name = type(error).__name__
    if isinstance(error, ClientError):
        name = error.response.get("Error", {}).get("Code") or name
    return UnavailableError(f"{message}: {name}")
