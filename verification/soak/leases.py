"""Whether the Leases table agrees with the sessions that WCS has open, and with itself."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from verification.soak.balance import Check
from verification.soak.sessions import Fates, why_held
from verification.soak.traffic import SessionHistory
from wcs_hooks.adapters.lease_items import (
    BUDGET_PREFIX,
    KEY,
    MOST,
    Shard,
    number,
    owned_places,
    session_item,
)
from wcs_hooks.ports import SessionKey

if TYPE_CHECKING:
    from wcs_hooks.adapters.lease_items import Attributes


def compare_leases(
    histories: Iterable[SessionHistory], items: "Iterable[Attributes]", fates: Fates
) -> list[Check]:
    """Hold the table against WCS, after a redrive.

    Parameters
    ----------
    items
        Of the table, all of them.
    """
    found = {item[KEY]["S"]: item for item in items}
    return [_no_more_than_allowed(found), _held_by_open_sessions(histories, found, fates)]


def _no_more_than_allowed(items: "Mapping[str, Attributes]") -> Check:
    """No budget has more holders than places; each shard has as many leases as it says."""
    now = time.time()
    held: Counter[str] = Counter()
    most: dict[str, float] = {}
    wrong: list[str] = []
    for key, item in items.items():
        if key.startswith(BUDGET_PREFIX):
            budget = key.rpartition("#")[0]
            shard = Shard(item)
            held[budget] += len(shard.holders(now))
            most[budget] = number(item.get(MOST), 0)
            if not shard.is_in_order:
                wrong.append(f"{key} says {shard.count} and has {len(shard.leases)}")
    wrong += [f"{key}: {held[key]} of {most[key]:g}" for key in most if held[key] > most[key]]
    said = f"{sum(held.values())} places held in {len(most)} budgets"
    return Check("no limit is exceeded", not wrong, "; ".join([said, *wrong[:10]]))


def _held_by_open_sessions(
    histories: Iterable[SessionHistory], items: "Mapping[str, Attributes]", fates: Fates
) -> Check:
    """Places are held by sessions that are open, but for what has a reason or runs out."""
    of = {session_item(SessionKey(one.node, one.session_id)): one for one in histories}
    explained: Counter[str] = Counter()
    wrong: list[str] = []
    listed: set[str] = set()
    for key, item in items.items():
        places = list(owned_places(item)) if key.startswith("s#") else []
        listed |= {place.holder for place in places}
        history = of.get(key)
        if not places or (history is not None and history.is_open):
            continue
        if history is None:
            wrong.append(f"{key} holds {len(places)}, and is not a session of WCS's")
            continue
        reason = why_held(history, fates)
        explained[reason or "without a reason"] += len(places)
        if not reason:
            wrong.append(f"{history.connect} has ended ({history.end}), and holds {len(places)}")
    now = time.time()
    for key, item in items.items():
        if key.startswith(BUDGET_PREFIX):
            unlisted = set(Shard(item).holders(now)) - listed
            wrong += [f"{holder} in {key} belongs to nobody" for holder in sorted(unlisted)]
    said = [f"{len(listed)} places of sessions"]
    said += [f"{count} {what}" for what, count in explained.items() if count]
    return Check("places are held by open sessions", not wrong, "; ".join([*said, *wrong[:10]]))
