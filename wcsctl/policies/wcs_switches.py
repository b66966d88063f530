"""The methods that active policies wait for, and that WCS calls only if it is set up to."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wcs_hooks.core.methods import APP_KEYS, SWITCHES
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.reader import EVERY_APP
from wcsctl.deployment import Deployment
from wcsctl.policies.requirements import active_requirements


@dataclass(frozen=True, slots=True)
class Switches:
    """What is to be switched on in `flashphoner.properties`.

    Attributes
    ----------
    needed_by
        Method to the active policies that refuse it, or that say what WCS does if it cannot ask, or
        that limit streams, which must be kept alive: `app/id`.
    stream_limits
        Those of them that limit streams.
    keep_alive_apps
        The apps whose streams are to be kept alive.
    """

    needed_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    keep_alive_apps: Sequence[str] = ()
    stream_limits: Sequence[str] = ()

    @property
    def properties(self) -> list[str]:
        """The lines."""
        keys = ",".join(self.keep_alive_apps)
        return [
            f"{name}={keys if name == APP_KEYS else value}"
            for method in self.needed_by
            for name, value in SWITCHES[method].items()
        ]


def switches_of(deployment: Deployment, app: str | None = None) -> Switches:
    """What the active policies need.

    Parameters
    ----------
    app
        Only what its own policies and those of every app do; all policies if none is given. WCS has
        one list of the apps whose streams are kept alive: it has the other apps that need it, too.
    """
    now = time.time()
    requirements = active_requirements(deployment)
    needs = {name: _needs(own, now) for name, own in requirements.items()}
    concerned = needs if app is None else {name: needs.get(name, {}) for name in (app, EVERY_APP)}
    needed_by = {
        method: [
            f"{name}/{policy}" for name, own in concerned.items() for policy in own.get(method, ())
        ]
        for method in SWITCHES
    }
    everywhere = STREAM_KEEP_ALIVE in needs.get(EVERY_APP, {})
    apps = {name for name, own in needs.items() if everywhere or STREAM_KEEP_ALIVE in own}
    apps = (apps | ({app} if app else set())) - {EVERY_APP}
    limits = [
        f"{name}/{requirement.policy}"
        for name in concerned
        for requirement in requirements.get(name, ())
        if requirement.is_to_be_sent and requirement.until >= now
    ]
    return Switches({method: by for method, by in needed_by.items() if by}, sorted(apps), limits)


def _needs(requirements: Sequence[Requirement], now: float) -> dict[str, list[str]]:
    """Method to the policies that need it."""
    needs: dict[str, list[str]] = {}
    for requirement in requirements:
        is_needed = requirement.rest_on_error == "FAIL" or requirement.is_to_be_sent
        if requirement.method in SWITCHES and is_needed and requirement.until >= now:
            needs.setdefault(requirement.method, []).append(requirement.policy)
    return needs
