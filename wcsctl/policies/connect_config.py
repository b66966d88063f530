"""What an edit changes in connect's reply, and so only for sessions that connect after it.

A session keeps the restClientConfig that its connect returned (`docs/reference/wcs-protocol.md`,
section 4): whether WCS obeys a refusal or an override is decided then.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from wcs_hooks.core.methods import CANONICAL_METHODS
from wcs_hooks.core.policy.client_config import merge
from wcs_hooks.core.policy.reader import EVERY_APP
from wcsctl.deployment import Deployment
from wcsctl.policies.requirements import active_requirements

type Configs = Mapping[str, Mapping[str, Mapping[str, str]]]
"""By app and method, what connect's reply says."""

_DEFAULTS: Final = {"restOnError": "LOG", "restPolicy": "NOTIFY", "restOverwrite": ""}
"""What decides whether WCS obeys an answer, with what holds for a method that is not listed."""


class ConfigChange(NamedTuple):
    """One member of a method's entry that an edit changed."""

    app: str
    method: str
    attribute: str
    before: str
    after: str

    def to_json(self) -> dict[str, str]:
        """As `--json` prints it."""
        return self._asdict()


def active_configs(deployment: Deployment, apps: Iterable[str]) -> Configs:
    """What connect's reply says now, for each app; for `*` as far as its own policies go."""
    now = time.time()
    requirements = active_requirements(deployment, apps)
    shared = requirements.get(EVERY_APP, [])
    return {
        app: merge([*requirements.get(app, ()), *(shared if app != EVERY_APP else ())], now)
        for app in apps
    }


def changes(before: Configs, after: Configs) -> list[ConfigChange]:
    """What differs, of `restOnError`, `restPolicy` and `restOverwrite`."""
    return [
        ConfigChange(app, method, attribute, was, now)
        for app in before
        for method in CANONICAL_METHODS
        for attribute, default in _DEFAULTS.items()
        if (was := before[app].get(method, _DEFAULTS).get(attribute, default))
        != (now := after[app].get(method, _DEFAULTS).get(attribute, default))
    ]


def lines(changed: Sequence[ConfigChange]) -> list[str]:
    """One line for each app.

    Examples
    --------
    >>> lines([ConfigChange("school", "call", "restOnError", "LOG", "FAIL")])[0].partition(". ")[0]
    'school: only sessions that connect from now on get restOnError FAIL for call'
    """
    by_app: dict[str, dict[tuple[str, str], list[str]]] = {}
    for change in changed:
        methods = by_app.setdefault(change.app, {}).setdefault((change.attribute, change.after), [])
        methods.append(change.method)
    return [
        f"{app}: only sessions that connect from now on get "
        + "; ".join(
            f"{attribute} {value or '(none)'} for {', '.join(methods)}"
            for (attribute, value), methods in groups.items()
        )
        + ". Connected ones keep what they have, so WCS treats your answers to them as before"
        for app, groups in by_app.items()
    ]
