"""A policy's attributes, one by one: defaults, what is accepted, what is a mistake."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.given import NOW, compiled, configure, deny, echo, errors, item, override, warnings
from wcs_hooks.core.methods import CANONICAL_METHODS, METHODS, Category
from wcs_hooks.core.policy.reader import (
    ATTRIBUTES,
    Action,
    ClientConfig,
    Mode,
    Policy,
    WhenError,
    is_policy_id,
    read_policy,
)


def _read(attributes: dict[str, Any]) -> Policy:
    policy, findings = read_policy(attributes)
    assert not findings
    assert policy is not None
    return policy


def test_given_only_what_is_required_then_the_rest_has_its_default() -> None:
    policy = _read({"app": "*", "id": "a", "method": "publishStream", "action": "echo"})

    assert policy.app == "*"
    assert policy.id == "a"
    assert policy.methods == policy.named == ("publishStream",)
    assert policy.action is Action.ECHO
    assert policy.priority == 100
    assert policy.mode is Mode.ENFORCE
    assert (policy.match, policy.when, policy.set_json, policy.compute) == ({}, None, {}, {})
    assert (policy.status, policy.reason) == (403, "")
    assert (policy.not_before, policy.not_after) == (None, None)
    assert policy.client_config == ClientConfig()


def test_given_the_contract_then_these_are_the_attributes() -> None:
    expected = (
        "app id method action priority match when set compute status reason mode whenError "
        "notBefore notAfter hours lookup limit final restOnError restPolicy restOverwrite "
        "restExclude clientExclude note tokenIn form issuer audience keys algorithms leeway "
        "require required"
    )

    assert expected.split() == sorted(ATTRIBUTES, key=expected.split().index)


@pytest.mark.parametrize("name", ["Method", "prioritiy", "app_key", "set.name", "ttl", ""])
@pytest.mark.parametrize("value", ["", None, 1, {}])
def test_given_an_unknown_attribute_then_it_is_an_error_whatever_its_value(
    name: str, value: object
) -> None:
    assert errors(deny() | {name: value}) == [("a", name)]


_FOREIGN = [
    (echo(), "set compute status reason restOnError restPolicy"),
    (deny(), "set compute restOnError restPolicy restOverwrite restExclude clientExclude"),
    (override(set={"a": 1}), "status reason restOnError restOverwrite"),
    (configure(restOnError="FAIL"), "match when set compute status reason whenError"),
]


@pytest.mark.parametrize(
    ("policy", "foreign"),
    [(policy, name) for policy, names in _FOREIGN for name in names.split()],
    ids=lambda case: case if isinstance(case, str) else case["action"],
)
def test_given_an_attribute_of_another_action_then_it_is_an_error(
    policy: dict[str, Any], foreign: str
) -> None:
    sound = {
        "set": {"a": 1},
        "compute": {"b": "1"},
        "status": 404,
        "reason": "no",
        "match": {"a": 1},
        "when": "true",
        "whenError": "skip",
        "restOnError": "FAIL",
        "restPolicy": "OVERWRITE",
    }

    assert ("a", foreign) in errors(policy | {foreign: sound.get(foreign, "name")})


# --- method -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "methods"),
    [
        ("call", ("call",)),
        (["call", "answer"], ("call", "answer")),
        (["call", "call"], ("call",)),
        ("sendDtmf", ("sendDTMF",)),
        (["sendDTMF", "sendDtmf"], ("sendDTMF",)),
        ("submitBugReport", ("sendBugReport",)),
        ("ErrorStatusEvent", ("ErrorEvent",)),
        ("@connect", ("connect",)),
        ("@incoming", ("OnCallEvent", "OnMessageEvent", "OnTransferEvent")),
        (["OnCallEvent", "@connect"], ("OnCallEvent", "connect")),
        ("*", CANONICAL_METHODS),
    ],
)
def test_given_methods_then_the_policy_is_for_each_of_them_once(
    method: object, methods: tuple[str, ...]
) -> None:
    assert _read(echo(method=method)).methods == methods


@pytest.mark.parametrize(("category", "count"), [("direct", 24), ("event", 16), ("refusable", 24)])
def test_given_a_category_then_the_policy_is_for_all_its_methods(category: str, count: int) -> None:
    assert len(_read(echo(method=f"@{category}")).methods) == count


@pytest.mark.parametrize(
    "method",
    ["", [], None, 5, {"call": 1}, [5], ["call", ""], "@directs", "@", "@Direct", [["call"]]],
)
def test_given_what_is_no_method_then_it_is_an_error(method: object) -> None:
    assert errors(echo(method=method)) == [("a", "method")]


def test_given_no_method_at_all_then_it_is_an_error() -> None:
    assert errors({"app": "live", "id": "a", "action": "echo"}) == [("a", "method")]


@pytest.mark.parametrize("method", ["publishstream", "PublishStream", "newMethod", "call "])
def test_given_an_unknown_method_then_it_is_a_warning_and_the_rest_holds(method: str) -> None:
    policy = deny(method=[method, "call"])

    assert warnings(policy) == [("a", "method")]
    assert compiled(policy).policies[0].methods == ("call",)


# --- values of a kind ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "action"),
    [
        (echo(), Action.ECHO),
        (deny(), Action.DENY),
        (override(set={"a": 1}), Action.OVERRIDE),
        (configure(restOnError="FAIL"), Action.CONFIGURE),
    ],
)
def test_given_a_known_action_then_the_policy_has_it(
    policy: dict[str, Any], action: Action
) -> None:
    assert _read(policy).action is action


@pytest.mark.parametrize("action", ["refuse", "Deny", "", None, 5, ["deny"]])
def test_given_an_unknown_action_then_it_is_an_error(action: object) -> None:
    assert ("a", "action") in errors(item(action=action))


def test_given_no_action_then_it_is_an_error() -> None:
    assert errors(item()) == [("a", "action")]


@pytest.mark.parametrize("mode", list(Mode))
def test_given_a_known_mode_then_it_holds(mode: Mode) -> None:
    assert _read(deny(mode=str(mode))).mode is mode


@pytest.mark.parametrize("mode", ["on", "SHADOW", "", None, True])
def test_given_an_unknown_mode_then_it_is_an_error(mode: object) -> None:
    assert errors(deny(mode=mode)) == [("a", "mode")]


@pytest.mark.parametrize(
    ("policy", "when_error"),
    [
        (deny(when="true"), WhenError.MATCH),
        (echo(when="true"), WhenError.SKIP),
        (override(when="true", set={"a": 1}), WhenError.SKIP),
        (deny(when="true", whenError="skip"), WhenError.SKIP),
        (echo(when="true", whenError="match"), WhenError.MATCH),
    ],
)
def test_given_no_when_error_then_a_denial_matches_and_the_others_skip(
    policy: dict[str, Any], when_error: WhenError
) -> None:
    assert _read(policy).when_error is when_error


@pytest.mark.parametrize("value", ["deny", "", None, False])
def test_given_an_unknown_when_error_then_it_is_an_error(value: object) -> None:
    assert errors(deny(when="true", whenError=value)) == [("a", "whenError")]


@pytest.mark.parametrize("priority", [0, -5, 1.5, 100_000, 2**53])
def test_given_a_number_then_it_is_a_priority(priority: float) -> None:
    assert _read(deny(priority=priority)).priority == priority


@pytest.mark.parametrize("priority", ["1", None, True, [1], float("nan"), float("inf"), 2**53 + 1])
def test_given_what_is_no_number_then_it_is_no_priority(priority: object) -> None:
    assert errors(deny(priority=priority)) == [("a", "priority")]


@pytest.mark.parametrize("status", [400, 403, 404.0, 451, 500, 599])
def test_given_an_error_status_then_a_denial_has_it(status: float) -> None:
    read = _read(deny(status=status)).status

    assert read == status
    assert type(read) is int


@pytest.mark.parametrize("status", [200, 302, 399, 600, 0, -403, 403.5, "403", None, True])
def test_given_another_status_then_it_is_an_error(status: object) -> None:
    assert errors(deny(status=status)) == [("a", "status")]


@pytest.mark.parametrize("reason", [5, None, ["no"], True])
def test_given_a_reason_that_is_no_text_then_it_is_an_error(reason: object) -> None:
    assert errors(deny(reason=reason)) == [("a", "reason")]


def test_given_a_reason_then_it_has_1024_characters_at_most() -> None:
    assert _read(deny(reason="ü" * 1024)).reason == "ü" * 1024
    assert errors(deny(reason="ü" * 1025)) == [("a", "reason")]


@pytest.mark.parametrize("note", [5, None, {}])
def test_given_a_note_that_is_no_text_then_it_is_an_error(note: object) -> None:
    assert errors(deny(note=note)) == [("a", "note")]


def test_given_a_note_then_the_policy_is_what_it_was() -> None:
    assert _read(deny(note="ticket 5\nsee there " * 100)) == _read(deny())


# --- window -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2030-01-01T12:00:00Z", NOW),
        ("2030-01-01T12:00:00", NOW),
        ("2030-01-01T13:00:00+01:00", NOW),
        ("2030-01-01T12:00:00.500Z", NOW + 0.5),
        ("2030-01-01 12:00:00Z", NOW),
        ("2030-01-01", NOW - 12 * 3600),
        ("20300101T120000Z", NOW),
    ],
)
def test_given_an_iso_8601_time_then_it_is_that_instant_and_utc_where_it_does_not_say(
    text: str, instant: float
) -> None:
    policy = _read(deny(notBefore=text, notAfter="9999-01-01"))

    assert policy.not_before == instant


@pytest.mark.parametrize("attribute", ["notBefore", "notAfter"])
@pytest.mark.parametrize(
    "value", ["tomorrow", "", "2030-13-01", "1/2/2030", 1_893_499_200, True, ["2030-01-01"]]
)
def test_given_what_is_no_time_then_it_is_an_error(attribute: str, value: object) -> None:
    assert errors(deny() | {attribute: value}) == [("a", attribute)]


# --- what is empty ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        *((name, None) for name in ("when", "match", "notBefore", "notAfter", "priority", "mode")),
        *((name, None) for name in ("whenError", "status", "reason", "note")),
        *((name, "") for name in ("when", "notBefore", "notAfter", "mode", "whenError", "status")),
        ("when", " \n"),
        ("match", {}),
        ("match", []),
        ("match", ""),
        ("priority", []),
    ],
)
def test_given_a_denial_with_something_left_blank_then_that_is_an_error_that_says_what_to_do(
    attribute: str, value: object
) -> None:
    [error] = compiled(deny() | {attribute: value}).errors

    assert (error.policy, error.attribute) == ("a", attribute)
    assert error.message.startswith("is empty: remove it, or give ")


@pytest.mark.parametrize(
    ("item", "attribute"),
    [
        (override(set={"a": 1}, compute=None), "compute"),
        (override(set={"a": 1}, compute={}), "compute"),
        (override(set={"a": 1}, compute=""), "compute"),
        (override(compute={"a": "1"}, set=None), "set"),
        (override(compute={"a": "1"}, set={}), "set"),
        (override(compute={"a": "1"}, set=[]), "set"),
        (override(compute={"a": None}), "compute.a"),
        *(
            (configure(restOnError="FAIL") | {name: value}, name)
            for name in ("restPolicy", "restOverwrite", "restExclude", "clientExclude")
            for value in (None, "")
        ),
    ],
)
def test_given_another_policy_with_something_left_blank_then_that_is_an_error(
    item: dict[str, Any], attribute: str
) -> None:
    assert errors(item) == [("a", attribute)]


@pytest.mark.parametrize("attribute", ["method", "action"])
@pytest.mark.parametrize("value", [None, "", []])
def test_given_what_is_required_left_blank_then_one_error_says_that_it_is(
    attribute: str, value: object
) -> None:
    [error] = compiled(deny() | {attribute: value}).errors

    assert error.attribute == attribute
    assert "is required" in error.message


def test_given_values_that_are_empty_then_they_are_values() -> None:
    empty: dict[str, Any] = {"a": None, "b": "", "c": [[]], "d": {}}

    policy = _read(override(match=empty, set=empty, note=""))

    assert policy.match == {"a": (None,), "b": ("",), "c": ([],), "d": ({},)}
    assert policy.set_json == {"a": "null", "b": '""', "c": "[[]]", "d": "{}"}
    assert _read(deny(reason="")).reason == ""


# --- match --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "alternatives"),
    [
        ("teacher", ("teacher",)),
        (["a", "b"], ("a", "b")),
        (5, (5,)),
        (False, (False,)),
        ({"role": "x"}, ({"role": "x"},)),
        ([["a"]], (["a"],)),
        ([None], (None,)),
        ("", ("",)),
    ],
)
def test_given_a_value_or_a_list_then_match_holds_the_alternatives(
    value: object, alternatives: tuple[object, ...]
) -> None:
    assert _read(deny(match={"custom.role": value})).match == {"custom.role": alternatives}


def test_given_null_as_a_value_then_match_holds_it() -> None:
    assert _read(deny(match={"login": None})).match == {"login": (None,)}


@pytest.mark.parametrize("value", [[0] * 1001, {"a": [[0]] * 500}])
def test_given_a_match_for_what_holds_too_many_values_then_it_is_an_error(value: object) -> None:
    assert errors(deny(match={"name": [value]})) == [("a", "match.name")]


def test_given_a_match_with_many_alternatives_then_it_is_in_order() -> None:
    assert errors(deny(match={"name": ["x"] * 5000})) == []


@pytest.mark.parametrize("match", ["name", 5, ["name"], True])
def test_given_a_match_that_is_no_map_then_it_is_an_error(match: object) -> None:
    assert errors(deny(match=match)) == [("a", "match")]


def test_given_a_match_without_values_then_it_is_an_error() -> None:
    assert errors(deny(match={"name": []})) == [("a", "match.name")]


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b"])
def test_given_what_is_no_path_then_it_is_an_error(path: str) -> None:
    assert errors(deny(match={path: "x"})) == [("a", f"match.{path}")]


@pytest.mark.parametrize("value", [b"x", float("nan"), [float("inf")], {"a": b"x"}])
def test_given_a_match_for_what_json_does_not_have_then_it_is_an_error(value: object) -> None:
    assert errors(deny(match={"name": value})) == [("a", "match.name")]


def _lists(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("attribute", "policy"),
    [
        ("match.a", lambda value: deny(match={"a": [value]})),
        ("set.a", lambda value: override(set={"a": value})),
    ],
)
def test_given_a_value_then_it_is_nested_32_levels_deep_at_most(
    attribute: str, policy: Callable[[Any], dict[str, Any]]
) -> None:
    assert not errors(policy(_lists(31)))
    assert errors(policy(_lists(32))) == [("a", attribute)]


# --- when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["1", "'x'", "now", "[true]", "null", "body"])
def test_given_a_condition_that_is_never_boolean_then_it_is_an_error(when: str) -> None:
    assert errors(deny(when=when)) == [("a", "when")]


@pytest.mark.parametrize("when", ["true", "body.flag", "known", "body.a == 1 || body.b"])
def test_given_a_condition_that_may_be_boolean_then_it_holds(when: str) -> None:
    assert _read(deny(when=when)).when is not None


@pytest.mark.parametrize("when", ["", "body.name.startsWith(", "nobody", 5, True, ["true"]])
def test_given_what_is_no_condition_then_it_is_an_error(when: object) -> None:
    assert errors(deny(when=when)) == [("a", "when")]


def test_given_bad_cel_then_the_error_shows_where_with_the_compilers_own_caret() -> None:
    (error,) = compiled(deny(when="body.name == nobody")).errors

    assert error.message == (
        "<input>:1:14: undeclared reference to 'nobody' (in container '')\n"
        " | body.name == nobody\n"
        " | .............^"
    )


# --- set and compute ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["x", 5, 1.5, True, None, [1, {"a": None}], {}])
def test_given_any_json_value_then_an_override_may_set_it(value: object) -> None:
    assert list(_read(override(set={"custom": value})).set_json) == ["custom"]


def test_given_a_value_to_set_then_its_text_is_compact_json() -> None:
    assert _read(override(set={"a": {"b": [1, "ü"]}})).set_json == {"a": '{"b":[1,"ü"]}'}


def test_given_set_and_compute_then_the_override_has_the_fields_of_both() -> None:
    assert _read(override(set={"a": 1}, compute={"b": "body.b"})).fields == ("a", "b")


@pytest.mark.parametrize(
    ("nothing", "attributes"),
    [
        ({}, ["set"]),
        ({"set": {}}, ["set"]),
        ({"compute": {}}, ["compute"]),
        ({"set": {}, "compute": {}}, ["compute", "set"]),
    ],
)
def test_given_an_override_of_nothing_then_it_is_an_error(
    nothing: dict[str, Any], attributes: list[str]
) -> None:
    assert errors(override(**nothing)) == [("a", attribute) for attribute in attributes]


def test_given_a_field_to_compute_by_no_expression_then_it_is_an_error() -> None:
    assert errors(override(compute={"name": None})) == [("a", "compute.name")]


@pytest.mark.parametrize("source", ["body.name +", 5, True, ["1"], "now", "b'x'"])
def test_given_what_computes_no_json_then_it_is_an_error(source: object) -> None:
    assert errors(override(compute={"name": source})) == [("a", "compute.name")]


@pytest.mark.parametrize("attribute", ["set", "compute"])
@pytest.mark.parametrize("value", ["name", 5, ["name"]])
def test_given_fields_that_are_no_map_then_it_is_an_error(attribute: str, value: object) -> None:
    assert ("a", attribute) in errors(override() | {attribute: value})


@pytest.mark.parametrize("attribute", ["set", "compute"])
@pytest.mark.parametrize("name", ["restClientConfig", "a,b", " a", "a ", ""])
def test_given_a_field_that_no_override_may_name_then_it_is_an_error(
    attribute: str, name: str
) -> None:
    assert errors(override() | {attribute: {name: "'x'"}}) == [("a", f"{attribute}.{name}")]


def test_given_a_field_both_set_and_computed_then_it_is_an_error() -> None:
    assert errors(override(set={"a": 1}, compute={"a": "1"})) == [("a", "compute.a")]


@pytest.mark.parametrize("value", [b"x", float("nan"), {"a": [float("inf")]}])
def test_given_a_value_that_json_does_not_have_then_to_set_it_is_an_error(value: object) -> None:
    assert errors(override(set={"a": value})) == [("a", "set.a")]


def test_given_half_a_character_then_to_set_it_is_an_error_since_no_reply_could_hold_it() -> None:
    assert errors(override(set={"a": "\ud800"})) == [("a", "set.a")]


@pytest.mark.parametrize("attribute", ["set", "compute"])
@pytest.mark.parametrize("name", ["sessionId", "nodeId", "appKey", "mediaSessionId", "callId"])
def test_given_an_override_of_what_identifies_then_it_is_a_warning(
    attribute: str, name: str
) -> None:
    assert warnings(override() | {attribute: {name: "'x'"}}) == [("a", f"{attribute}.{name}")]


# --- configure ----------------------------------------------------------------------------------


def test_given_a_configuration_then_its_lists_are_lists() -> None:
    policy = configure(
        restOnError="FAIL",
        restPolicy="OVERWRITE",
        restOverwrite="name,custom",
        restExclude="sdp",
        clientExclude="sipPassword,token",
    )

    assert _read(policy).client_config == ClientConfig(
        "FAIL", "OVERWRITE", ("name", "custom"), ("sdp",), ("sipPassword", "token")
    )


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("restOnError", "fail"),
        ("restOnError", "DISABLE"),
        ("restOnError", 5),
        ("restPolicy", "FAIL"),
        ("restPolicy", ["NOTIFY"]),
        ("restExclude", "a, b"),
        ("restExclude", "a b"),
        ("restExclude", "a,,b"),
        ("restExclude", ["a"]),
        ("clientExclude", "a,"),
        ("clientExclude", 5),
    ],
)
def test_given_a_configuration_wcs_does_not_know_then_it_is_an_error(
    attribute: str, value: object
) -> None:
    assert ("a", attribute) in errors(configure() | {attribute: value})


@pytest.mark.parametrize("policy", ["NOTIFY", "DISABLE"])
def test_given_fields_to_overwrite_that_the_policy_ignores_then_it_is_an_error(policy: str) -> None:
    assert errors(configure(restPolicy=policy, restOverwrite="name")) == [("a", "restOverwrite")]


def test_given_a_configuration_of_nothing_then_it_is_an_error() -> None:
    assert len(errors(configure())) == 1


# --- several ------------------------------------------------------------------------------------


def test_given_several_mistakes_then_all_of_them_are_told_at_once() -> None:
    wrong = deny(method="@nobody", when="1 +", status=200, mode="on", colour="red")

    assert {attribute for _, attribute in errors(wrong)} == {
        "method",
        "when",
        "status",
        "mode",
        "colour",
    }


@pytest.mark.parametrize(
    ("item_id", "is_policy"),
    [("a", True), ("", True), ("a#", True), ("#status", False), ("#", False)],
)
def test_given_an_id_then_those_with_a_hash_are_the_systems(
    item_id: str, *, is_policy: bool
) -> None:
    assert is_policy_id(item_id) is is_policy


def test_given_each_category_then_it_can_be_named() -> None:
    assert not errors(echo(method=[f"@{category}" for category in Category]))


def test_given_the_refusable_calls_when_all_are_denied_then_only_what_ends_things_goes_on() -> None:
    item = deny(method="@refusable")

    left = {"hangup", "unPublishStream", "stopStream"}
    assert set(_read(item).methods) == {
        name
        for name in CANONICAL_METHODS
        if METHODS[name].category in {Category.DIRECT, Category.INCOMING} and name not in left
    }
    assert not warnings(item)
