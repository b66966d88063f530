"""Whether the Sessions table agrees with the sessions that WCS has open."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from http import HTTPStatus

from tests.soak.balance import Check
from tests.soak.traffic import SessionHistory

type Key = tuple[str, str]
"""A session's key in the table: the node, and the hash of the id."""


def key_of(history: SessionHistory) -> Key:
    """A session's key in the table."""
    return history.node, hashlib.sha256(history.session_id.encode()).hexdigest()


def compare_sessions(
    histories: Iterable[SessionHistory],
    held: Collection[Key],
    kept: Collection[str],
    lost: Collection[str],
    sent_again: Collection[str] = (),
) -> Check:
    """Hold the table against WCS, after a redrive.

    Parameters
    ----------
    held
        The keys of the table's items.
    kept
        The decisions of the hooks that were dead letters, and have been redriven.
    lost
        The decisions of the hooks, or of their side effects, that were counted as lost.
    sent_again
        The decisions of the hooks of which WCS sent an attempt before, whose reply got lost.

    Notes
    -----
    A record may be missing only if it was counted as lost. It may be there without a session for
    three reasons: the session's end was counted as lost; the record was made up for by a redrive,
    after the session had ended; an attempt at connect recorded it, whose reply got lost, and the
    next was refused.
    """
    of = {key_of(history): history for history in histories}
    told: Counter[str] = Counter()
    wrong: list[str] = []
    for key, history in of.items():
        if history.is_open and key not in held:
            told["not recorded, and counted as lost"] += history.connect in lost
            if history.connect not in lost:
                wrong.append(f"{history.connect} is open and not recorded")
    for key in held:
        found = of.get(key)
        if found is None:
            wrong.append(f"{key} is recorded, and no session of WCS's")
        elif not found.is_open:
            reason = _why_held(found, kept, lost, sent_again)
            told[reason or "without a reason"] += 1
            if not reason:
                wrong.append(f"{found.connect} has ended ({found.end}), and is still recorded")
    open_now = sum(history.is_open for history in of.values())
    said = [f"{open_now} open, {len(held)} recorded"]
    said += [f"{count} {what}" for what, count in told.items() if count]
    return Check("the Sessions table agrees with WCS", not wrong, "; ".join([*said, *wrong[:10]]))


def _why_held(
    history: SessionHistory,
    kept: Collection[str],
    lost: Collection[str],
    sent_again: Collection[str],
) -> str:
    """Why a session that is not open may be recorded; empty if it may not."""
    if history.status != HTTPStatus.OK:
        return (
            "recorded by an attempt whose reply was lost"
            if (history.connect in sent_again or not history.connect)
            else ""
        )
    if history.end in lost:
        return "recorded, since their end was counted as lost"
    if history.connect in kept:
        return "recorded by a redrive after their end"
    return ""
