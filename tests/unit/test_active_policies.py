"""What is active for one app: two layers, and a client config that changes with time."""

import json

import pytest

from tests.unit.given import DAY, NOW, TOMORROW, configure, deny, override, snapshot
from wcs_hooks.core.active_policies import ActivePolicies


def test_given_an_app_without_policies_then_every_apps_are_in_force_alone() -> None:
    every = snapshot(deny(app="*"), app="*", version=4)

    in_force = ActivePolicies([None, every])

    assert in_force.snapshots == (every,)
    assert in_force.versions() == {"*": 4}


def test_given_both_layers_then_the_own_comes_first() -> None:
    own, every = snapshot(version=2), snapshot(app="*", version=9)

    assert ActivePolicies([own, every]).snapshots == (own, every)
    assert ActivePolicies([own, every]).versions() == {"live": 2, "*": 9}


def test_given_nothing_in_force_then_there_is_no_client_config() -> None:
    in_force = ActivePolicies([None, None])

    assert in_force.client_config(NOW) == ""
    assert in_force.versions() == {}


def test_given_requirements_of_both_layers_then_the_client_config_fulfils_all() -> None:
    own = snapshot(deny(), configure(id="b", clientExclude="token"))
    every = snapshot(override(app="*", set={"name": 1}), app="*")

    entry = json.loads(ActivePolicies([own, every]).client_config(NOW))["publishStream"]

    assert entry == {
        "restExclude": "",
        "clientExclude": "token",
        "restOnError": "FAIL",
        "restPolicy": "OVERWRITE",
        "restOverwrite": "name",
    }


def test_given_a_client_config_then_its_text_is_compact() -> None:
    text = ActivePolicies([snapshot(deny())]).client_config(NOW)

    assert text == json.dumps(json.loads(text), separators=(",", ":"))


@pytest.mark.parametrize(
    ("later", "fails"), [(0.0, True), (DAY - 1, True), (DAY, True), (DAY + 1, False)]
)
def test_given_one_that_was_asked_for_before_when_a_window_ends_then_it_follows(
    later: float, *, fails: bool
) -> None:
    in_force = ActivePolicies([snapshot(deny(notAfter=TOMORROW))])
    assert "FAIL" in in_force.client_config(NOW)

    assert ("FAIL" in in_force.client_config(NOW + later)) is fails


def test_given_windows_that_end_one_by_one_when_time_goes_on_then_each_is_noticed() -> None:
    in_force = ActivePolicies(
        [
            snapshot(
                override(id="a", set={"a": 1}, notAfter="2030-01-02"),
                override(id="b", set={"b": 1}, notAfter="2030-01-03"),
                override(id="c", set={"c": 1}),
            )
        ]
    )

    seen = [
        json.loads(in_force.client_config(NOW + days * DAY))["publishStream"]["restOverwrite"]
        for days in (0, 1, 2, 3)
    ]

    assert seen == ["a,b,c", "b,c", "c", "c"]


def test_given_one_that_was_asked_for_later_before_when_time_runs_backwards_then_it_follows() -> (
    None
):
    closing = deny(notAfter=TOMORROW)
    in_force = ActivePolicies([snapshot(closing, deny(id="b", method="call"))])

    after, before = in_force.failing(NOW + 2 * DAY), in_force.failing(NOW)

    assert after == {"call"}
    assert before == {"call", "publishStream"}
    assert in_force.failing(NOW + 2 * DAY) == after
