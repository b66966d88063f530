"""Who uses this computer."""

import getpass


def local_user() -> str:
    """The user's name, `unknown` where there is none, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
