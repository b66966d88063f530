"""What a ban ends, by the active policies that look up the list `bans`."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore, read_records
from wcs_hooks.clock import SystemClock
from wcs_hooks.core.hours import is_open
from wcs_hooks.core.methods import CANONICAL_METHODS, METHODS, PLAYERS, Category, switch_of
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.policy.reader import EVERY_APP, Action, Mode, Policy, read_policy
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.lists.bans import BANS

RECIPE: Final = "policies/cookbook/bans"
_HLS: Final = "playHLS"
_USER: Final = "claims.sub"
"""The expression for the key of a user's ban."""


@dataclass(frozen=True, slots=True)
class BanReach:
    """What becomes of a banned user in one app, or in every app (`*`).

    Attributes
    ----------
    refused
        The methods that are refused, in WCS's order.
    policies
        The policies that refuse them, as `app/id`.
    unless
        Policies that may end the evaluation before one of these is evaluated.
    in_shadow
        Those in shadow mode, which refuse nobody.
    closed
        Those that are outside their hours, or before their `notBefore`.
    other_key
        Those that look up bans by another key than `claims.sub`.
    ends_streams
        Whether StreamKeepAliveEvent is refused, so that running streams can end.
    is_known
        Whether the app's active policies could be read.
    """

    app: str
    refused: Sequence[str]
    policies: Sequence[str]
    unless: Sequence[str]
    in_shadow: Sequence[str]
    closed: Sequence[str]
    other_key: Sequence[str]
    ends_streams: bool
    is_known: bool = True

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "app": self.app,
            "refused": list(self.refused),
            "policies": list(self.policies),
            "unless": list(self.unless),
            "inShadow": list(self.in_shadow),
            "closed": list(self.closed),
            "otherKey": list(self.other_key),
            "endsStreams": self.ends_streams,
            "known": self.is_known,
        }


def ban_reach(deployment: Deployment, now: float | None = None) -> list[BanReach]:
    """For each app whose active policies look up bans, what they do; `*` first.

    Parameters
    ----------
    now
        Seconds since the epoch; policies that are over then do not count.
    """
    moment = time.time() if now is None else now
    read = dict(_active_items(deployment))
    items = {app: own for app, own in read.items() if own is not None}
    by_app = {
        app: found
        for app, own in items.items()
        if (
            found := [one for one in _policies(filter(_looks_up_bans, own), moment) if one.may_deny]
        )
    }
    shared = by_app.get(EVERY_APP, [])
    # Without policies of every app about bans, those of other apps come before none.
    ending = {
        app: list(_policies(filter(_may_end_evaluation, own), moment))
        for app, own in items.items()
        if shared or app in by_app or app == EVERY_APP
    }
    reaches = []
    for app, found in sorted(by_app.items(), key=lambda one: (one[0] != EVERY_APP, one[0])):
        if app == EVERY_APP:
            reaches.append(_reach(app, found, [*chain.from_iterable(ending.values())], moment))
        else:
            before = [*ending[app], *ending.get(EVERY_APP, ())]
            reaches.append(_reach(app, [*found, *shared], before, moment))
    lost = (app for app, own in read.items() if own is None)
    return [
        *reaches,
        *(
            BanReach(app, (), (), (), (), (), (), ends_streams=False, is_known=False)
            for app in lost
        ),
    ]


def cache_seconds(deployment: Deployment) -> float:
    """How long (s) functions may go on with a row that they have read."""
    variables = FunctionConfigurations(deployment).for_function(Category.DIRECT).environment
    return float(variables.get("LISTS_CACHE_SECONDS", 0))


def reach_lines(reaches: Sequence[BanReach]) -> list[str]:
    """The same for people."""
    notes = list(dict.fromkeys(note for reach in reaches for note in _notes_of(reach)))
    if not any(reach.refused for reach in reaches):
        why = "; ".join(notes) or f"no active policy looks up the list {BANS}"
        unsure = any(reach.other_key or not reach.is_known for reach in reaches)
        said = "Nobody is known to be refused" if unsure else "Nobody is refused"
        return [f"{said}: {why}. {RECIPE} has policies to copy (docs/cookbook/bans.md)."]
    lines = [line for reach in reaches if reach.refused for line in _lines_of(reach)]
    lines += [f"{note}." for note in notes]
    if not any(reach.app == EVERY_APP and reach.refused for reach in reaches):
        lines.append("Other apps: no policy looks up bans, so nothing is refused there.")
    lines.append("Running calls and open connections go on until they end.")
    if any(_HLS in reach.refused for reach in reaches):
        lines.append(
            "HLS players that are in are refused late: WCS does not ask again about a token for "
            "hls_auth_token_cache seconds (flashphoner.properties)."
        )
    return lines


def _notes_of(reach: BanReach) -> Iterator[str]:
    for name in reach.in_shadow:
        yield f"{name} is in shadow mode"
    for name in reach.closed:
        yield f"{name} refuses nobody now: it is before its notBefore, or outside its hours"
    for name in reach.other_key:
        yield f"{name} looks up bans by another key than {_USER}: it may not mean this user"
    if not reach.is_known:
        yield f"what holds in {reach.app} is not known: its active policies cannot be read"


def _lines_of(reach: BanReach) -> Iterator[str]:
    where = "Every app" if reach.app == EVERY_APP else reach.app
    others = [method for method in reach.refused if method != STREAM_KEEP_ALIVE]
    if others:
        by = ", ".join(reach.policies)
        yield f"{where}: from now on refused: {', '.join(others)} (by {by})."
    at_once = [method for method in others if _is_refused_anyway(method)]
    if len(at_once) < len(others):
        but = f"except for {', '.join(at_once)}, " if at_once else ""
        yield (
            f"{where}: {but}this holds in sessions that connected after the policy became active; "
            "in earlier ones WCS only logs the refusal (restOnError LOG)."
        )
    if reach.unless:
        earlier = ", ".join(reach.unless)
        yield f"{where}: all this unless an earlier policy ends the evaluation: {earlier}."
    if not reach.ends_streams:
        yield (
            f"{where}: running streams go on, since no policy refuses {STREAM_KEEP_ALIVE} to "
            f"banned users: {RECIPE} has one."
        )
        return
    setup = "wcsctl wcs-setup APP" if reach.app == EVERY_APP else f"wcsctl wcs-setup {reach.app}"
    yield (
        f"{where}: a running stream ends at its next keep-alive (every 10 s, unless WCS is set "
        "otherwise), if its session connected after the policy became active, and WCS sends "
        f"keep-alives: {switch_of(STREAM_KEEP_ALIVE)}; {setup} prints all the lines."
    )


def _is_refused_anyway(method: str) -> bool:
    """Whether WCS obeys a refusal whatever restClientConfig the session was given."""
    return METHODS[method].category is Category.CONNECT or method in PLAYERS


def _reach(app: str, policies: Sequence[Policy], ending: Sequence[Policy], now: float) -> BanReach:
    of_user = [one for one in policies if _looks_up_user(one)]
    enforced = [one for one in of_user if one.mode is Mode.ENFORCE]
    refusing = [one for one in enforced if _is_open(one, now)]
    methods = {name for one in refusing for name in one.methods if METHODS[name].refusable}
    return BanReach(
        app,
        [method for method in CANONICAL_METHODS if method in methods],
        _names(refusing),
        _names(one for one in ending if any(_comes_before(one, other) for other in refusing)),
        _names(one for one in of_user if one.mode is Mode.SHADOW),
        _names(one for one in enforced if not _is_open(one, now)),
        _names(one for one in policies if not _looks_up_user(one)),
        STREAM_KEEP_ALIVE in methods,
    )


def _names(policies: Iterable[Policy]) -> list[str]:
    return [f"{one.app}/{one.id}" for one in policies]


def _active_items(
    deployment: Deployment,
) -> Iterator[tuple[str, Sequence[Mapping[str, Any]] | None]]:
    """The items of each app's active version; none where they are lost."""
    client, snapshots = deployment.client("dynamodb"), deployment.output("SnapshotsTableName")
    policies = deployment.output("PoliciesTableName")
    store = DynamoPolicyStore(client, policies, snapshots, 0, SystemClock())
    for app, record in read_records(client, snapshots).items():
        if not record.empty:
            try:
                yield app, store.source(app, store.in_force(app).version)
            except LookupError:
                yield app, None


def _looks_up_bans(item: Mapping[str, Any]) -> bool:
    return any(lookup.get("list") == BANS for lookup in (item.get("lookup") or {}).values())


def _may_end_evaluation(item: Mapping[str, Any]) -> bool:
    if item.get("mode") == Mode.SHADOW:
        return False
    return item.get("action") == Action.ECHO or bool(item.get("final"))


def _policies(items: Iterable[Mapping[str, Any]], now: float) -> Iterator[Policy]:
    """The policies of items, without those that are over."""
    for item in items:
        policy, _ = read_policy(item)
        if policy is not None and (policy.not_after is None or now <= policy.not_after):
            yield policy


def _looks_up_user(policy: Policy) -> bool:
    return any(one.list == BANS and one.key.source.strip() == _USER for one in policy.lookups)


def _comes_before(one: Policy, other: Policy) -> bool:
    """Whether a policy is evaluated before another for one of its methods."""
    first, second = ((each.priority, each.app == EVERY_APP, each.id) for each in (one, other))
    return first < second and not set(one.methods).isdisjoint(other.methods)


def _is_open(policy: Policy, now: float) -> bool:
    begun = policy.not_before is None or policy.not_before <= now
    return begun and (policy.hours is None or is_open(policy.hours, now))
