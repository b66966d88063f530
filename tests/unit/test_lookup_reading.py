"""What `lookup` may say, and which policies get an error."""

from typing import Any

import pytest

from tests.unit.given import compiled, configure, deny, errors, override, warnings

_BAN = {"list": "bans", "key": "body.custom.user"}
_BANNED = deny(lookup={"ban": _BAN}, when="rows.ban != null")


def _messages(*items: dict[str, Any]) -> dict[str, str]:
    compilation = compiled(*items)
    return {one.attribute: one.message for one in (*compilation.errors, *compilation.warnings)}


def test_given_rows_that_are_looked_up_when_expressions_refer_to_them_then_nothing_is_wrong() -> (
    None
):
    account = {"list": "accounts", "key": "body.callee", "consistent": True}
    items = (
        _BANNED,
        override(
            id="b",
            method="call",
            lookup={"account": account, "ban": _BAN},
            when="!has(rows.ban.until) || 'ban' in rows",
            compute={"sipPassword": "rows['account'].password"},
        ),
        deny(id="c", lookup={"a": _BAN, "b": _BAN}, when="['a', 'b'].exists(x, rows[x] != null)"),
    )

    assert not errors(*items)
    assert not [one for one in compiled(*items).warnings if "lookup" in one.attribute]


@pytest.mark.parametrize(
    ("lookup", "attribute", "message"),
    [
        ("bans", "lookup", "must be a map"),
        ({}, "lookup", "is empty: remove it, or give an alias and its list and key"),
        ({f"r{n}": _BAN for n in range(4)}, "lookup", "looks up 4 rows; at most 3 are possible"),
        ({"my-ban": _BAN}, "lookup.my-ban", "must be an identifier"),
        ({"in": _BAN}, "lookup.in", "must be an identifier"),
        ({"ban": "bans"}, "lookup.ban", "must be a map: {list: …, key: …}"),
        ({"ban": {"key": "app"}}, "lookup.ban.list", "must be the name of a list"),
        ({"ban": {**_BAN, "list": "#x"}}, "lookup.ban.list", "begins with # is the system's"),
        ({"ban": {**_BAN, "list": "x" * 2049}}, "lookup.ban.list", "2,048 bytes at most"),
        ({"ban": {"list": "bans"}}, "lookup.ban.key", "must be an expression that gives the key"),
        ({"ban": {**_BAN, "key": "claims."}}, "lookup.ban.key", "Syntax error"),
        ({"ban": {**_BAN, "key": "1 + 1"}}, "lookup.ban.key", "gives INT; it must give a string"),
        ({"ban": {**_BAN, "key": "rows.x.y"}}, "lookup.ban.key", "uses rows, which are only read"),
        (
            {"ban": {**_BAN, "consistant": True}},
            "lookup.ban.consistant",
            "is not a member of a lookup; did you mean 'consistent'?",
        ),
        (
            {"ban": {**_BAN, "ttl": 1}},
            "lookup.ban.ttl",
            "is not a member of a lookup; known are consistent, key, list",
        ),
        ({"ban": {**_BAN, "consistent": "yes"}}, "lookup.ban.consistent", "neither true nor false"),
    ],
)
def test_given_a_lookup_that_is_wrong_then_the_error_names_the_place_and_the_way_out(
    lookup: Any, attribute: str, message: str
) -> None:
    assert message in _messages(deny(lookup=lookup))[attribute]


def test_given_an_alias_that_is_not_looked_up_then_the_error_names_the_near_one() -> None:
    found = _messages(deny(lookup={"ban": _BAN}, when="rows.bann != null"))

    assert found == {"when": "`lookup` has no alias 'bann'; did you mean 'ban'?"}


def test_given_rows_without_a_lookup_then_that_is_an_error() -> None:
    found = _messages(override(compute={"name": "rows.ban.name"}))

    assert "nothing is looked up" in found["compute.name"]


def test_given_an_alias_that_no_expression_refers_to_then_a_warning_says_so() -> None:
    item = deny(lookup={"ban": _BAN, "vip": _BAN}, when="rows.ban != null")

    assert ("a", "lookup.vip") in warnings(item)
    assert _messages(item)["lookup.vip"] == "is never read: no expression refers to rows.vip"


def test_given_an_action_that_meets_no_hook_then_it_looks_nothing_up() -> None:
    assert ("a", "lookup") in errors(configure(restPolicy="NOTIFY", lookup={"ban": _BAN}))


def test_given_what_keys_refer_to_then_they_are_checked_as_all_expressions_are() -> None:
    at_connect = deny(
        method="connect",
        lookup={"ban": {"list": "bans", "key": "session.custom.user"}},
        when="rows.ban != null",
    )
    misspelt = deny(
        method="call",
        lookup={"number": {"list": "numbers", "key": "body.calle"}},
        when="rows.number != null",
    )

    assert errors(at_connect) == [("a", "lookup.ban.key")]
    assert ("a", "lookup.number.key") in warnings(misspelt)


def test_given_two_policies_that_look_up_different_rows_then_the_second_can_be_reached() -> None:
    other = {**_BANNED, "id": "b", "lookup": {"ban": {**_BAN, "list": "guests"}}}

    assert ("b", "priority") not in warnings(_BANNED, other)
    assert ("b", "priority") in warnings(_BANNED, {**_BANNED, "id": "b"})


def test_given_over_five_policies_that_look_rows_up_for_a_method_then_the_sixth_is_warned() -> None:
    six = [{**_BANNED, "id": name, "lookup": {"ban": {**_BAN, "list": name}}} for name in "abcdef"]

    assert [one for one in warnings(*six) if one[1] == "lookup"] == [("f", "lookup")]
    assert not [one for one in warnings(*six[1:]) if one[1] == "lookup"]
    assert not [one for one in warnings(*six[1:], {**six[0], "mode": "off"}) if one[1] == "lookup"]
