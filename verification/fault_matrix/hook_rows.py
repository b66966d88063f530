"""Rows in which one hook meets something that fails: a store, the secret, the queue, the bus."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.support.faulty_aws import BROKEN, HANGING, REFUSED
from verification.fault_matrix import trials
from verification.fault_matrix.row import (
    ABORTED,
    CONTINUED,
    DECLINED,
    NOBODY_KNOWS,
    STREAM_ENDED,
    Area,
    Letter,
    Level,
    Row,
    State,
)
from verification.fault_matrix.rows import (
    DESCRIPTIONS,
    FOLLOW_UP_LOST,
    FOUR,
    MALFORMED,
    MALFORMED_LOST,
    REJECTED_COLD,
    REJECTED_WARM,
    WAYS,
    Rows,
    denied,
    done_later,
    echoed,
    failure,
    in_table,
)
from verification.fault_matrix.scene import (
    BY_SESSION,
    CALLED,
    CALLED_BY_SPAM,
    CONNECT,
    CUT,
    CUT_OFF,
    DENIED,
    DISCONNECTED,
    KEPT_ALIVE,
    LIMITED,
    LIMITED_OR_SKIPPED,
    LOOKED_UP,
    LOOKED_UP_OR_SKIPPED,
    PUBLISHING,
    STOPPED,
    WATCHED,
)
from verification.fault_matrix.trials import over_the_wire

_MUST_KNOW: Final = (
    "A denial needs to know whether the REST API started the action. If that cannot "
    "be read, it is our failure: an echo would let everybody in during the outage."
)
_ENDS_STREAMS: Final = (
    "A policy that ends streams sets FAIL for this method, so a failure of ours ends "
    "the stream too. The alarm `StreamsEnded` goes off."
)
_LATE: Final = (
    "The hook that started the read gets 503; this is the next hook, which uses its result."
)
_LOUD: Final = "The alarm `…DeadLetterLost` goes off. Only the hook's log line remains."
_SECOND_PLACE: Final = "The alarm `…DeadLetterFallback` goes off."

_POINTERS: Final = "DynamoDB BatchGetItem"
_PARTS: Final = "DynamoDB Query"
_IN_TABLE: Final = "PolicySnapshots"
_OF_POINTERS: Final = (*FOUR, "unreachable", "unprocessed")


def _policies() -> Iterator[Row]:
    area, cold, warm = Area.POLICIES, State.COLD, State.WARM
    pointers_cold = Rows(area, _POINTERS, cold, DENIED, failure(ABORTED))
    pointers_warm = Rows(area, _POINTERS, warm, DENIED, denied(ABORTED, "StaleSnapshot"))
    yield from pointers_cold.each(
        "pointer-cold", *_OF_POINTERS, end_to_end=("throttled", "hanging", "refused", "broken")
    )
    yield from pointers_warm.each(
        "pointer-warm", *_OF_POINTERS, end_to_end=("throttled", "hanging", "refused")
    )
    yield from Rows(area, _PARTS, cold, DENIED, failure(ABORTED)).each(
        "parts-cold", end_to_end=("refused",)
    )
    yield from Rows(area, _PARTS, warm, DENIED, denied(ABORTED, "StaleSnapshot")).each(
        "parts-warm", before=trials.NEW_VERSION
    )
    table_cold = Rows(area, _IN_TABLE, cold, DENIED, failure(ABORTED))
    table_warm = Rows(area, _IN_TABLE, warm, DENIED, denied(ABORTED, "StaleSnapshot"))
    yield table_cold.one(
        "missing-version-cold",
        "pointer to a missing version",
        trials.POINTER_TO_NOWHERE,
        end_to_end=True,
    )
    yield table_warm.one(
        "missing-version-warm",
        "pointer to a missing version",
        trials.POINTER_TO_NOWHERE,
        end_to_end=True,
    )
    yield table_cold.one(
        "damaged-version-cold",
        "pointer to a damaged version",
        trials.SPOILT_VERSION,
        end_to_end=True,
    )
    yield table_warm.one(
        "damaged-version-warm",
        "pointer to a damaged version",
        trials.SPOILT_NEW_VERSION,
        end_to_end=True,
    )
    yield table_cold.one("damaged-pointer-cold", "damaged pointer", trials.SPOILT_POINTER)
    yield table_warm.one("damaged-pointer-warm", "damaged pointer", trials.SPOILT_POINTER)
    no_policies = (
        "Without a pointer there are no policies, and everything is let through. The "
        "compiler never deletes a pointer, and lets one expire only if the app has no "
        "policies."
    )
    for state in (cold, warm):
        yield Rows(area, _IN_TABLE, state, DENIED, echoed(), no_policies).one(
            f"no-pointer-{state}", "missing pointer", trials.NO_POINTER, end_to_end=True
        )
    late = Rows(area, _POINTERS, cold, DENIED, denied(ABORTED, "StaleSnapshot"), _LATE)
    yield late.tried(
        "pointer-late",
        "answers after the hook's time, then refused",
        f"{HANGING.description}; then {REFUSED.description}",
        trials.late(DENIED, "BatchGetItem"),
        hangs=True,
    )
    yield from _policies_of_other_categories()


def _policies_of_other_categories() -> Iterator[Row]:
    cold = State.COLD
    for hook, error_outcome, letter, note in (
        (CONNECT, DECLINED, Letter.HOOK, "WCS declines, whatever `restOnError` says."),
        (CALLED, ABORTED, Letter.HOOK, ""),
        (PUBLISHING, CONTINUED, Letter.ALL, "The session has LOG for this, by default."),
        (
            KEPT_ALIVE,
            STREAM_ENDED,
            Letter.ALL,
            _ENDS_STREAMS,
        ),
    ):
        yield from Rows(
            Area.POLICIES, _POINTERS, cold, hook, failure(error_outcome, letter), note
        ).each(f"pointer-cold-{hook.method}", "refused", end_to_end=("refused",))


_READ: Final = "DynamoDB GetItem"
_IN_SESSIONS: Final = "Sessions"
_IN_LISTS: Final = "Lists"


def _sessions() -> Iterator[Row]:
    area, no_matter = Area.SESSIONS, State.NO_MATTER
    for name, hook, expected, note in (
        (
            "session-of-denied",
            DENIED,
            failure(ABORTED),
            _MUST_KNOW,
        ),
        ("session-in-policy", BY_SESSION, failure(ABORTED), ""),
        (
            "session-of-cut",
            CUT,
            failure(STREAM_ENDED, Letter.ALL),
            _MUST_KNOW,
        ),
    ):
        yield from Rows(area, _READ, no_matter, hook, expected, note).each(
            name, end_to_end=("refused", "broken")
        )
        damaged = Rows(area, _IN_SESSIONS, no_matter, hook, expected, note)
        yield damaged.one(f"{name}-damaged", "damaged record", trials.SPOILT_SESSION)
        yield damaged.one(f"{name}-bare", "damaged record", trials.BARE_SESSION)
    yield from Rows(area, _READ, no_matter, CALLED_BY_SPAM, failure(ABORTED)).each(
        "session-of-denied-call", "refused"
    )
    yield from Rows(
        area,
        "DynamoDB UpdateItem",
        no_matter,
        DENIED,
        denied(ABORTED),
        "Extending the session's expiry is not urgent: the next read tries again.",
    ).each("session-renewal", before=trials.HALF_SPENT_SESSION)
    yield from Rows(
        area,
        "DynamoDB PutItem",
        no_matter,
        CONNECT,
        done_later(Letter.SESSION),
        "The session is unknown until the letter is redriven, and its denials are suppressed.",
    ).each("session-record", end_to_end=("throttled", "hanging", "refused"))
    yield from Rows(
        area,
        "DynamoDB DeleteItem",
        no_matter,
        DISCONNECTED,
        done_later(Letter.SESSION),
        "The record stays until the letter is redriven or its seven days are over.",
    ).each("session-end", end_to_end=("refused",))


_NOT_IGNORED: Final = (
    "If this cannot be read, it is our failure, unless the policy has `whenError: skip`."
)
_DAMAGED: Final = (
    "A malformed row has no value, so a `deny` applies unless it has `whenError: skip`."
)


def _lists() -> Iterator[Row]:
    area, warm, no_matter = Area.LISTS, State.WARM, State.NO_MATTER
    for name, hook, expected, ways in (
        ("lookup", LOOKED_UP, failure(ABORTED), (*FOUR, "unprocessed")),
        ("lookup-of-keep-alive", WATCHED, failure(STREAM_ENDED, Letter.ALL), ("refused",)),
    ):
        failed = replace(expected, counted=expected.counted | {"LookupErrors"})
        yield from Rows(area, _POINTERS, warm, hook, failed, _NOT_IGNORED).each(
            name, *ways, trial=trials.at_lookup
        )
    skipped = echoed(Letter.NONE, Level.INFO, "LookupErrors")
    yield from Rows(area, _POINTERS, warm, LOOKED_UP_OR_SKIPPED, skipped).each(
        "lookup-skipped", "hanging", "refused", trial=trials.at_lookup
    )
    without_value = denied(ABORTED, "ExpressionErrors", "LookupErrors")
    damaged = Rows(area, _IN_LISTS, no_matter, LOOKED_UP, without_value, _DAMAGED)
    yield damaged.one("row-damaged", "damaged row", trials.TEXT_AS_EXPIRY)
    yield damaged.one("row-in-milliseconds", "damaged row", trials.MILLISECONDS)
    yield damaged.one("row-oversized", "oversized row", trials.OVERSIZED_ROW)
    yield Rows(area, _IN_LISTS, no_matter, LOOKED_UP, echoed()).one(
        "row-expired", "expired row, not deleted yet", trials.EXPIRED_ROW
    )


_TAKEN: Final = "DynamoDB TransactWriteItems"
_GIVEN_BACK: Final = "DynamoDB GetItem"
_RUNS_OUT: Final = "The place stays taken until the letter is redriven or its 90 s are over."


def _limits() -> Iterator[Row]:
    area, warm = Area.LIMITS, State.WARM
    uncounted = failure(ABORTED)
    uncounted = replace(uncounted, counted=uncounted.counted | {"LimitErrors"})
    yield from Rows(area, _TAKEN, warm, LIMITED, uncounted, _NOT_IGNORED).each(
        "limit", *FOUR, trial=trials.at_lookup
    )
    skipped = echoed(Letter.NONE, Level.INFO, "LimitErrors")
    yield from Rows(area, _TAKEN, warm, LIMITED_OR_SKIPPED, skipped).each(
        "limit-skipped", "hanging", "refused", trial=trials.at_lookup
    )
    later = done_later(Letter.LEASES)
    yield from Rows(area, _GIVEN_BACK, warm, STOPPED, later, _RUNS_OUT).each(
        "limit-end", "hanging", "refused", trial=trials.at_lookup
    )


_SECRET: Final = "Secrets Manager GetSecretValue"
_OF_SECRET: Final = "Secrets Manager"


def _secret() -> Iterator[Row]:
    area, cold, warm = Area.SECRET, State.COLD, State.WARM
    wrong = DENIED._replace(description="wrong signature")
    unverified = failure(NOBODY_KNOWS, Letter.UNVERIFIED)
    nobody_can_tell = "Anybody may have sent it, so it is kept for inspection and not redriven."
    right_cold = Rows(area, _SECRET, cold, DENIED, unverified, nobody_can_tell)
    wrong_cold = Rows(area, _SECRET, cold, wrong, unverified, nobody_can_tell)
    stranger = trials.by_stranger(trials.cold)
    yield from right_cold.each("secret-cold", end_to_end=("throttled", "hanging", "refused"))
    yield from wrong_cold.each("secret-cold-stranger", trial=stranger, end_to_end=("refused",))
    for name, fault, injection in (
        ("malformed", "malformed secret", trials.MALFORMED_SECRET),
        ("empty", "empty secret", trials.EMPTY_SECRET),
    ):
        yield Rows(area, _OF_SECRET, cold, DENIED, unverified, nobody_can_tell).one(
            f"secret-cold-{name}", fault, injection
        )
    unsigned = DENIED._replace(description="no signature")
    yield from Rows(
        area,
        _SECRET,
        cold,
        unsigned,
        REJECTED_COLD,
        "Rejected by its form, without reading anything.",
    ).each("secret-cold-unsigned", "refused", trial=trials.by_stranger(trials.cold, None))

    as_ever = "The secret that was read last stays in use."
    yield from Rows(area, _SECRET, warm, DENIED, denied(ABORTED), as_ever).each(
        "secret-refresh", trial=trials.at_refresh
    )
    yield from Rows(area, _SECRET, warm, wrong, REJECTED_WARM).each(
        "secret-refresh-stranger", trial=trials.by_stranger(trials.at_refresh)
    )
    for name, fault, injection in (
        ("malformed", "malformed secret", trials.MALFORMED_SECRET),
        ("empty", "empty secret", trials.EMPTY_SECRET),
    ):
        yield Rows(area, _OF_SECRET, warm, DENIED, denied(ABORTED), as_ever).one(
            f"secret-refresh-{name}", fault, injection, trial=trials.at_refresh
        )
    yield Rows(area, _SECRET, cold, DENIED, denied(ABORTED), _LATE).tried(
        "secret-late",
        "answers after the hook's time, then refused",
        f"{HANGING.description}; then {REFUSED.description}",
        trials.late(DENIED, "GetSecretValue"),
        hangs=True,
    )
    anew = DENIED._replace(description="signed with a secret that is newer than ours")
    yield from Rows(
        area,
        _SECRET,
        warm,
        anew,
        REJECTED_WARM,
        (
            "A rotation leaves the previous secret valid. Change it in WCS a minute "
            "later, when the functions have read the new one."
        ),
    ).each("secret-rotated", "refused", trial=trials.signed_anew)


_SEND: Final = "SQS SendMessage"
_WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem", "PutEvents", "SendMessage")
_EVERY: Final = ("GetSecretValue", "BatchGetItem", "Query", "GetItem", *_WRITES)


def _dead_letters() -> Iterator[Row]:
    area, no_matter = Area.DEAD_LETTERS, State.NO_MATTER
    yield Rows(area, "-", no_matter, CUT_OFF, MALFORMED, "For comparison: nothing fails.").one(
        "malformed", "malformed body", trials.NOTHING, end_to_end=True
    )
    yield from Rows(area, _SEND, no_matter, CUT_OFF, in_table(MALFORMED), _SECOND_PLACE).each(
        "letter-of-malformed", end_to_end=("throttled", "hanging", "refused", "broken")
    )
    no_policies = over_the_wire(REFUSED, "BatchGetItem")
    failed = in_table(failure(ABORTED))
    yield from Rows(area, _SEND, no_matter, DENIED, failed, _SECOND_PLACE).each(
        "letter-of-failed", before=no_policies, end_to_end=("refused",)
    )
    ended = in_table(done_later(Letter.SESSION))
    yield from Rows(area, _SEND, no_matter, DISCONNECTED, ended, _SECOND_PLACE).each(
        "letter-of-session-end",
        before=over_the_wire(REFUSED, "DeleteItem"),
        end_to_end=("refused",),
    )
    for operation, name in (("UpdateItem", "table-count"), ("PutItem", "table-letter")):
        yield from Rows(
            area, f"{_SEND}, then DynamoDB {operation}", no_matter, CUT_OFF, MALFORMED_LOST, _LOUD
        ).each(
            name,
            before=over_the_wire(BROKEN, "SendMessage"),
            end_to_end=("refused",) if operation == "PutItem" else (),
        )
    for way in ("hanging", "refused"):
        yield Rows(
            area, f"{_SEND}, DynamoDB PutItem", no_matter, CONNECT, FOLLOW_UP_LOST, _LOUD
        ).one(
            f"letter-of-session-{way}",
            DESCRIPTIONS[way],
            over_the_wire(WAYS[way], "SendMessage", "PutItem"),
            hangs=WAYS[way].hangs,
        )
    lost = failure(NOBODY_KNOWS, Letter.LOST)
    for name, which, faulty in (
        ("all", "every call", _EVERY),
        ("all-but-the-secret", "every call but the secret's", _EVERY[1:]),
    ):
        for way in ("hanging", "unreachable"):
            yield Rows(area, which, State.COLD, DENIED, lost).one(
                f"{name}-{way}",
                DESCRIPTIONS[way],
                over_the_wire(WAYS[way], *faulty),
                hangs=WAYS[way].hangs,
            )
    yield Rows(area, "every write", no_matter, DISCONNECTED, FOLLOW_UP_LOST).one(
        "writes-hanging", DESCRIPTIONS["hanging"], over_the_wire(HANGING, *_WRITES), hangs=True
    )


def _event_bus() -> Iterator[Row]:
    area, call, no_matter = Area.EVENT_BUS, "EventBridge PutEvents", State.NO_MATTER
    yield from Rows(area, call, no_matter, PUBLISHING, done_later(Letter.BUS)).each(
        "bus", *FOUR, "partial", end_to_end=("throttled", "hanging", "partial")
    )
    one_message = "One dead letter covers both."
    yield from Rows(area, call, no_matter, DISCONNECTED, done_later(Letter.BOTH), one_message).each(
        "bus-and-session", "refused", before=over_the_wire(REFUSED, "DeleteItem")
    )


HOOK_ROWS: Final[tuple[Row, ...]] = (
    *_policies(),
    *_sessions(),
    *_lists(),
    *_limits(),
    *_secret(),
    *_dead_letters(),
    *_event_bus(),
)
