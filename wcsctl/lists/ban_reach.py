"""What a ban ends, by the active policies that look up the list `bans`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore, read_records
from wcs_hooks.clock import SystemClock
from wcs_hooks.core.methods import CANONICAL_METHODS, Category, switch_of
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.policy.reader import EVERY_APP, Mode, Policy, read_policy
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.lists.bans import BANS

RECIPE: Final = "policies/cookbook/bans"
_HLS: Final = "playHLS"


@dataclass(frozen=True, slots=True)
class BanReach:
    """What becomes of a banned user in one app, or in every app (`*`).

    Attributes
    ----------
    refused
        The methods that are refused, in WCS's order.
    policies
        The policies that refuse them, as `app/id`.
    in_shadow
        Those in shadow mode, which refuse nobody.
    ends_streams
        Whether StreamKeepAliveEvent is refused, so that running streams can end.
    """

    app: str
    refused: Sequence[str]
    policies: Sequence[str]
    in_shadow: Sequence[str]
    ends_streams: bool

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "app": self.app,
            "refused": list(self.refused),
            "policies": list(self.policies),
            "inShadow": list(self.in_shadow),
            "endsStreams": self.ends_streams,
        }


def ban_reach(deployment: Deployment, now: float | None = None) -> list[BanReach]:
    """For each app whose active policies look up bans, what they do; `*` first.

    Parameters
    ----------
    now
        Seconds since the epoch; policies whose window is not open then do not count.
    """
    moment = time.time() if now is None else now
    by_app = {
        app: found
        for app, items in _active_items(deployment)
        if (found := list(_looking_up_bans(items, moment)))
    }
    shared = by_app.get(EVERY_APP, [])
    return [
        _reach(app, [*found, *(shared if app != EVERY_APP else ())])
        for app, found in sorted(by_app.items(), key=lambda one: (one[0] != EVERY_APP, one[0]))
    ]


def cache_seconds(deployment: Deployment) -> float:
    """How long (s) functions may go on with a row that they have read."""
    variables = FunctionConfigurations(deployment).for_function(Category.DIRECT).environment
    return float(variables.get("LISTS_CACHE_SECONDS", 0))


def reach_lines(reaches: Sequence[BanReach]) -> list[str]:
    """The same for people."""
    if not any(reach.refused for reach in reaches):
        shadow = [name for reach in reaches for name in reach.in_shadow]
        why = f": {', '.join(shadow)} only in shadow mode" if shadow else ""
        said = f"Nobody is refused: no active policy looks up the list {BANS}{why}. "
        return [f"{said}{RECIPE} has policies to copy (docs/policies.md, section Bans)."]
    lines = [line for reach in reaches for line in _lines_of(reach)]
    if not any(reach.app == EVERY_APP for reach in reaches):
        lines.append("Other apps: no policy looks up bans, so nothing is refused there.")
    lines.append("Running calls and open connections go on until they end.")
    if any(_HLS in reach.refused for reach in reaches):
        lines.append(
            "HLS players that are in are refused late: WCS does not ask again about a token for "
            "hls_auth_token_cache seconds (flashphoner.properties)."
        )
    return lines


def _lines_of(reach: BanReach) -> Iterator[str]:
    where = "Every app" if reach.app == EVERY_APP else reach.app
    others = [method for method in reach.refused if method != STREAM_KEEP_ALIVE]
    if others:
        yield f"{where}: from now on {', '.join(others)} are refused ({', '.join(reach.policies)})."
    if not reach.ends_streams:
        yield (
            f"{where}: running streams go on, since no policy looks up bans for "
            f"{STREAM_KEEP_ALIVE}: {RECIPE} has one."
        )
        return
    setup = "wcsctl wcs-setup APP" if reach.app == EVERY_APP else f"wcsctl wcs-setup {reach.app}"
    yield (
        f"{where}: a running stream ends at its next keep-alive (every 10 s, unless WCS is set "
        "otherwise), if its session connected after the policy became active, and WCS sends "
        f"keep-alives: {switch_of(STREAM_KEEP_ALIVE)}; {setup} prints all the lines."
    )


def _reach(app: str, policies: Sequence[Policy]) -> BanReach:
    enforced = [one for one in policies if one.mode is Mode.ENFORCE]
    methods = {method for one in enforced for method in one.methods}
    return BanReach(
        app,
        [method for method in CANONICAL_METHODS if method in methods],
        [f"{one.app}/{one.id}" for one in enforced],
        [f"{one.app}/{one.id}" for one in policies if one.mode is Mode.SHADOW],
        STREAM_KEEP_ALIVE in methods,
    )


def _active_items(deployment: Deployment) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    client, snapshots = deployment.client("dynamodb"), deployment.output("SnapshotsTableName")
    policies = deployment.output("PoliciesTableName")
    store = DynamoPolicyStore(client, policies, snapshots, 0, SystemClock())
    for app, record in read_records(client, snapshots).items():
        if not record.empty:
            yield app, store.source(app, store.in_force(app).version)


def _looking_up_bans(items: Sequence[Mapping[str, Any]], now: float) -> Iterator[Policy]:
    for item in items:
        lookups = item.get("lookup") or {}
        if all(lookup.get("list") != BANS for lookup in lookups.values()):
            continue
        policy, _ = read_policy(item)
        if policy is not None and policy.may_deny and _is_open(policy, now):
            yield policy


def _is_open(policy: Policy, now: float) -> bool:
    begun = policy.not_before is None or policy.not_before <= now
    return begun and (policy.not_after is None or now <= policy.not_after)
