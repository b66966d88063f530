"""Whatever policies look up: what is read, how often, and that no order of reads shows."""

from collections.abc import Collection, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.profiles import example_count
from tests.unit.given import NOW, deny, hook, override, snapshot
from wcs_hooks.core.decision import Verdict, decide
from wcs_hooks.core.lists import Row, RowKey

_KEYS = ["anna", "carl", "dora"]
_BODY = {"name": "x", "a": "anna", "c": "carl", "n": 5}
_KEY_OF = {
    "body.a": "anna",
    "body.c": "carl",
    "'dora'": "dora",
    "body.absent": None,
    "body.n": None,
}

_LOOKUPS = st.lists(
    st.tuples(st.sampled_from(["l", "m"]), st.sampled_from(list(_KEY_OF)), st.booleans()),
    min_size=1,
    max_size=3,
)
_POLICIES = st.lists(
    st.tuples(_LOOKUPS, st.sampled_from(["enforce", "shadow"]), st.booleans()),
    min_size=1,
    max_size=5,
)
_ROWS = st.dictionaries(
    st.tuples(st.sampled_from(["l", "m"]), st.sampled_from(_KEYS)), st.just({"level": 1})
)


def _item(
    number: int, lookups: list[tuple[str, str, bool]], mode: str, *, denies: bool
) -> dict[str, Any]:
    """A policy that applies if each of its rows is there, or has no value."""
    aliases = {f"r{place}": one for place, one in enumerate(lookups)}
    attributes: dict[str, Any] = {
        "id": f"p{number}",
        "priority": number,
        "mode": mode,
        "lookup": {
            alias: {"list": name, "key": key, "consistent": consistent}
            for alias, (name, key, consistent) in aliases.items()
        },
        "when": " && ".join(f"(!has(rows.{alias}) || rows.{alias} != null)" for alias in aliases),
    }
    return deny(**attributes) if denies else override(set={f"f{number}": 1}, **attributes)


@settings(max_examples=example_count(30))
@given(_POLICIES, _ROWS)
def test_given_any_lookups_then_each_row_is_read_once_and_each_policy_asks_once(
    policies: list[tuple[list[tuple[str, str, bool]], str, bool]],
    rows: dict[tuple[str, str], dict[str, Any]],
) -> None:
    calls: list[list[RowKey]] = []

    def read(keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
        calls.append(list(keys))
        return {key: rows.get((key.list, key.key)) for key in keys}

    items = [
        _item(number, lookups, mode, denies=denies)
        for number, (lookups, mode, denies) in enumerate(policies)
    ]

    found = decide([snapshot(*items)], hook(_BODY), NOW, rows=read)

    applies = [
        all(_KEY_OF[key] is None or (name, _KEY_OF[key]) in rows for name, key, _ in lookups)
        for lookups, _, _ in policies
    ]
    enforced = [
        f"live/p{number}"
        for number, one in enumerate(policies)
        if applies[number] and one[1] != "shadow"
    ]
    ends = [n for n, one in enumerate(policies) if applies[n] and one[1] == "enforce" and one[2]]
    assert found.applied == tuple(name for name in enforced if not ends or int(name[6:]) <= ends[0])
    assert (found.verdict is Verdict.DENY) == bool(ends)
    assert not found.failures

    read_keys = [key for keys in calls for key in keys]
    assert len(read_keys) == len(set(read_keys))
    # What was read consistently is not read again, nor is a call without a key ever made.
    for at, key in enumerate(read_keys):
        assert key._replace(consistent=True) not in read_keys[:at] or key.consistent
    assert all(calls)
    assert len(calls) <= len(policies)
