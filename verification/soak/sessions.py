"""Whether the Sessions table agrees with the sessions that WCS has open."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from verification.soak.balance import Check
from verification.soak.traffic import SessionHistory

type Key = tuple[str, str]
"""A session's key in the table: the node, and the hash of the id."""


def key_of(history: SessionHistory) -> Key:
    """A session's key in the table."""
    return history.node, hashlib.sha256(history.session_id.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of hooks that did not simply succeed, by decision.

    Attributes
    ----------
    redriven
        Dead letters that were redriven.
    left
        Of these, those that cannot be: nobody could check who sent them.
    lost
        Counted as lost, the hook or what was to follow from it.
    sent_again
        WCS sent an attempt before, whose reply got lost.
    """

    redriven: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    sent_again: frozenset[str] = frozenset()


def compare_sessions(
    histories: Iterable[SessionHistory], held: Collection[Key], fates: Fates
) -> Check:
    """Hold the table against WCS, after a redrive.

    Parameters
    ----------
    held
        The keys of the table's items.

    Notes
    -----
    A record may be missing only if it was counted as lost. It may be there without a session for
    four reasons: the session's end was counted as lost, or is a letter that cannot be redriven; the
    record was made up for by a redrive, after the session had ended; an attempt at connect recorded
    it, whose reply got lost, and the next was refused.
    """
    of = {key_of(history): history for history in histories}
    explained: Counter[str] = Counter()
    wrong: list[str] = []
    for key, history in of.items():
        if history.is_open and key not in held:
            explained["not recorded, and counted as lost"] += history.connect in fates.lost
            if history.connect not in fates.lost:
                wrong.append(f"{history.connect} is open and not recorded")
    for key in held:
        found = of.get(key)
        if found is None:
            wrong.append(f"{key} is recorded, and no session of WCS's")
        elif not found.is_open:
            reason = why_held(found, fates)
            explained[reason or "without a reason"] += 1
            if not reason:
                wrong.append(f"{found.connect} has ended ({found.end}), and is still recorded")
    open_now = sum(history.is_open for history in of.values())
    said = [f"{open_now} open, {len(held)} recorded"]
    said += [f"{count} {what}" for what, count in explained.items() if count]
    return Check("the Sessions table agrees with WCS", not wrong, "; ".join([*said, *wrong[:10]]))


def why_held(history: SessionHistory, fates: Fates) -> str:
    """Why a session that is not open may be recorded; empty if it may not."""
    if history.status != HTTPStatus.OK:
        unknown = not history.connect or history.connect in fates.sent_again
        return "recorded by an attempt whose reply was lost" if unknown else ""
    if history.end in fates.lost:
        return "recorded, since their end was counted as lost"
    if history.end in fates.left:
        return "recorded, since their end came while nobody could check its sender"
    if history.connect in fates.redriven:
        return "recorded by a redrive after their end"
    return ""
