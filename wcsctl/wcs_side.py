"""What has to be said to WCS: its settings and the commands of its own command line.

`docs/reference/wcs-protocol.md`, section 1.
"""

import math
import shlex
from dataclasses import dataclass, field
from typing import Final

from wcs_hooks.core.caller import Auth
from wcsctl.policies.wcs_switches import Switches

PLACEHOLDER: Final = "<current>"
"""Replaces the secret where it is not to be shown."""

_NETWORK_AND_COLD_START: Final = 3
"""Seconds to give a reply beyond the function's own limit."""


@dataclass(frozen=True, slots=True)
class WcsSide:
    """How WCS is to be set up for an application.

    Attributes
    ----------
    app
        The application's `appKey`.
    url
        Where its hooks go.
    reply_timeout
        Seconds within which the functions answer, whatever fails.
    secret
        The current one, or `PLACEHOLDER`.
    switches
        What the active policies need besides.
    """

    app: str
    url: str
    reply_timeout: float
    auth: Auth
    basic_user: str
    secret: str
    switches: Switches = field(default_factory=Switches)

    @property
    def properties(self) -> list[str]:
        """The lines of `flashphoner.properties`."""
        # With the default of 2 s that is 5; WCS's default is 15, its vendor advises 1 to 10.
        timeout = math.ceil(self.reply_timeout) + _NETWORK_AND_COLD_START
        lines = [f"rest_request_timeout={timeout}"]
        if self.auth is Auth.HMAC:
            lines += ["rest_hook_send_hash=true", f"rest_hook_secret_key={self.secret}"]
        return lines + self.switches.properties

    @property
    def commands(self) -> list[str]:
        """The commands of WCS's own command line, for an application that exists."""
        app = shlex.quote(self.app)
        credentials = ""
        if self.auth is Auth.BASIC:
            password = self.secret if self.secret == PLACEHOLDER else shlex.quote(self.secret)
            credentials = f"-u {shlex.quote(self.basic_user)} -p {password} "
        return [
            f"update app {credentials}-l {self.url} {app}",
            f"add app-rest-method -a {app}",
        ]
