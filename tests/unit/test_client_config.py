"""restClientConfig, derived from the policies (`docs/reference/wcs-protocol.md` section 4)."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.given import (
    DAY,
    NOW,
    TOMORROW,
    YESTERDAY,
    compiled,
    configure,
    deny,
    echo,
    errors,
    override,
    snapshot,
)
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.methods import METHODS, Category, methods_of
from wcs_hooks.core.policy.client_config import Requirement, merge, next_expiry, requirements

_DEFAULTS = {
    "restExclude": "",
    "clientExclude": "",
    "restOnError": "LOG",
    "restPolicy": "NOTIFY",
    "restOverwrite": "",
}


def _config(*items: dict[str, Any], now: float = NOW) -> dict[str, dict[str, str]]:
    """What connect's reply says of an app with these policies; those of `*` may be among them."""
    apps = dict.fromkeys(["live", "*"])
    layers = {app: [item for item in items if item["app"] == app] for app in apps}
    in_force = ActivePolicies([snapshot(*layers[app], app=app) for app in apps])
    text = in_force.client_config(now)
    config: dict[str, dict[str, str]] = json.loads(text) if text else {}
    return config


def _requirements(
    *items: dict[str, Any], app: str = "live", now: float = NOW
) -> Sequence[Requirement]:
    compilation = compiled(*items, app=app, now=now)
    assert not compilation.errors
    return compilation.requirements


# --- what is derived ----------------------------------------------------------------------------


def test_given_a_denial_then_wcs_is_asked_to_fail() -> None:
    assert _config(deny()) == {"publishStream": _DEFAULTS | {"restOnError": "FAIL"}}


@pytest.mark.parametrize(("holds", "needs"), [("stream", True), ("60s", False)])
def test_given_a_limit_of_streams_then_keep_alives_are_needed_and_connect_returns_nothing_of_them(
    holds: str,
    needs: bool,  # noqa: FBT001 - a parameter of a test
) -> None:
    limited = deny(limit={"by": "app", "most": 2, "holds": holds})
    disabled = configure(id="off", method="StreamKeepAliveEvent", restPolicy="DISABLE")

    assert _config(limited) == {"publishStream": _DEFAULTS | {"restOnError": "FAIL"}}
    found = [one.method for one in _requirements(limited) if one.is_to_be_sent]
    assert found == ["StreamKeepAliveEvent"] * needs
    assert bool(errors(limited, disabled)) == needs


def test_given_an_override_then_wcs_is_asked_to_take_its_fields() -> None:
    policy = override(set={"record": True}, compute={"name": "'x'"})

    assert _config(policy) == {
        "publishStream": _DEFAULTS | {"restPolicy": "OVERWRITE", "restOverwrite": "name,record"}
    }


def test_given_several_overrides_then_the_fields_are_united_without_blanks() -> None:
    config = _config(
        override(set={"name": 1, "width": 1}),
        override(id="b", set={"height": 1}, compute={"name": "1"}),
        override(id="c", app="*", set={"bitrate": 1}),
    )

    assert config["publishStream"]["restOverwrite"] == "bitrate,height,name,width"


def test_given_a_denial_and_an_override_then_wcs_is_asked_for_both() -> None:
    entry = _config(deny(when="body.a"), override(id="b", set={"name": 1}))["publishStream"]

    assert entry == _DEFAULTS | {
        "restOnError": "FAIL",
        "restPolicy": "OVERWRITE",
        "restOverwrite": "name",
    }


@pytest.mark.parametrize(
    ("named", "spellings"),
    [
        ("sendDTMF", {"sendDTMF", "sendDtmf"}),
        ("sendDtmf", {"sendDTMF", "sendDtmf"}),
        ("submitBugReport", {"sendBugReport", "submitBugReport"}),
    ],
)
def test_given_a_method_of_two_spellings_then_both_get_the_same_entry(
    named: str, spellings: set[str]
) -> None:
    config = _config(deny(method=named))

    assert set(config) == spellings
    assert len({json.dumps(entry) for entry in config.values()}) == 1


def test_given_an_override_of_an_event_under_either_spelling_then_both_get_the_entry() -> None:
    assert set(_config(override(method="ErrorStatusEvent", set={"info": ""}))) == {
        "ErrorEvent",
        "ErrorStatusEvent",
    }


def test_given_a_denial_of_a_category_then_each_of_its_methods_is_listed() -> None:
    assert set(_config(deny(method="@incoming"))) == set(methods_of(Category.INCOMING))


def test_given_an_override_of_all_methods_then_all_but_connect_are_listed() -> None:
    assert set(_config(override(method="*", set={"a": 1}))) == set(METHODS) - {"connect"}


@pytest.mark.parametrize(
    "policies",
    [
        [],
        [echo()],
        [deny(method="connect")],
        [override(method="connect", set={"a": 1})],
        [configure(restOnError="LOG", restPolicy="NOTIFY")],
        [deny(mode="shadow"), override(id="b", mode="shadow", set={"a": 1})],
        [deny(mode="off"), override(id="b", mode="off", set={"a": 1})],
        [configure(mode="off", restOnError="FAIL")],
        [configure(mode="shadow", restOnError="FAIL")],
        [deny(notAfter=YESTERDAY), override(id="b", notAfter=YESTERDAY, set={"a": 1})],
        [configure(notAfter=YESTERDAY, restOnError="FAIL")],
    ],
)
def test_given_nothing_that_needs_it_then_there_is_no_client_config_at_all(
    policies: list[dict[str, Any]],
) -> None:
    assert _config(*policies) == {}


@pytest.mark.parametrize(
    "window",
    [
        {"notBefore": TOMORROW},
        {"notAfter": TOMORROW},
        {"notBefore": YESTERDAY, "notAfter": TOMORROW},
        {"notAfter": "2030-01-01T12:00:00Z"},
    ],
)
def test_given_a_window_that_is_open_or_will_be_then_it_counts(window: dict[str, str]) -> None:
    assert _config(deny(**window))["publishStream"]["restOnError"] == "FAIL"


def test_given_a_policy_in_force_when_its_window_ends_then_it_counts_no_more() -> None:
    policies = [deny(notAfter=TOMORROW), override(id="b", set={"name": 1})]

    assert _config(*policies, now=NOW + DAY)["publishStream"]["restOnError"] == "FAIL"
    assert _config(*policies, now=NOW + DAY + 0.001)["publishStream"] == _DEFAULTS | {
        "restPolicy": "OVERWRITE",
        "restOverwrite": "name",
    }


def test_given_two_denials_when_one_ends_then_the_other_still_counts() -> None:
    config = _config(deny(notAfter=TOMORROW, when="body.a"), deny(id="b"), now=NOW + 2 * DAY)

    assert config["publishStream"]["restOnError"] == "FAIL"


# --- what is configured -------------------------------------------------------------------------


def test_given_a_configuration_then_it_is_in_the_entry_of_its_methods() -> None:
    config = _config(
        configure(
            method=["call", "OnCallEvent"],
            restOnError="FAIL",
            restPolicy="DISABLE",
            restExclude="sdp,custom",
            clientExclude="sipPassword",
        )
    )

    entry = {
        "restExclude": "custom,sdp",
        "clientExclude": "sipPassword",
        "restOnError": "FAIL",
        "restPolicy": "DISABLE",
        "restOverwrite": "",
    }
    assert config == {"call": entry, "OnCallEvent": entry}


def test_given_a_configuration_that_names_connect_then_it_is_passed_on_though_wcs_ignores_it() -> (
    None
):
    named = _config(configure(method="connect", restOnError="FAIL"))
    by_category = _config(configure(method=["@connect", "*"], restOnError="FAIL"))

    assert named == {"connect": _DEFAULTS | {"restOnError": "FAIL"}}
    assert "connect" not in by_category


def test_given_a_configuration_beside_a_denial_then_it_adds_to_what_is_derived() -> None:
    entry = _config(deny(), configure(id="b", clientExclude="token"))["publishStream"]

    assert entry == _DEFAULTS | {"restOnError": "FAIL", "clientExclude": "token"}


def test_given_a_configuration_beside_an_override_then_the_fields_are_united() -> None:
    entry = _config(
        override(set={"name": 1}),
        configure(id="b", restPolicy="OVERWRITE", restOverwrite="custom,name"),
    )["publishStream"]

    assert entry["restOverwrite"] == "custom,name"


@pytest.mark.parametrize(
    ("log", "fail", "expected"),
    [
        ({"priority": 1}, {"priority": 2}, "LOG"),
        ({"priority": 2}, {"priority": 1}, "FAIL"),
        ({"id": "a"}, {"id": "b"}, "LOG"),
        ({"id": "b"}, {"id": "a"}, "FAIL"),
        ({"id": "b"}, {"id": "a", "app": "*"}, "LOG"),
        ({"id": "a", "app": "*"}, {"id": "b"}, "FAIL"),
        ({"id": "a", "app": "*", "priority": 1}, {"id": "b", "priority": 2}, "LOG"),
        ({"id": "a", "priority": 2}, {"id": "b", "app": "*", "priority": 1}, "FAIL"),
    ],
)
def test_given_configurations_that_differ_then_the_first_in_evaluation_order_wins(
    log: dict[str, Any], fail: dict[str, Any], expected: str
) -> None:
    entry = _config(
        configure(restOnError="LOG", restExclude="x") | log,
        configure(restOnError="FAIL", restExclude="x") | fail,
    )["publishStream"]

    assert entry["restOnError"] == expected


def test_given_a_configuration_that_expires_then_a_later_twin_keeps_its_own_priority() -> None:
    until_tomorrow = configure(id="a", restOnError="FAIL", notAfter=TOMORROW) | {"priority": 1}
    log = configure(id="b", restOnError="LOG", restExclude="x") | {"priority": 5}
    later = configure(id="c", restOnError="FAIL") | {"priority": 10}

    today = _config(until_tomorrow, log, later)
    after = _config(until_tomorrow, log, later, now=NOW + 2 * DAY)

    assert today["publishStream"]["restOnError"] == "FAIL"
    assert after["publishStream"]["restOnError"] == "LOG"


@pytest.mark.parametrize(
    ("needs", "rest_on_error", "rest_policy"),
    [(deny(), "FAIL", "NOTIFY"), (override(set={"name": 1}), "LOG", "OVERWRITE")],
)
@pytest.mark.parametrize("priority", [1, 200])
def test_given_what_a_policy_needs_beside_a_method_that_is_disabled_then_wcs_calls_it_all_the_same(
    needs: dict[str, Any], rest_on_error: str, rest_policy: str, priority: int
) -> None:
    # As by a pin, or by two apps that were edited at once: no compilation saw both.
    off = configure(id="off", app="*", restPolicy="DISABLE", priority=priority)
    required = [*_requirements(needs), *_requirements(off, app="*")]

    entry = merge(required, NOW)["publishStream"]

    assert (entry["restOnError"], entry["restPolicy"]) == (rest_on_error, rest_policy)


def test_given_a_disabled_method_when_the_policy_that_needed_it_is_over_then_it_holds() -> None:
    off = configure(id="off", app="*", restPolicy="DISABLE")
    required = [*_requirements(deny(notAfter=TOMORROW)), *_requirements(off, app="*")]

    assert merge(required, NOW + 2 * DAY)["publishStream"]["restPolicy"] == "DISABLE"


# --- contradictions -----------------------------------------------------------------------------

_CONTRADICTIONS = [
    (deny(), {"restOnError": "LOG"}, "restOnError"),
    (override(set={"a": 1}), {"restPolicy": "NOTIFY"}, "restPolicy"),
    (override(set={"a": 1}), {"restPolicy": "DISABLE"}, "restPolicy"),
    (deny(), {"restPolicy": "DISABLE"}, "restPolicy"),
]
_AGREEMENTS = [
    (deny(), {"restOnError": "FAIL"}),
    (deny(), {"restPolicy": "NOTIFY"}),
    (deny(), {"restPolicy": "OVERWRITE", "restOverwrite": "name"}),
    (override(set={"a": 1}), {"restOnError": "LOG"}),
    (override(set={"a": 1}), {"restPolicy": "OVERWRITE", "restOverwrite": "name"}),
    (deny(), {"restOnError": "LOG", "method": "call"}),
    (deny(), {"restOnError": "LOG", "mode": "off"}),
    (deny(), {"restOnError": "LOG", "mode": "shadow"}),
    (deny(), {"restOnError": "LOG", "notAfter": YESTERDAY}),
    (deny(mode="shadow"), {"restOnError": "LOG"}),
    (deny(mode="off"), {"restOnError": "LOG"}),
    (deny(notAfter=YESTERDAY), {"restOnError": "LOG"}),
    (echo(), {"restPolicy": "DISABLE"}),
]


@pytest.mark.parametrize(("needs", "config", "attribute"), _CONTRADICTIONS)
@pytest.mark.parametrize("priorities", [(1, 2), (2, 1)])
def test_given_a_configuration_that_undoes_a_policy_of_its_app_then_it_is_an_error(
    needs: dict[str, Any], config: dict[str, Any], attribute: str, priorities: tuple[int, int]
) -> None:
    first, second = priorities

    found = errors(
        needs | {"id": "needs", "priority": first},
        configure(id="config", priority=second) | config,
    )

    assert found == [("config", attribute)]


@pytest.mark.parametrize(("needs", "config"), _AGREEMENTS)
def test_given_a_configuration_that_undoes_nothing_in_force_then_it_is_no_error(
    needs: dict[str, Any], config: dict[str, Any]
) -> None:
    assert not errors(needs | {"id": "needs"}, configure(id="config") | config)


@pytest.mark.parametrize("attribute", ["notBefore", "notAfter"])
def test_given_a_denial_whose_window_will_be_open_then_it_can_be_contradicted(
    attribute: str,
) -> None:
    needs = deny(id="needs") | {attribute: TOMORROW}

    assert errors(needs, configure(id="config", restOnError="LOG")) == [("config", "restOnError")]


def test_given_the_other_spelling_then_a_contradiction_is_one_all_the_same() -> None:
    found = errors(
        deny(id="needs", method="sendDtmf"),
        configure(id="config", method="sendDTMF", restOnError="LOG"),
    )

    assert found == [("config", "restOnError")]


@pytest.mark.parametrize(("needs", "config", "attribute"), _CONTRADICTIONS)
@pytest.mark.parametrize(("app", "other"), [("live", "*"), ("*", "live")])
def test_given_a_policy_of_the_other_layer_when_a_configuration_undoes_it_then_it_is_an_error(
    needs: dict[str, Any], config: dict[str, Any], attribute: str, app: str, other: str
) -> None:
    others = _requirements(needs | {"app": other, "id": "needs"}, app=other)

    compilation = compiled(configure(app=app, id="config") | config, app=app, others=others)

    assert [(e.policy, e.attribute) for e in compilation.errors] == [("config", attribute)]
    assert "'needs'" in compilation.errors[0].message


@pytest.mark.parametrize(("needs", "config", "attribute"), _CONTRADICTIONS)
@pytest.mark.parametrize(("app", "other"), [("live", "*"), ("*", "live")])
def test_given_a_configuration_of_the_other_layer_when_a_policy_overrules_it_then_it_warns(
    needs: dict[str, Any], config: dict[str, Any], attribute: str, app: str, other: str
) -> None:
    others = _requirements(configure(app=other, id="config") | config, app=other)

    compilation = compiled(needs | {"app": app, "id": "needs"}, app=app, others=others)

    assert not compilation.errors
    assert [warning.policy for warning in compilation.warnings] == ["needs"]
    assert "overrules policy 'config'" in compilation.warnings[0].message
    assert attribute in compilation.warnings[0].message


@pytest.mark.parametrize(("needs", "config"), _AGREEMENTS)
def test_given_the_other_layer_when_nothing_is_undone_then_it_is_no_error(
    needs: dict[str, Any], config: dict[str, Any]
) -> None:
    others = _requirements(needs | {"app": "*", "id": "needs"}, app="*")

    assert not compiled(configure(id="config") | config, others=others).errors


def test_given_the_other_layers_policies_contradict_each_other_then_it_is_not_told_here() -> None:
    others = [*_requirements(deny(app="*"), app="*"), *_requirements(configure(restOnError="LOG"))]

    assert not compiled(deny(method="call"), others=others).errors


def test_given_a_policy_of_the_other_layer_when_it_has_expired_since_then_it_is_no_error() -> None:
    others = _requirements(deny(app="*", notAfter=TOMORROW), app="*")

    later = compiled(configure(restOnError="LOG"), others=others, now=NOW + 2 * DAY)

    assert not later.errors


def test_given_a_configuration_of_the_other_layer_when_it_has_expired_then_it_is_no_error() -> None:
    others = _requirements(configure(app="*", restOnError="LOG", notAfter=TOMORROW), app="*")

    assert not compiled(deny(), others=others, now=NOW + 2 * DAY).warnings


def test_given_a_policy_of_the_other_layer_in_its_last_instant_then_it_is_an_error() -> None:
    others = _requirements(deny(app="*", notAfter=TOMORROW), app="*")

    assert compiled(configure(restOnError="LOG"), others=others, now=NOW + DAY).errors


# --- requirements ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy",
    [
        deny(notAfter=TOMORROW),
        override(set={"b": 1, "a": 2}),
        configure(restPolicy="OVERWRITE", restOverwrite="a,b", restExclude="c", clientExclude="d"),
    ],
)
def test_given_a_requirement_when_it_is_stored_and_read_back_then_it_is_the_same(
    policy: dict[str, Any],
) -> None:
    (requirement,) = _requirements(policy)

    assert Requirement.from_json(json.loads(json.dumps(requirement.to_json()))) == requirement


def test_given_many_policies_that_require_the_same_then_it_is_required_once_and_longest() -> None:
    policies = [deny(id=f"p{n:03}", match={"name": str(n)}, notAfter=TOMORROW) for n in range(50)]

    (requirement,) = requirements(compiled(*policies, deny(id="q", match={"a": 1})).policies, NOW)

    assert requirement.policy == "p000"
    assert requirement.until == float("inf")


def test_given_requirements_then_the_next_change_is_when_the_first_of_them_ends() -> None:
    found = _requirements(
        deny(notAfter="2030-01-03", when="body.a"),
        override(id="b", set={"a": 1}, notAfter=TOMORROW),
        override(id="c", set={"b": 1}),
    )

    assert next_expiry(found, NOW) == NOW + DAY
    assert next_expiry(found, NOW + DAY) == NOW + DAY
    assert next_expiry(found, NOW + DAY + 1) == NOW + 1.5 * DAY
    assert next_expiry(found, NOW + 2 * DAY) == float("inf")


def test_given_no_requirements_then_nothing_is_merged_and_nothing_changes() -> None:
    assert merge([], NOW) == {}
    assert next_expiry([], NOW) == float("inf")
