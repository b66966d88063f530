"""Whatever the policies: the indexed decision is what the contract says, word by word."""

import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.property.json_texts import ANY_VALUES, are_equal
from tests.property.policies import BODIES, CONFIGURED_POLICIES, HOOKS, POLICIES, answer
from tests.support.profiles import example_count
from tests.unit.given import NOW, compiled
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.decision import UNKNOWN_SESSION, Decision, Verdict
from wcs_hooks.core.policy.reader import ATTRIBUTES
from wcs_hooks.core.snapshot import Snapshot
from wcsctl.deployed_process import Question, SnapshotBytes, shared

_METHODS = st.one_of(st.just("publishStream"), st.sampled_from(list(HOOKS)))
_MOMENTS = st.sampled_from([NOW + hours * 3600 for hours in (-1, -0.5, 0, 0.5, 1, 3)])
_DEFAULT = {"restOnError": "LOG", "restPolicy": "NOTIFY", "restOverwrite": ""}


def _stored(policies: list[dict[str, Any]]) -> list[bytes] | None:
    """Both layers, each compiled knowing the other's requirements; none where that is an error."""
    snapshots: list[bytes] = []
    others = compiled().requirements
    for app in ("*", "live"):
        layer = [policy for policy in policies if policy["app"] == app]
        compilation = compiled(*layer, app=app, others=others)
        if compilation.errors:
            return None
        others = compilation.requirements
        snapshots.insert(0, compilation.dump(1, NOW))
    return snapshots


def _in_force(policies: list[dict[str, Any]]) -> list[Snapshot] | None:
    stored = _stored(policies)
    return None if stored is None else [Snapshot.load(data) for data in stored]


def _decided_as_deployed(
    snapshots: list[bytes], body: dict[str, Any], method: str, now: float
) -> Decision:
    """The decision in a process that only reads the snapshots."""
    question = Question(method, json.dumps(body).encode(), UNKNOWN_SESSION, now)
    return shared().answer(SnapshotBytes(*snapshots), question).answer.decision


@settings(max_examples=example_count(400))
@given(POLICIES, _METHODS, BODIES, _MOMENTS)
def test_given_any_policies_and_hook_then_the_decision_is_what_the_contract_says(
    policies: list[dict[str, Any]], method: str, body: dict[str, Any], now: float
) -> None:
    stored = _stored(policies)
    assert stored is not None

    found = _decided_as_deployed(stored, body, method, now)

    expected = answer(policies, method, body, now)
    denied_by = found.denial and (
        f"{found.denial.app}/{found.denial.policy}",
        found.denial.status,
        found.denial.reason,
    )
    assert denied_by == expected.denied_by
    fields = {name: json.loads(text) for name, text in (found.fields or {}).items()}
    assert are_equal(fields, expected.fields)
    assert list(found.applied) == expected.applied
    assert list(found.shadow_denied) == expected.shadow_denied
    assert list(found.shadow_overridden) == expected.shadow_overridden
    assert [(f.policy, f.attribute) for f in found.failures] == expected.failed
    assert (found.verdict is Verdict.DENY) == (expected.denied_by is not None)
    assert (found.verdict is Verdict.OVERRIDE) == bool(expected.fields)


@settings(max_examples=example_count(200))
@given(CONFIGURED_POLICIES, _METHODS, BODIES, st.sampled_from([0.0, 1800.0, 3600.0, 7200.0]))
def test_given_any_policies_when_a_session_connects_then_wcs_will_do_what_they_ever_decide(
    policies: list[dict[str, Any]], method: str, body: dict[str, Any], later: float
) -> None:
    stored = _stored(policies)
    assume(stored is not None)
    assert stored is not None
    assume(method != "connect")

    config = ActivePolicies(map(Snapshot.load, stored)).client_config(NOW)
    found = _decided_as_deployed(stored, body, method, NOW + later)

    entry = _DEFAULT | (json.loads(config) if config else {}).get(method, {})
    if found.verdict is Verdict.DENY:
        assert entry["restOnError"] == "FAIL"
        assert entry["restPolicy"] != "DISABLE"
    if found.verdict is Verdict.OVERRIDE:
        assert entry["restPolicy"] == "OVERWRITE"
        assert set(found.fields or {}) <= set(entry["restOverwrite"].split(","))


@given(CONFIGURED_POLICIES)
def test_given_any_policies_when_connect_is_told_then_only_of_methods_that_need_it(
    policies: list[dict[str, Any]],
) -> None:
    in_force = _in_force(policies)
    assume(in_force is not None)
    assert in_force is not None

    config = json.loads(ActivePolicies(in_force).client_config(NOW) or "{}")

    configured = [policy for policy in policies if policy["action"] == "configure"]
    assert "connect" not in config or any("connect" in policy["method"] for policy in configured)
    for entry in config.values():
        assert set(entry) == {*_DEFAULT, "restExclude", "clientExclude"}
        assert any(_DEFAULT.get(name, "") != value for name, value in entry.items())
        assert " " not in "".join(entry.values())
    assert config.get("sendDTMF") == config.get("sendDtmf")


@given(POLICIES)
def test_given_any_policies_when_a_snapshot_is_dumped_and_loaded_then_it_is_what_was_compiled(
    policies: list[dict[str, Any]],
) -> None:
    own = [policy for policy in policies if policy["app"] == "live"]
    compilation = compiled(*own)

    data = compilation.dump(17, NOW)
    loaded = Snapshot.load(data)

    assert compilation.dump(17, NOW) == data
    assert (loaded.app, loaded.version) == ("live", 17)
    assert tuple(loaded.requirements) == compilation.requirements


@given(POLICIES, _METHODS, BODIES)
def test_given_any_policies_when_the_index_sieves_then_none_that_fits_is_lost_or_out_of_order(
    policies: list[dict[str, Any]], method: str, body: dict[str, Any]
) -> None:
    own = [policy | {"app": "live"} for policy in policies]
    compilation = compiled(*own)
    loaded = Snapshot.load(compilation.dump(1, NOW))

    met = [rule.id for rule in loaded.rules(method, body)]

    order = [policy.id for policy in compilation.policies]
    ranks = [order.index(policy) for policy in met]
    assert ranks == sorted(set(ranks))
    fitting = {
        name.partition("/")[2]
        for policy in own
        for name in answer(
            [policy | {"mode": policy.get("mode", "enforce")}], method, body, NOW
        ).applied
    }
    assert fitting <= set(met)


_PLAUSIBLE: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("deny", "override", "echo", "configure", "publishStream", "@direct", "*", "shadow"),
        *("match", "FAIL", "OVERWRITE", "name,custom", "body.name == 'x'", "known", "2030-01-01"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\ud800", "a\0b", "1" * 5000),
        *({"name": "x"}, {"name": ["x", 1]}, {"name": "body.name"}, {"a": "\ud800"}, {"": None}),
        *(403, -1, 1e308, 2**64, [], {}, [[]], None, True),
    ]
)
_ITEMS = st.dictionaries(
    st.one_of(st.sampled_from(sorted(ATTRIBUTES)), st.text(max_size=3)),
    st.one_of(_PLAUSIBLE, ANY_VALUES),
    max_size=8,
)


@settings(max_examples=example_count(400))
@given(
    st.lists(_ITEMS, max_size=3),
    st.sampled_from(
        [{}, {"action": "deny", "method": "call"}, {"action": "override", "method": "*"}]
    ),
)
def test_given_any_items_at_all_when_they_are_compiled_then_their_mistakes_are_told_not_raised(
    items: list[dict[str, Any]], base: dict[str, Any]
) -> None:
    compilation = compiled(*[base | {"app": "live", "id": "a"} | item for item in items])

    assert all(finding.message for finding in (*compilation.errors, *compilation.warnings))
    if not compilation.errors:
        assert Snapshot.load(compilation.dump(1, NOW)).version == 1
