"""What rows of the operator's lists change about a decision, and which of them are read when."""

import json
import zlib
from collections.abc import Collection, Mapping
from typing import Any, Final

import pytest

from tests.support.reading_process import Asked, decide_by
from tests.unit.given import NOW, compiled, deny, echo, hook, override, snapshot
from wcs_hooks.core.decision import (
    UNKNOWN_SESSION,
    Decision,
    Failure,
    Session,
    Step,
    UndecidedError,
    Verdict,
    decide,
)
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.lists import DamagedRow, Row, RowKey
from wcs_hooks.core.snapshot import Snapshot

_ROW: Final = {"reason": "spam", "level": 3, "mark": "MARK-1f9c"}
_BAN: Final = {"list": "bans", "key": "body.custom.user"}
_BANNED: Final = deny(lookup={"ban": _BAN}, when="rows.ban != null", reason="banned")
_ANNA: Final = {"name": "x", "custom": {"user": "anna"}}


class StoredRows:
    """Lists in memory that note each call."""

    def __init__(self, rows: Mapping[tuple[str, str], Row] | None = None) -> None:
        self._rows = {("bans", "anna"): _ROW} if rows is None else rows
        self.calls: list[set[RowKey]] = []

    def __call__(self, keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
        self.calls.append(set(keys))
        return {key: self._rows.get((key.list, key.key)) for key in keys}


class SilentRows(StoredRows):
    """Lists that do not answer."""

    def __call__(self, keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
        self.calls.append(set(keys))
        raise UnavailableError("the list store does not answer")


def _decided(
    *items: Mapping[str, Any],
    rows: StoredRows,
    body: Mapping[str, Any] = _ANNA,
    session: Session = UNKNOWN_SESSION,
    steps: list[Step] | None = None,
) -> Decision:
    trace = None if steps is None else steps.append
    asked = hook(body)
    return decide([snapshot(*items)], asked, NOW, lambda: session, trace, rows=rows)


def test_given_a_row_then_the_policy_applies_and_without_one_it_does_not() -> None:
    rows = StoredRows()

    assert _decided(_BANNED, rows=rows).verdict is Verdict.DENY
    assert _decided(_BANNED, rows=rows, body={"custom": {"user": "carl"}}).verdict is Verdict.ECHO
    assert rows.calls == [{RowKey("bans", "anna")}, {RowKey("bans", "carl")}]


def test_given_a_row_when_an_override_computes_from_it_then_its_values_are_set() -> None:
    item = override(
        lookup={"ban": {**_BAN, "consistent": True}},
        compute={"level": "rows.ban.level + 1", "why": "'for ' + rows.ban.reason"},
    )
    rows = StoredRows()

    assert _decided(item, rows=rows).fields == {"level": "4", "why": '"for spam"'}
    assert rows.calls == [{RowKey("bans", "anna", consistent=True)}]


@pytest.mark.parametrize(
    "item",
    [
        deny(when="body.name == 'y'"),
        {**_BANNED, "notAfter": "2020-01-01T00:00:00Z"},
        {**_BANNED, "match": {"name": "y"}},
        {**_BANNED, "when": "body.name == 'y' && rows.ban != null"},
        {**_BANNED, "mode": "off"},
        {**_BANNED, "method": "call"},
        {**_BANNED, "lookup": {"ban": {**_BAN, "key": "body.custom.absent"}}},
        {**_BANNED, "lookup": {"ban": {**_BAN, "key": "''"}}},
        {**_BANNED, "lookup": {"ban": {**_BAN, "key": "body.custom"}}},
        override(
            lookup={"ban": _BAN}, when="body.name == 'y' || known", compute={"a": "rows.ban.reason"}
        ),
        {**_BANNED, "when": "body.name == 'y'"},
    ],
)
def test_given_a_policy_that_needs_no_row_then_nothing_is_read(item: Mapping[str, Any]) -> None:
    rows = StoredRows()

    _decided(item, rows=rows)

    assert not rows.calls


def test_given_several_rows_of_a_policy_then_they_are_read_in_one_call() -> None:
    item = override(
        lookup={
            "ban": _BAN,
            "account": {"list": "accounts", "key": "body.name"},
            "unused": {"list": "others", "key": "body.name"},
        },
        when="rows.ban != null",
        compute={"account": "rows.account == null ? 'none' : rows.account.user"},
    )
    rows = StoredRows()

    assert _decided(item, rows=rows).fields == {"account": '"none"'}
    assert rows.calls == [{RowKey("bans", "anna"), RowKey("accounts", "x")}]


def test_given_a_lookup_that_no_expression_reads_then_a_hook_does_not_depend_on_its_key() -> None:
    unread = {"list": "vips", "key": "session.custom.user + claims.sub + body.unread"}
    item = {**_BANNED, "lookup": {"ban": _BAN, "vip": unread}}
    policies = snapshot(item)

    def unavailable() -> Session:
        raise UnavailableError("the session store does not answer")

    # So much of the body no expression may see; none of these sees that field.
    asked = hook({**_ANNA, "unread": "x" * 70_000})
    denied = decide([policies], asked, NOW, unavailable, rows=StoredRows())

    assert denied.verdict is Verdict.DENY
    assert not denied.failures
    assert not policies.uses_claims


def test_given_a_row_that_several_policies_ask_for_then_it_is_read_once() -> None:
    first = {**_BANNED, "mode": "shadow", "priority": 1}
    consistent = {**_BANNED, "id": "b", "lookup": {"ban": {**_BAN, "consistent": True}}}
    rows = StoredRows()

    assert _decided(first, {**_BANNED, "id": "b"}, rows=rows).applied == ("live/b",)
    assert len(rows.calls) == 1

    # A consistent read will do for a later one that need not be, and not the other way round.
    rows = StoredRows()
    _decided({**consistent, "mode": "shadow", "priority": 1}, {**_BANNED, "id": "c"}, rows=rows)
    assert rows.calls == [{RowKey("bans", "anna", consistent=True)}]

    rows = StoredRows()
    _decided(first, consistent, rows=rows)
    assert [[key.consistent for key in keys] for keys in rows.calls] == [[False], [True]]

    rows = StoredRows()
    both = {"ban": _BAN, "sure": {**_BAN, "consistent": True}}
    _decided({**_BANNED, "lookup": both, "when": "rows.ban == rows.sure"}, rows=rows)
    assert rows.calls == [{RowKey("bans", "anna", consistent=True)}]


def test_given_a_key_without_a_value_when_the_condition_asks_first_then_it_decides() -> None:
    item = {**_BANNED, "when": "!has(body.custom.user) ? body.name == 'y' : rows.ban != null"}
    unproven = {**item, "when": "claims == null ? token.status != 'none' : rows.ban != null"}
    unproven["lookup"] = {"ban": {"list": "bans", "key": "claims.sub"}}
    rows = StoredRows()

    assert _decided(item, rows=rows, body={"name": "y", "custom": {}}).verdict is Verdict.DENY
    assert _decided(item, rows=rows, body={"name": "x", "custom": {}}).verdict is Verdict.ECHO
    assert not _decided(unproven, rows=rows).failures
    assert not rows.calls


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("body.custom.absent", 'its key has none (Key not found in map : "absent")'),
        ("body.custom", "its key has none (gives dict, where a string is wanted)"),
        ("''", "its key is empty"),
        ("body.long", "its key has 1,025 bytes; at most 1,024 are looked up"),
    ],
)
def test_given_a_key_without_a_value_when_the_row_is_needed_then_the_expression_has_none(
    key: str, why: str
) -> None:
    item = {**_BANNED, "lookup": {"ban": {**_BAN, "key": key}}}

    found = _decided(item, rows=StoredRows(), body={**_ANNA, "long": "x" * 1025})

    assert found.verdict is Verdict.DENY
    [failure] = found.failures
    assert failure.attribute == "when"
    assert failure.message.startswith(f"rows.ban has no value: {why}")
    assert not found.lookup_failures


def test_given_a_damaged_row_then_it_has_no_value_and_is_noted() -> None:
    damaged = DamagedRow("`expiresAt` is not a number")
    rows = StoredRows({("bans", "anna"): damaged})

    denied = _decided(_BANNED, rows=rows)
    spared = _decided({**_BANNED, "when": "body.name == 'x' || rows.ban != null"}, rows=rows)

    assert denied.verdict is Verdict.DENY
    assert [one.message for one in denied.failures] == [
        "rows.ban has no value: `expiresAt` is not a number"
    ]
    assert denied.lookup_failures == (Failure("a", "lookup.ban", "`expiresAt` is not a number"),)
    assert spared.verdict is Verdict.DENY
    assert not spared.failures


@pytest.mark.parametrize(
    "item",
    [
        _BANNED,
        {**_BANNED, "whenError": "match"},
        echo(lookup={"ban": _BAN}, when="rows.ban == null"),
        override(lookup={"ban": _BAN}, compute={"a": "rows.ban.reason"}),
    ],
)
def test_given_no_answer_when_a_policy_in_force_needs_rows_then_the_hook_is_not_decided(
    item: Mapping[str, Any],
) -> None:
    with pytest.raises(UndecidedError, match="the list store does not answer") as caught:
        _decided(item, rows=SilentRows())

    assert caught.value.lookup_failures == (
        Failure("a", "lookup.ban", "the list store does not answer"),
    )


@pytest.mark.parametrize(
    "item",
    [
        {**_BANNED, "whenError": "skip"},
        {**_BANNED, "mode": "shadow"},
        override(
            lookup={"ban": _BAN}, compute={"a": "rows.ban.reason"}, whenError="skip", final=True
        ),
    ],
)
def test_given_no_answer_when_a_policy_may_be_passed_over_then_the_next_one_decides(
    item: Mapping[str, Any],
) -> None:
    steps: list[Step] = []

    found = _decided(item, override(id="b", set={"a": 1}), rows=SilentRows(), steps=steps)

    assert found.applied == ("live/b",)
    assert found.lookup_failures == (Failure("a", "lookup.ban", "the list store does not answer"),)
    assert not found.failures
    assert [(one.outcome, one.detail) for one in steps] == [
        ("lookup", "the list store does not answer"),
        ("applied", ""),
    ]


def test_given_no_answer_when_the_next_policy_asks_for_the_same_row_then_it_is_not_read_again() -> (
    None
):
    shadow, other = {**_BANNED, "mode": "shadow"}, {"list": "accounts", "key": "body.name"}
    rows = SilentRows()

    with pytest.raises(UndecidedError) as caught:
        _decided(shadow, {**_BANNED, "id": "b"}, rows=rows)

    assert [failure.policy for failure in caught.value.lookup_failures] == ["a", "b"]
    assert len(rows.calls) == 1

    # A row that was not asked for may be cached: another policy's failure is not its own.
    with pytest.raises(UndecidedError):
        _decided(shadow, {**_BANNED, "id": "b", "lookup": {"ban": other}}, rows=rows)
    assert rows.calls[1:] == [{RowKey("bans", "anna")}, {RowKey("accounts", "x")}]


def test_given_keys_of_the_session_when_it_cannot_be_read_then_that_is_no_matter_of_lists() -> None:
    item = {
        **_BANNED,
        "whenError": "skip",
        "lookup": {"ban": {**_BAN, "key": "session.custom.user"}},
    }

    def unavailable() -> Session:
        raise UnavailableError("the session store does not answer")

    with pytest.raises(UnavailableError, match="session store") as caught:
        decide([snapshot(item)], hook(_ANNA), NOW, unavailable, rows=StoredRows())
    assert not isinstance(caught.value, UndecidedError)

    connected = Session({"custom": {"user": "anna"}})
    assert _decided(item, rows=StoredRows(), session=connected).verdict is Verdict.DENY


def test_given_rows_then_the_trace_says_whether_there_is_one_and_nothing_else() -> None:
    steps: list[Step] = []
    nobody = {"ban": {**_BAN, "key": "body.name"}}

    _decided(
        {**_BANNED, "mode": "shadow", "priority": 1},
        {**_BANNED, "id": "b", "priority": 2, "lookup": nobody},
        deny(id="c", when="body.name == 'y'"),
        rows=StoredRows(),
        steps=steps,
    )

    assert [one.rows for one in steps] == [{"ban": "a row"}, {"ban": "null"}, {}]


@pytest.mark.parametrize(
    "when",
    [
        "int(rows.ban.mark) == 1",
        "timestamp(rows.ban.mark) > now",
        "body[rows.ban.mark.substring(2)] == 1",
        "body.custom[rows.ban.mark] == 1",
        "ip(rows.ban.mark).isIn('192.0.2.0/24')",
        "rows.ban.mark",
        "{rows.ban.mark: 1, 'MARK-1f9c': 2}.size() == 1",
    ],
)
def test_given_an_expression_that_fails_on_a_row_then_no_message_quotes_the_row(when: str) -> None:
    steps: list[Step] = []

    found = _decided(
        {**_BANNED, "when": when}, {**_BANNED, "id": "b"}, rows=StoredRows(), steps=steps
    )

    assert found.failures
    assert "1f9c" not in f"{found}{steps}"


@pytest.mark.parametrize(
    "key",
    ["{'a': 'b'}[body.custom.user]", "string(int(body.custom.user))", "body[body.custom.user]"],
)
def test_given_a_key_that_cannot_be_made_then_no_message_quotes_what_it_is_made_of(
    key: str,
) -> None:
    steps: list[Step] = []
    item = {**_BANNED, "lookup": {"ban": {**_BAN, "key": key}}}

    found = _decided(item, rows=StoredRows(), body={"custom": {"user": "MARK-1f9c"}}, steps=steps)

    [failure] = found.failures
    assert "its key has none (the reason may quote it, and is not shown)" in failure.message
    assert "1f9c" not in f"{found}{steps}"


def test_given_a_field_that_a_row_lacks_then_the_message_names_it() -> None:
    found = _decided({**_BANNED, "when": "rows.ban.until > 5"}, rows=StoredRows())

    [failure] = found.failures
    assert "until" in failure.message


def test_given_a_large_body_then_keys_see_the_fields_that_they_refer_to() -> None:
    item = {**_BANNED, "when": "rows.ban != null && body.name == 'x'"}

    found = _decided(item, rows=StoredRows(), body={**_ANNA, "sdp": "x" * 70_000})

    assert found.verdict is Verdict.DENY
    assert not found.failures


def test_given_a_snapshot_of_before_there_were_lists_then_it_is_read_as_it_was() -> None:
    document = json.loads(zlib.decompress(compiled(deny(when="body.name == 'x'")).dump(1, NOW)))
    for record in document["policies"]:
        assert record.pop() is None

    older = Snapshot.load(zlib.compress(json.dumps(document).encode()))

    assert decide([older], hook(_ANNA), NOW).verdict is Verdict.DENY


def test_given_a_process_that_only_read_the_snapshot_then_rows_have_their_values_there() -> None:
    known = override(
        lookup={"a": {"list": "l", "key": "body.name"}},
        when="rows.a == null",
        compute={"is": "has(rows.a) && rows.a == null"},
    )

    found = decide_by([compiled(known).dump(1, NOW)], [Asked("publishStream", {"name": "x"})])

    assert found.decided[0].fields == {"is": "true"}
    unused = decide_by([compiled(deny()).dump(1, NOW)], [Asked("publishStream", {"name": "x"})])
    assert "wcs_hooks.core.row_lookup" not in unused.modules


def test_given_a_field_of_a_row_that_is_not_there_then_the_failure_says_what_to_ask_first() -> None:
    found = _decided({**_BANNED, "when": "rows.ban.level > 1"}, rows=StoredRows({}))

    [failure] = found.failures
    assert failure.message.endswith("rows.ban is null: did you mean rows.ban != null && …?")
