"""What is wrong with policies that are each well-formed: every error and every warning."""

from typing import Any

import pytest

from tests.unit.given import (
    TOMORROW,
    YESTERDAY,
    compiled,
    configure,
    deny,
    echo,
    errors,
    override,
    warnings,
)
from wcs_hooks.core.methods import METHODS, Category, methods_of

_EVENTS = [name for name in methods_of(Category.EVENT) if name != "StreamKeepAliveEvent"]


# --- denials ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*_EVENTS, "@event", "*", ["call", "StreamStatusEvent"]])
@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_given_a_denial_of_what_has_happened_then_it_is_an_error(method: object, mode: str) -> None:
    assert errors(deny(method=method, mode=mode)) == [("a", "method")]


@pytest.mark.parametrize(
    "method",
    [
        name
        for name, method in METHODS.items()
        if name == "StreamKeepAliveEvent" or method.category is not Category.EVENT
    ],
)
def test_given_a_denial_of_what_can_be_refused_then_it_is_no_error(method: str) -> None:
    assert not errors(deny(method=method))


@pytest.mark.parametrize("method", ["hangup", "unPublishStream", "stopStream"])
def test_given_a_denial_of_what_ends_something_then_it_is_a_warning(method: str) -> None:
    (warning,) = compiled(deny(method=["call", method])).warnings

    assert (warning.policy, warning.attribute) == ("a", "method")
    assert method in warning.message
    assert "call" not in warning.message


def test_given_a_denial_of_all_direct_calls_then_the_three_inadvisable_ones_are_one_warning() -> (
    None
):
    assert warnings(deny(method="@direct")) == [("a", "method")]


@pytest.mark.parametrize("policy", [echo(), override(set={"a": 1})])
def test_given_what_is_no_denial_then_it_may_be_for_any_method(policy: dict[str, Any]) -> None:
    assert warnings(policy | {"method": "*"}) == []


# --- session ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["connect", "@connect", "*", ["call", "connect"]])
def test_given_a_connect_policy_then_to_ask_for_the_session_is_an_error(method: object) -> None:
    assert errors(echo(method=method, when="session != null")) == [("a", "when")]


def test_given_a_connect_policy_then_to_compute_by_the_session_is_an_error() -> None:
    policy = override(method="connect", compute={"custom": "session.custom"})

    assert [policy for policy, _ in errors(policy)] == ["a"]


@pytest.mark.parametrize(
    ("method", "when"),
    [
        ("call", "session != null"),
        ("connect", "body.session == 'x'"),
        ("connect", "'session' == app"),
    ],
)
def test_given_no_session_in_a_connect_policy_then_it_is_no_error(method: str, when: str) -> None:
    assert not errors(echo(method=method, when=when))


# --- windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_given_a_window_that_is_over_then_it_is_a_warning(mode: str) -> None:
    assert warnings(deny(notAfter=YESTERDAY, mode=mode)) == [("a", "notAfter")]


@pytest.mark.parametrize(
    "window",
    [
        {"notBefore": YESTERDAY},
        {"notBefore": TOMORROW},
        {"notAfter": TOMORROW},
        {"notBefore": TOMORROW, "notAfter": TOMORROW},
        {"notAfter": "2030-01-01T12:00:00Z"},
        {"notAfter": YESTERDAY, "mode": "off"},
    ],
)
def test_given_a_window_that_is_open_or_will_be_then_there_is_no_warning(
    window: dict[str, str],
) -> None:
    assert warnings(deny(**window)) == []


def test_given_a_window_that_ends_before_it_begins_then_it_is_an_error() -> None:
    assert errors(deny(notBefore=TOMORROW, notAfter=YESTERDAY)) == [("a", "notAfter")]


# --- never reached ------------------------------------------------------------------------------

_WHEN = "body.name == 'x'"
_MATCH = {"name": ["x", "y"]}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (deny(), deny()),
        (echo(), deny()),
        (echo(), override(set={"a": 1})),
        (echo(method="*"), deny()),
        (echo(method="@direct"), deny(method=["call", "publishStream"])),
        (echo(method="sendDTMF"), deny(method="sendDtmf")),
        (deny(), deny(when=_WHEN)),
        (deny(), deny(match=_MATCH, notBefore=TOMORROW)),
        (deny(), deny(mode="shadow")),
        (deny(when=_WHEN), echo(when=_WHEN)),
        (echo(when=_WHEN, whenError="match"), echo(when=_WHEN)),
        (echo(match=_MATCH), deny(match=_MATCH)),
        (echo(match={"a": 1, "b": 2}), deny(match={"b": 2, "a": 1})),
        (deny(match=_MATCH, when=_WHEN), override(match=_MATCH, when=_WHEN, set={"a": 1})),
    ],
)
def test_given_a_policy_behind_one_that_always_decides_first_then_it_is_a_warning(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    found = compiled(first | {"id": "z", "priority": 1}, second | {"id": "a", "priority": 2})

    assert [(w.policy, w.attribute) for w in found.warnings] == [("a", "priority")]
    assert "'z'" in found.warnings[0].message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (override(set={"b": 1}), deny()),
        (deny(mode="shadow"), deny()),
        (deny(mode="off"), deny()),
        (deny(), deny(mode="off")),
        (deny(when=_WHEN), deny()),
        (deny(match=_MATCH), deny()),
        (deny(when=_WHEN), deny(when="body.name == 'y'")),
        (deny(match=_MATCH), deny(match={"name": "x"})),
        (deny(match=_MATCH), deny(match=_MATCH, when=_WHEN)),
        (echo(when=_WHEN), deny(when=_WHEN)),
        (echo(method="call"), deny()),
        (echo(method="call"), deny(method=["call", "publishStream"])),
        (deny(notAfter=TOMORROW), deny()),
        (deny(notBefore=YESTERDAY), deny()),
        (deny(), configure(restOnError="FAIL")),
        (configure(restOnError="FAIL"), deny()),
    ],
)
def test_given_a_policy_that_can_still_be_reached_then_there_is_no_warning(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert warnings(first | {"id": "z", "priority": 1}, second | {"id": "a", "priority": 2}) == []


def test_given_two_policies_that_together_decide_all_methods_then_one_behind_is_a_warning() -> None:
    found = warnings(
        echo(id="a", method="call"),
        deny(id="b", method="publishStream"),
        deny(id="c", method=["call", "publishStream"]),
    )

    assert found == [("c", "priority")]


# --- configure ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["connect", ["call", "connect"]])
def test_given_a_configuration_of_connect_itself_then_it_is_a_warning(method: object) -> None:
    assert warnings(configure(method=method, restOnError="FAIL")) == [("a", "method")]


@pytest.mark.parametrize("method", ["@direct", "*"])
def test_given_a_configuration_of_a_category_then_there_is_no_warning(method: str) -> None:
    assert warnings(configure(method=method, restOnError="FAIL")) == []


def test_given_fields_to_overwrite_that_nothing_asks_for_then_it_is_a_warning() -> None:
    assert warnings(configure(restOverwrite="name")) == [("a", "restOverwrite")]


@pytest.mark.parametrize(
    "other",
    [configure(id="b", restPolicy="OVERWRITE"), override(id="b", set={"custom": 1})],
)
def test_given_fields_to_overwrite_that_another_policy_asks_for_then_there_is_no_warning(
    other: dict[str, Any],
) -> None:
    assert warnings(configure(restOverwrite="name"), other) == []


# --- soundness ----------------------------------------------------------------------------------


def test_given_sound_policies_then_there_is_nothing_to_say() -> None:
    policies = [
        deny(when=_WHEN, priority=1),
        override(id="b", set={"name": "x"}, compute={"custom": "body.custom"}),
        echo(id="c", method="connect", when="body.origin == 'https://example.org'"),
        configure(id="d", method="@event", restExclude="sdp"),
    ]

    assert warnings(*policies) == []


# --- Methods that WCS calls only if it is set up to ---------------------------------------------


@pytest.mark.parametrize(
    ("method", "switch"),
    [
        ("StreamKeepAliveEvent", "keep_alive_streaming_sessions_enabled=true"),
        ("playHLS", "hls_auth_enabled=true"),
        ("playRTSP", "rtsp_server_auth_enabled=true"),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_given_a_method_that_must_be_switched_on_then_the_warning_names_the_switch(
    method: str, switch: str, mode: str
) -> None:
    (warning,) = compiled(deny(method=["publishStream", method], mode=mode)).warnings

    assert (warning.policy, warning.attribute) == ("a", "method")
    assert method in warning.message
    assert switch in warning.message


def test_given_two_such_methods_then_each_has_a_warning() -> None:
    assert warnings(deny(method=["playHLS", "playRTSP"])) == [("a", "method")] * 2


@pytest.mark.parametrize(
    "policy",
    [
        echo(method="*"),
        configure(method="@event", restExclude="sdp"),
        echo(method="@direct"),
        deny(method="playHLS", mode="off"),
        deny(method="playStream"),
    ],
)
def test_given_a_policy_that_names_no_such_method_then_there_is_no_warning(
    policy: dict[str, Any],
) -> None:
    assert warnings(policy) == []


# --- Players ------------------------------------------------------------------------------------


def _but_for_the_switch(*policies: dict[str, Any]) -> list[tuple[str, str]]:
    found = compiled(*policies)
    assert not found.errors
    return [(w.attribute, w.message) for w in found.warnings if "flashphoner" not in w.message]


@pytest.mark.parametrize("variable", ["session.custom.role != 'x'", "!known"])
@pytest.mark.parametrize("method", ["playHLS", "playRTSP", ["playStream", "playHLS"]])
def test_given_what_asks_for_the_session_of_a_player_then_it_is_a_warning(
    variable: str, method: object
) -> None:
    [(attribute, message)] = _but_for_the_switch(deny(method=method, when=variable))

    assert attribute == "when"
    assert "players never connect" in message


def test_given_an_override_for_players_then_the_warning_says_that_it_does_nothing() -> None:
    policy = override(method=["playStream", "playRTSP"], set={"name": "x"})

    [(attribute, message)] = _but_for_the_switch(policy)

    assert attribute == "method"
    assert "playRTSP does nothing" in message


@pytest.mark.parametrize(
    "policy",
    [
        deny(method="playHLS", when="body.name == 'x'"),
        echo(method="@direct", when="known && session.custom.role != 'x'"),
        override(method="@direct", set={"custom": 1}),
        override(method="playStream", set={"name": "x"}),
    ],
)
def test_given_what_can_work_for_players_then_there_is_no_warning(policy: dict[str, Any]) -> None:
    assert _but_for_the_switch(policy) == []


# --- What identifies a hook ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sessionId", "nodeId", "appKey"])
def test_given_a_configuration_that_keeps_a_key_from_us_then_it_is_a_warning(name: str) -> None:
    policy = configure(method="call", restExclude=f"sdp,{name}")

    assert warnings(policy) == [("a", "restExclude")]


@pytest.mark.parametrize("when", ["session == null", "connectedAt < now"])
def test_given_what_only_a_session_has_in_a_policy_for_connect_then_it_is_an_error(
    when: str,
) -> None:
    assert errors(deny(method=["connect", "call"], when=when)) == [("a", "when")]


def test_given_known_in_a_policy_for_connect_then_it_is_a_warning() -> None:
    assert warnings(deny(method="connect", when="known")) == [("a", "when")]


@pytest.mark.parametrize("method", ["ConnectionStatusEvent", "@event", "*"])
def test_given_what_keeps_the_end_of_sessions_from_us_then_it_is_a_warning(method: str) -> None:
    assert warnings(configure(method=method, restPolicy="DISABLE")) == [("a", "restPolicy")]


@pytest.mark.parametrize("policy", ["NOTIFY", "OVERWRITE"])
def test_given_another_policy_for_the_end_of_sessions_then_there_is_no_warning(policy: str) -> None:
    assert warnings(configure(method="ConnectionStatusEvent", restPolicy=policy)) == []
