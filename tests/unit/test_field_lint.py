"""What can never work, since no hook has a field, or no session keeps it."""

import json
from typing import Any

import pytest

from local.demonstration import PAYLOADS
from simulated_wcs import bodies
from tests.unit.given import compiled, configure, deny, echo, errors, override, warnings
from wcs_hooks.core.hook_fields import FIELDS, FieldKind, kind_of, meant_by
from wcs_hooks.core.methods import CANONICAL_METHODS, METHODS
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.secrets import SECRET_FIELDS


def messages(*items: dict[str, Any], others: list[Requirement] | None = None) -> list[str]:
    """Each warning, as `attribute: message`."""
    compilation = compiled(*items, others=others or [])
    assert not compilation.errors
    return [f"{warning.attribute}: {warning.message}" for warning in compilation.warnings]


# --- What no session keeps ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("session.custom.token != 'abc'", "body.custom.token"),
        ("session['custom']['token'] != 'abc'", "body.custom.token"),
        ("has(session.custom.token)", "body.custom.token"),
        ("'token' in session.custom", "body.custom.token"),
        ("session.custom.token.startsWith('a')", "body.custom.token"),
        ("session.custom.account.password == 'x'", "body.custom.account.password"),
        ("session.sipLogin == '1001'", "body.sipLogin"),
        ("session.login == 'anna'", "body.login"),
        ("session['sdp'] != ''", "body.sdp"),
        ("session.sessionId == 'x'", "body.sessionId"),
        ("session.authToken == 'x'", "body.sessionId"),
        ("known && !(session.custom.token in ['a', 'b'])", "body.custom.token"),
    ],
)
def test_given_a_field_that_no_session_keeps_then_the_warning_says_where_it_is(
    when: str, said: str
) -> None:
    (warning,) = messages(deny(when=when))

    assert warning.startswith("when: session.")
    assert said in warning


@pytest.mark.parametrize("name", sorted(SECRET_FIELDS - {"sessionId", "login"}))
def test_given_any_field_that_is_left_out_as_a_secret_then_it_is_a_warning(name: str) -> None:
    assert warnings(deny(when=f"session.custom['{name}'] == 'x'")) == [("a", "when")]


def test_given_a_computed_field_by_what_no_session_keeps_then_the_warning_names_it() -> None:
    policy = override(compute={"custom": "session.custom.token", "name": "session.custom.name"})

    assert warnings(policy) == [("a", "compute.custom")]


@pytest.mark.parametrize(
    "when",
    [
        "session.custom.role != 'teacher'",
        "session.origin == 'https://example.org'",
        "session != null && session.custom.user == body.name",
        "body.custom.token == 'x'",
        "session.custom[body.name] == 'x'",
        "size(session.custom) > 1",
    ],
)
def test_given_what_a_session_may_have_then_there_is_no_warning(when: str) -> None:
    assert warnings(deny(when=when)) == []


def test_given_a_policy_that_is_off_then_its_fields_are_not_looked_at() -> None:
    assert warnings(deny(when="session.custom.token == body.sessionID", mode="off")) == []


# --- What can only be set as a whole ------------------------------------------------------------


@pytest.mark.parametrize(
    "policy", [override(set={"custom.role": 1}), override(compute={"a.b": "1"})]
)
def test_given_a_dotted_name_to_set_then_it_is_an_error(policy: dict[str, Any]) -> None:
    [(policy_id, attribute)] = errors(policy)

    assert (policy_id, attribute) in {("a", "set.custom.role"), ("a", "compute.a.b")}


@pytest.mark.parametrize("method", ["connect", "@incoming", ["call", "OnDataEvent"]])
def test_given_a_policy_for_hooks_that_name_no_stream_when_it_asks_for_one_then_that_is_said(
    method: Any,
) -> None:
    (warning,) = messages(deny(method=method, when="stream == 'x'"))

    assert warning.startswith("when: uses stream, which never has a value")
    assert messages(echo(method=["call", "playStream"], when="stream == 'x'")) == []


# --- What is withheld ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "attribute"),
    [
        (deny(when="body.name == 'x'"), "when"),
        (deny(match={"name": "x"}), "match.name"),
        (deny(match={"custom.role": "x"}), "match.custom.role"),
        (override(compute={"name": "body.name + '-1'"}), "compute.name"),
        (deny(when="stream == 'x'"), "when"),
    ],
)
def test_given_a_field_that_the_apps_own_policy_withholds_then_the_warning_names_both(
    policy: dict[str, Any], attribute: str
) -> None:
    withholding = configure(id="thin", restExclude="name,custom")

    (warning,) = messages(policy, withholding)

    assert warning.startswith(f"{attribute}: ")
    assert "'thin'" in warning


def test_given_a_field_that_the_policies_of_every_app_withhold_then_it_is_a_warning_too() -> None:
    (requirement,) = compiled(configure(restExclude="name"), app="*").requirements

    assert len(messages(deny(when="body.name == 'x'"), others=[requirement])) == 1


def test_given_a_policy_of_every_app_then_what_a_single_app_withholds_does_not_count() -> None:
    (requirement,) = compiled(configure(restExclude="name")).requirements
    found = compiled(deny(app="*", when="body.name == 'x'"), app="*", others=[requirement])

    assert found.warnings == ()


@pytest.mark.parametrize(
    ("policy", "withholding"),
    [
        (deny(when="body.name == 'x'"), configure(id="b", restExclude="sdp")),
        (deny(when="body.name == 'x'"), configure(id="b", method="call", restExclude="name")),
        (deny(when="size(body) > 3"), configure(id="b", restExclude="name")),
        (deny(when="body.name == 'x'"), configure(id="b", restExclude="name", mode="off")),
        (
            deny(method="connect", when="body.origin == 'x'"),
            configure(id="b", method="@connect", restExclude="origin"),
        ),
    ],
)
def test_given_what_still_comes_with_the_hook_then_there_is_no_warning(
    policy: dict[str, Any], withholding: dict[str, Any]
) -> None:
    assert warnings(policy, withholding) == []


# --- Values of another kind ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "attribute", "said"),
    [
        (deny(method="call", when="body.callee == 90001234"), "when", "quotes"),
        (deny(method="call", when="90001234 != body.callee"), "when", "quotes"),
        (deny(method="call", when="body.callee in ['1', 2]"), "when", "quotes"),
        (deny(method="call", when="body.callee > 1.5"), "when", "quotes"),
        (deny(method="call", match={"callee": 90001234}), "match.callee", "quotes"),
        (deny(method="call", match={"callee": ["1", 2, 3]}), "match.callee", "quotes"),
        (deny(when="body.width == '640'"), "when", "as a number"),
        (deny(match={"published": "true"}), "match.published", "true or false"),
        (override(compute={"record": "body.name == 5"}), "compute.record", "quotes"),
        (deny(when="session.origin == 5"), "when", "quotes"),
    ],
)
def test_given_a_value_of_another_kind_than_its_field_then_the_warning_says_what_to_write(
    policy: dict[str, Any], attribute: str, said: str
) -> None:
    (warning,) = messages(policy)

    assert warning.startswith(f"{attribute}: compares ")
    assert said in warning


@pytest.mark.parametrize(
    "policy",
    [
        deny(method="call", when="body.callee == '90001234'"),
        deny(when="body.width > 640.5"),
        deny(when="body.name == null"),
        deny(match={"name": None}),
        deny(when="body.custom.age == 5 && body.custom == 7"),
        deny(when="has(body.name) == true"),
        deny(when="size(body.name) == 5"),
        deny(method="connect", when="body.sipPort == 5060 || body.sipPort == '5060'"),
        echo(when="body.priority == 5", method="@direct"),
        deny(when="body.list.exists(name, name == 5)"),
    ],
)
def test_given_a_value_that_the_field_may_have_then_there_is_no_warning(
    policy: dict[str, Any],
) -> None:
    assert warnings(policy) == []


# --- Misspelt fields ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "attribute", "meant"),
    [
        (deny(when="body.sessionID == 'x'"), "when", "sessionId"),
        (deny(when="has(body.Name)"), "when", "name"),
        (deny(method="call", when="body.calle == 'x'"), "when", "callee"),
        (deny(method="call", match={"calee": "x"}), "match.calee", "callee"),
        (deny(method="connect", when="body.orgin == 'x'"), "when", "origin"),
        (deny(when="session.orgiin == 'x'"), "when", "origin"),
        (override(method="call", set={"calllee": "1"}), "set.calllee", "callee"),
        (override(method="call", compute={"callre": "'1'"}), "compute.callre", "caller"),
        (configure(restExclude="spd,nmae,widht"), "restExclude", "width"),
        (configure(method="@event", clientExclude="sipPasword"), "clientExclude", "sipPassword"),
    ],
)
def test_given_a_field_next_to_a_known_one_then_the_warning_says_which_is_meant(
    policy: dict[str, Any], attribute: str, meant: str
) -> None:
    (warning,) = messages(policy)

    assert warning.startswith(f"{attribute}: ")
    assert meant in warning.partition("mean ")[2]


@pytest.mark.parametrize(
    "policy",
    [
        deny(when="body.custom.sessionID == 'x' && body.custom.calle == 'y'"),
        deny(when="session.custom.orgin == 'x'"),
        deny(when="body.room == 'x' || body.a == 1 || body.nm == 'y'"),
        deny(when="body.callerId == 'x'", method="call"),
        deny(when="body.callee == 'x'"),
        deny(match={"custom.nmae": "x"}),
        override(set={"owner": "x"}),
        echo(method="*", when="body.names2 == 'x'"),
    ],
)
def test_given_a_field_that_is_far_from_any_known_one_then_there_is_no_warning(
    policy: dict[str, Any],
) -> None:
    assert warnings(policy) == []


# --- The table of fields ------------------------------------------------------------------------

_KINDS = {
    str: FieldKind.STRING,
    int: FieldKind.NUMBER,
    float: FieldKind.NUMBER,
    bool: FieldKind.BOOLEAN,
}


def _fits(method: str, name: str, value: Any) -> bool:
    return kind_of(name, [method]) in {FieldKind.ANY, _KINDS.get(type(value))}


@pytest.mark.parametrize("file", sorted(path.stem for path in PAYLOADS.glob("*.json")))
def test_given_a_body_that_the_vendor_prints_then_each_field_is_known_and_of_its_kind(
    file: str,
) -> None:
    method = file.partition("-")[0]
    body = json.loads((PAYLOADS / f"{file}.json").read_text())

    assert body.keys() - FIELDS[METHODS[method].canonical].keys() == set()
    assert [name for name, value in body.items() if not _fits(method, name, value)] == []


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("connect", bodies.web_connect() | bodies.rtmp_connect()),
        ("publishStream", bodies.stream(published=True, media_provider="WebRTC")),
        ("call", bodies.outgoing_call()),
        ("OnCallEvent", bodies.incoming_call()),
        ("playHLS", bodies.player("playHLS")),
        ("playRTSP", bodies.player("playRTSP")),
        *((name, bodies.direct(name)) for name in METHODS),
        *((name, bodies.incoming(name)) for name in ("OnMessageEvent", "OnTransferEvent")),
    ],
)
def test_given_a_body_that_the_simulated_wcs_sends_then_each_field_is_known_and_of_its_kind(
    method: str, body: dict[str, Any]
) -> None:
    assert body.keys() - FIELDS[METHODS[method].canonical].keys() == set()
    assert [name for name, value in body.items() if not _fits(method, name, value)] == []


def test_given_the_table_then_no_known_field_is_taken_for_another() -> None:
    known = {name for fields in FIELDS.values() for name in fields}

    assert [name for name in known if meant_by(name, CANONICAL_METHODS)] == []
