"""Whatever the Policies table contains is refused by name, or decides; nothing is raised."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.profiles import example_count
from verification.fuzz.targets.policies import APPS, WORDS, compile_hostile
from wcs_hooks.adapters.dynamo_policy_store import from_attributes
from wcs_hooks.core.policy.reader import ATTRIBUTES

_TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.lists(st.sampled_from(WORDS), min_size=2, max_size=3).map(" + ".join),
)
_NUMBERS = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.sampled_from(["1E+125", "-9.99E+125", "1E-130", "-0", "0.1", "403"]),
)
_SCALARS = st.one_of(
    st.builds(lambda text: {"S": text}, _TEXTS),
    st.builds(lambda number: {"N": number}, _NUMBERS),
    st.builds(lambda data: {"B": data}, st.binary(max_size=4)),
    st.builds(lambda value: {"BOOL": value}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda texts: {"SS": sorted(texts)}, st.sets(_TEXTS, min_size=1, max_size=3)),
    st.builds(lambda data: {"BS": sorted(data)}, st.sets(st.binary(max_size=2), min_size=1)),
    st.just({"NS": ["1", "1E+30"]}),
)
_VALUES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda members: {"L": members}, st.lists(inner, max_size=3)),
        st.builds(lambda members: {"M": members}, st.dictionaries(_TEXTS, inner, max_size=3)),
    ),
    max_leaves=5,
)
_IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda text: text != "#status"
)
_ITEMS = st.dictionaries(
    st.one_of(st.sampled_from(sorted(ATTRIBUTES - {"app", "id"})), _TEXTS), _VALUES, max_size=7
)
_BASES: list[dict[str, Any]] = [
    {},
    {"action": {"S": "deny"}, "method": {"S": "publishStream"}},
    {"action": {"S": "override"}, "method": {"S": "*"}, "set": {"M": {"name": {"S": "x"}}}},
    {"action": {"S": "configure"}, "method": {"S": "@event"}},
]


@settings(max_examples=example_count(400))
@given(
    st.sampled_from(APPS),
    st.lists(st.tuples(_IDS, st.sampled_from(_BASES), _ITEMS, st.booleans()), max_size=4),
)
def test_given_any_items_of_dynamodb_when_they_are_compiled_then_they_are_refused_by_name_or_decide(
    app: str, drawn: list[tuple[str, dict[str, Any], dict[str, Any], bool]]
) -> None:
    items = {}
    for item_id, base, item, base_wins in drawn:
        typed = item | base if base_wins else base | item
        items[item_id] = from_attributes(typed | {"id": {"S": item_id}})

    compile_hostile(app, list(items.values()))
