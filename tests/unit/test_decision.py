"""The decision: which policies apply to a hook, and what they make of it."""

import json
import zlib
from typing import Any

import pytest

from tests.unit.given import (
    DAY,
    NOW,
    TOMORROW,
    YESTERDAY,
    compiled,
    decided,
    deny,
    echo,
    override,
    snapshot,
)
from wcs_hooks.core.decision import ECHO, UNKNOWN_SESSION, Denial, Session, Step, Verdict
from wcs_hooks.core.snapshot import Snapshot

_NAMED = {"appKey": "live", "name": "private-1"}
_PRIVATE = "body.name.startsWith('private-')"


# --- verdicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("snapshots", [[], [snapshot()], [snapshot(echo(method="call"))]])
def test_given_no_policy_for_the_method_then_the_hook_is_echoed(snapshots: Any) -> None:
    assert decided(snapshots, _NAMED) == ECHO


def test_given_a_denial_that_holds_then_it_says_who_refuses_and_why() -> None:
    found = decided(snapshot(deny(id="no", status=404, reason="Not here"), version=7), _NAMED)

    assert found.verdict is Verdict.DENY
    assert found.denial == Denial("no", "live", 7, 404, "Not here")
    assert found.applied == ("live/no",)
    assert found.fields is None


def test_given_a_denial_of_every_app_then_its_own_version_is_told() -> None:
    layers = [snapshot(version=3), snapshot(deny(app="*"), app="*", version=9)]

    found = decided(layers, _NAMED)

    assert found.denial == Denial("a", "*", 9, 403, "")
    assert found.applied == ("*/a",)


def test_given_an_override_then_its_fields_are_json_texts() -> None:
    found = decided(
        snapshot(
            override(
                set={"record": True, "custom": {"a": [1]}}, compute={"name": "'x-' + body.name"}
            )
        ),
        _NAMED,
    )

    assert found.verdict is Verdict.OVERRIDE
    assert found.fields == {"record": "true", "custom": '{"a":[1]}', "name": '"x-private-1"'}
    assert found.applied == ("live/a",)


@pytest.mark.parametrize("ends", [echo(id="b"), deny(id="b")])
def test_given_an_echo_or_a_denial_then_the_evaluation_ends_there(ends: dict[str, Any]) -> None:
    found = decided(
        snapshot(
            ends | {"priority": 2},
            deny(id="c", priority=3),
            override(id="d", priority=4, set={"a": 1}),
        ),
        _NAMED,
    )

    assert found.applied == ("live/b",)
    assert found.fields is None


def test_given_an_echo_before_a_denial_then_the_hook_is_echoed_and_its_policy_is_known() -> None:
    found = decided(snapshot(echo(priority=1, when=_PRIVATE), deny(id="b")), _NAMED)

    assert found.verdict is Verdict.ECHO
    assert found.applied == ("live/a",)


def test_given_overrides_then_they_accumulate_and_an_earlier_one_wins_a_field() -> None:
    found = decided(
        snapshot(
            override(id="z", priority=1, set={"a": 1}),
            override(id="y", priority=2, set={"a": 2, "b": 2}),
            override(id="x", priority=3, compute={"a": "3", "b": "3", "c": "3"}),
        ),
        _NAMED,
    )

    assert found.fields == {"a": "1", "b": "2", "c": "3"}
    assert found.applied == ("live/z", "live/y", "live/x")


def test_given_an_override_before_an_echo_then_what_it_set_holds() -> None:
    found = decided(
        snapshot(
            override(priority=1, set={"a": 1}),
            echo(id="b", priority=2),
            override(id="c", priority=3, when="body.name != ''", set={"b": 1}),
        ),
        _NAMED,
    )

    assert found.verdict is Verdict.OVERRIDE
    assert found.fields == {"a": "1"}
    assert found.applied == ("live/a", "live/b")


def test_given_an_override_before_a_denial_then_the_hook_is_denied() -> None:
    found = decided(snapshot(override(priority=1, set={"a": 1}), deny(id="b", priority=2)), _NAMED)

    assert found.verdict is Verdict.DENY
    assert found.fields is None


# --- order --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policies", "winner"),
    [
        ([{"id": "z", "priority": 1}, {"id": "a", "priority": 2}], "live/z"),
        ([{"id": "z", "priority": -1.5}, {"id": "a", "priority": -1}], "live/z"),
        ([{"id": "b"}, {"id": "a"}], "live/a"),
        ([{"id": "b", "priority": 100}, {"id": "c"}], "live/b"),
        ([{"id": "b"}, {"id": "a", "app": "*"}], "live/b"),
        ([{"id": "b", "priority": 101}, {"id": "a", "app": "*"}], "*/a"),
        ([{"id": "10"}, {"id": "9"}], "live/10"),
        ([{"id": "b"}, {"id": "B"}], "live/B"),
    ],
)
def test_given_policies_that_hold_then_priority_app_and_id_decide_in_that_order(
    policies: list[dict[str, Any]], winner: str
) -> None:
    # Each with a condition of its own, so that none is in the way of another.
    items = [deny(when="body.name != ''") | policy for policy in policies]
    own = snapshot(*[item for item in items if item["app"] == "live"])
    every = snapshot(*[item for item in items if item["app"] == "*"], app="*")

    assert decided([own, every], _NAMED).applied == (winner,)


def test_given_two_layers_then_their_policies_take_turns_by_priority() -> None:
    own = snapshot(*[override(id=f"o{n}", priority=n, set={"a": n}) for n in (1, 3, 5)])
    every = snapshot(
        *[override(id=f"e{n}", app="*", priority=n, set={"a": n}) for n in (0, 3, 4)], app="*"
    )

    assert decided([own, every], _NAMED).applied == (
        "*/e0",
        "live/o1",
        "live/o3",
        "*/e3",
        "*/e4",
        "live/o5",
    )


# --- match --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "body", "holds"),
    [
        ({"name": "a"}, {"name": "a"}, True),
        ({"name": "a"}, {"name": "A"}, False),
        ({"name": "a"}, {}, False),
        ({"name": "a"}, {"name": None}, False),
        ({"name": ["a", "b"]}, {"name": "b"}, True),
        ({"name": ["a", "b"]}, {"name": ["a", "b"]}, False),
        ({"name": [["a", "b"]]}, {"name": ["a", "b"]}, True),
        ({"name": [None]}, {"name": None}, True),
        ({"name": [None]}, {}, False),
        ({"n": 5}, {"n": 5.0}, True),
        ({"n": 5.5}, {"n": 5.5}, True),
        ({"n": 1}, {"n": True}, False),
        ({"n": False}, {"n": 0}, False),
        ({"n": "5"}, {"n": 5}, False),
        ({"n": 10**30}, {"n": 10**30}, True),
        ({"n": int("7" * 30)}, {"n": int("7" * 30)}, True),
        ({"custom.role": "t"}, {"custom": {"role": "t"}}, True),
        ({"custom.role": "t"}, {"custom.role": "t"}, True),
        ({"custom.role": "t"}, {"custom": "role"}, False),
        ({"custom.role": "t"}, {"custom": {}}, False),
        ({"custom": {"role": "t"}}, {"custom": {"role": "t"}}, True),
        ({"custom": {"role": "t"}}, {"custom": {"role": "t", "x": 1}}, False),
        ({"name": "a", "n": [1, 2]}, {"name": "a", "n": 2}, True),
        ({"name": "a", "n": [1, 2]}, {"name": "a", "n": 3}, False),
        ({"name": "a", "n": [1, 2]}, {"name": "b", "n": 2}, False),
        ({"name": "a", "n": [1, 2]}, {"n": 2}, False),
        ({"name": ["a", "b"], "n": 1}, {"name": "a"}, False),
        ({"name": "a", "custom.role": "t"}, {"name": "a", "custom": 5}, False),
    ],
)
def test_given_exact_values_then_the_policy_applies_if_all_of_them_are_equal(
    match: dict[str, Any], body: dict[str, Any], *, holds: bool
) -> None:
    assert (decided(snapshot(deny(match=match)), body).denial is not None) is holds


# --- when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (_PRIVATE, True),
        ("body.name == 'public'", False),
        ("method == 'publishStream'", True),
        ("category == 'direct'", True),
        ("app == 'live'", True),
        ("now == timestamp('2030-01-01T12:00:00Z')", True),
        ("now.getHours() == 12", True),
        ("session == null", True),
        ("!known", True),
        ("'name' in body", True),
        ("body.missing == 1", False),
        ("body.name", False),
    ],
)
def test_given_a_condition_then_it_sees_the_hook(when: str, *, holds: bool) -> None:
    policy = deny(when=when, whenError="skip")

    assert (decided(snapshot(policy), _NAMED).denial is not None) is holds


@pytest.mark.parametrize(
    ("match", "when", "holds"),
    [("private-1", "true", True), ("x", "true", False), ("private-1", "false", False)],
)
def test_given_match_and_when_then_both_must_hold(match: str, when: str, *, holds: bool) -> None:
    policy = deny(match={"name": match}, when=when)

    assert (decided(snapshot(policy), _NAMED).denial is not None) is holds


def test_given_conditions_of_two_layers_then_each_sees_what_it_asks_for() -> None:
    layers = [
        snapshot(deny(id="own", when="body.name == 'x' && body.width > 1")),
        snapshot(deny(app="*", id="all", when="app == 'live' && body.size() == 3"), app="*"),
    ]

    assert decided(layers, {**_NAMED, "width": 2}).applied == ("*/all",)
    assert decided(layers, {"name": "x", "width": 2}).applied == ("live/own",)
    assert decided(layers, {"name": "x"}).failures


def test_given_a_hook_under_the_other_spelling_then_the_condition_sees_it_as_wcs_sent_it() -> None:
    policy = deny(method="sendDTMF", when="method == 'sendDtmf'")

    assert decided(snapshot(policy), {}, method="sendDtmf").verdict is Verdict.DENY
    assert decided(snapshot(policy), {}, method="sendDTMF").verdict is Verdict.ECHO


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (deny(), Verdict.DENY),
        (deny(whenError="skip"), Verdict.ECHO),
        (override(set={"a": 1}), Verdict.ECHO),
        (override(set={"a": 1}, whenError="match"), Verdict.OVERRIDE),
    ],
)
@pytest.mark.parametrize("when", ["body.missing == 1", "body.name", "body.zero / 0 == 1"])
def test_given_a_condition_without_a_value_then_when_error_decides_and_it_is_told(
    policy: dict[str, Any], verdict: Verdict, when: str
) -> None:
    found = decided(snapshot(policy | {"when": when}), _NAMED | {"zero": 0})

    assert found.verdict is verdict
    assert [(failure.policy, failure.attribute) for failure in found.failures] == [("a", "when")]
    assert found.failures[0].message


def test_given_an_echo_whose_condition_has_no_value_then_the_next_policy_decides() -> None:
    policies = [echo(priority=1, when="body.missing"), deny(id="b")]

    assert decided(snapshot(*policies), _NAMED).applied == ("live/b",)


# --- compute ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("body.name", '"private-1"'),
        ("body.n + 1", "3"),
        ("double(body.n)", "2.0"),
        ("null", "null"),
        ("body.missing", None),
        ("dyn(now)", None),
        ("[now]", None),
        ("{'a': b'x'}", None),
        ("body.inf", None),
        ("0.0 / 0.0", None),
        ("body.name.startsWith('private-')", "true"),
    ],
)
def test_given_a_computed_field_then_it_is_json_or_the_override_does_not_apply(
    source: str, text: str | None
) -> None:
    body = b'{"name":"private-1","n":2,"inf":1e400}'

    found = decided(snapshot(override(set={"x": 1}, compute={"name": source})), body)

    if text is None:
        assert found.verdict is Verdict.ECHO
        assert found.applied == ()
        assert [failure.attribute for failure in found.failures] == ["compute.name"]
    else:
        assert found.fields == {"x": "1", "name": text}
        assert not found.failures


def test_given_one_field_without_a_value_then_other_overrides_still_apply() -> None:
    found = decided(
        snapshot(
            override(priority=1, compute={"a": "1", "b": "body.missing"}),
            override(id="b", priority=2, set={"a": 2}),
        ),
        _NAMED,
    )

    assert found.fields == {"a": "2"}
    assert found.applied == ("live/b",)


# --- modes and windows --------------------------------------------------------------------------


def test_given_a_shadow_denial_then_it_is_counted_and_the_evaluation_goes_on() -> None:
    found = decided(
        snapshot(deny(mode="shadow", priority=1), override(id="b", set={"a": 1})), _NAMED
    )

    assert found.shadow_denied == ("live/a",)
    assert found.verdict is Verdict.OVERRIDE
    assert found.applied == ("live/b",)


def test_given_a_shadow_override_then_it_is_counted_and_changes_nothing() -> None:
    found = decided(
        snapshot(
            override(mode="shadow", priority=1, set={"a": 1}),
            override(id="b", priority=2, set={"a": 2}),
        ),
        _NAMED,
    )

    assert found.shadow_overridden == ("live/a",)
    assert found.fields == {"a": "2"}


def test_given_a_shadow_echo_then_it_keeps_no_denial_from_holding() -> None:
    found = decided(snapshot(echo(mode="shadow", priority=1), deny(id="b")), _NAMED)

    assert found.denial is not None
    assert (found.shadow_denied, found.shadow_overridden) == ((), ())


def test_given_only_shadow_policies_then_the_hook_is_echoed() -> None:
    found = decided(snapshot(deny(mode="shadow")), _NAMED)

    assert (found.verdict, found.denial, found.applied) == (Verdict.ECHO, None, ())


def test_given_a_policy_that_is_off_then_it_is_not_even_considered() -> None:
    steps: list[Step] = []

    found = decided(snapshot(deny(mode="off")), _NAMED, trace=steps.append)

    assert found == ECHO
    assert not steps


@pytest.mark.parametrize(
    ("window", "now", "holds"),
    [
        ({"notBefore": TOMORROW}, NOW, False),
        ({"notBefore": TOMORROW}, NOW + DAY, True),
        ({"notAfter": TOMORROW}, NOW + DAY, True),
        ({"notAfter": TOMORROW}, NOW + DAY + 0.001, False),
        ({"notBefore": YESTERDAY, "notAfter": TOMORROW}, NOW, True),
        ({"notAfter": YESTERDAY}, NOW, False),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_given_a_window_then_the_policy_holds_from_its_first_instant_to_its_last(
    window: dict[str, str], now: float, mode: str, *, holds: bool
) -> None:
    found = decided(snapshot(deny(mode=mode, **window)), _NAMED, now=now)

    assert bool(found.denial or found.shadow_denied) is holds


# --- session ------------------------------------------------------------------------------------


def _never() -> Session:
    pytest.fail("nobody asked for the session")


def test_given_a_known_session_then_conditions_see_its_connect() -> None:
    policy = deny(when="known && session.custom.role != 'teacher'")
    in_force = snapshot(policy)

    pupil = decided(in_force, _NAMED, session=lambda: Session({"custom": {"role": "pupil"}}))
    teacher = decided(in_force, _NAMED, session=lambda: Session({"custom": {"role": "teacher"}}))

    assert pupil.verdict is Verdict.DENY
    assert teacher.verdict is Verdict.ECHO


def test_given_an_unknown_session_then_it_is_null() -> None:
    policy = deny(when="session == null && !known")

    assert decided(snapshot(policy), _NAMED, session=lambda: UNKNOWN_SESSION).denial is not None


def test_given_several_policies_that_ask_for_the_session_then_it_is_fetched_once() -> None:
    fetched: list[None] = []

    def fetch() -> Session:
        fetched.append(None)
        return UNKNOWN_SESSION

    decided(
        snapshot(deny(when="known"), deny(id="b", when="session != null")), _NAMED, session=fetch
    )

    assert len(fetched) == 1


@pytest.mark.parametrize(
    "policy",
    [
        deny(when="body.session == 'x'"),
        deny(match={"name": "other"}, when="known"),
        deny(notBefore=TOMORROW, when="known"),
        deny(method="call", when="known"),
        deny(),
    ],
)
def test_given_no_policy_that_could_apply_and_asks_for_it_then_the_session_is_not_fetched(
    policy: dict[str, Any],
) -> None:
    decided(snapshot(policy), _NAMED, session=_never)


# --- hostile hooks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "when", "holds"),
    [
        (b'{"name":"live\\u0000x"}', "body.name == 'live'", False),
        (b'{"name":"\\ud800"}', "body.name == '\ufffd'", True),
        (b'{"name":"\\ud800"}', "body.name.size() == 1", True),
        (b'{"n":123456789012345678901234567890}', "body.n > 1e29", True),
        (b'{"n":9223372036854775807}', "body.n == 9223372036854775807", True),
        (b'{"n":1e400}', "body.n > 1e308", True),
        (b'{"n":1,"n":2}', "body.n == 2", True),
        (b'{"appKey":"live\\u0000x"}', "app == 'live'", False),
        (b'{"appKey":"\\ud800"}', "app == 'live'", False),
        (b'{"appKey":"\\ud800"}', "app != 'live'", True),
        (b'{"appKey":5}', "app == ''", True),
        (b'{"a":' + b"[" * 63 + b"]" * 63 + b"}", "body.a.size() == 1", True),
        (b'{"a":"' + b"x" * 65_528 + b'"}', "body.a.size() == 65528", True),
    ],
    ids=range(13),
)
def test_given_a_hostile_body_when_a_condition_sees_it_then_it_has_an_answer(
    body: bytes, when: str, *, holds: bool
) -> None:
    found = decided(snapshot(deny(app="*", when=when), app="*"), body)

    assert not found.failures
    assert (found.denial is not None) is holds


@pytest.mark.parametrize(
    ("app", "seen"), [("a\\u0000b", "a\ufffdb"), ("\\udfff", "\ufffd"), ("\\ud83d\\ude00", "😀")]
)
def test_given_a_hostile_app_key_when_a_field_is_computed_of_it_then_the_reply_can_hold_it(
    app: str, seen: str
) -> None:
    policy = override(app="*", compute={"custom": "app"})

    found = decided(snapshot(policy, app="*"), b'{"appKey":"%s"}' % app.encode())

    assert found.fields == {"custom": f'"{seen}"'}


_TOO_LARGE = b'{"appKey":"live","name":"b4e7","a":"' + b"x" * 65_536 + b'"}'
_TOO_MANY = b'{"appKey":"live","name":"b4e7","a":[' + b"1," * 500 + b"1]}"


@pytest.mark.parametrize("body", [_TOO_LARGE, _TOO_MANY], ids=["bytes", "values"])
@pytest.mark.parametrize(
    ("when", "when_error", "denied"),
    [
        ("body.a == 'other'", "match", True),
        ("body.a != 'other'", "skip", False),
        ("has(body.a)", "skip", False),
        ("body.name == 'other' && body.a != 'x'", "match", True),
        ("size(body) == 9", "match", True),
        ("body[method] == 'x'", "skip", False),
        ("body.name == 'other' || body.all(name, true)", "match", True),
    ],
)
def test_given_a_field_too_large_when_a_condition_can_see_it_then_when_error_decides(
    when: str, when_error: str, body: bytes, *, denied: bool
) -> None:
    in_force = snapshot(deny(when=when, whenError=when_error))

    found = decided(in_force, body, session=lambda: Session({}))

    assert (found.denial is not None) is denied
    assert [f"{len(body):,}" in failure.message for failure in found.failures] == [True]


@pytest.mark.parametrize("body", [_TOO_LARGE, _TOO_MANY], ids=["bytes", "values"])
@pytest.mark.parametrize("others", [(), ("has(body.a)",), ("size(body) == 9",)])
@pytest.mark.parametrize(
    ("when", "denied"),
    [
        ("body.name == 'other'", False),
        ("body.name == 'b4e7'", True),
        ("body['name'].matches('^b4')", True),
        ("has(body.absent)", False),
        ("'absent' in body", False),
        ("app == 'other'", False),
        ("app == 'live' && body.name.size() == 4", True),
        ("known", True),
        ("method == 'publishStream'", True),
    ],
)
def test_given_a_field_too_large_when_a_condition_cannot_see_it_then_it_has_its_value(
    when: str, others: tuple[str, ...], body: bytes, *, denied: bool
) -> None:
    in_force = snapshot(
        *(deny(id=f"b{n}", mode="shadow", priority=1, when=one) for n, one in enumerate(others)),
        deny(when=when),
    )

    found = decided(in_force, body, session=lambda: Session({}))

    assert (found.denial is not None) is denied
    assert [failure.policy for failure in found.failures] == ["b0"] * len(others)


def test_given_fields_too_large_together_when_a_condition_sees_them_then_it_has_no_value() -> None:
    body = {"a": "x" * 40_000, "b": "y" * 40_000, "c": "z"}
    both = deny(when="body.a == body.b", whenError="skip")
    apart = [deny(when="body.a == body.c"), deny(id="b", when="body.b == 'x'")]

    assert decided(snapshot(both), body).failures
    assert not decided(snapshot(*apart), body).failures


def test_given_a_large_body_of_odd_characters_when_a_condition_sees_a_field_then_as_ever() -> None:
    body = b'{"name":"a\\u0000b","n":12345678901234567891,"a":"' + b"\\ud800" * 20_000 + b'"}'
    seen = override(compute={"name": "body.name + string(body.n)"})

    assert decided(snapshot(seen), body).fields == {"name": '"a\ufffdb1.2345678901234567e+19"'}


def test_given_a_snapshot_from_before_when_the_body_is_large_then_the_shared_fields_count() -> None:
    compilation = compiled(deny(when="body.name == 'other'"))
    document = json.loads(zlib.decompress(compilation.dump(1, NOW)))
    document["policies"] = [record[:15] for record in document["policies"]]
    before = Snapshot.load(zlib.compress(json.dumps(document).encode()))
    del document["tables"][0]["visible"]
    long_before = Snapshot.load(zlib.compress(json.dumps(document).encode()))

    assert decided(before, _TOO_LARGE).denial is None
    assert decided(long_before, _TOO_LARGE).denial is not None


def test_given_a_body_beyond_64_kib_when_exact_values_are_matched_then_they_are_seen() -> None:
    assert decided(snapshot(deny(match={"name": "b4e7"})), _TOO_LARGE).denial is not None
    assert decided(snapshot(deny(match={"name": "other"})), _TOO_LARGE).denial is None


def test_given_a_field_too_large_when_another_is_computed_of_it_then_nothing_is_set() -> None:
    found = decided(snapshot(override(compute={"name": "body.name + body.a"})), _TOO_LARGE)

    assert found.fields is None
    assert [failure.attribute for failure in found.failures] == ["compute.name"]


def test_given_a_field_too_large_when_another_is_computed_without_it_then_it_is_set() -> None:
    shortened = override(id="b", compute={"custom": "body.a.size()"}, mode="shadow")
    found = decided(snapshot(override(compute={"name": "body.name + 'x'"}), shortened), _TOO_LARGE)

    assert found.fields == {"name": '"b4e7x"'}
    assert [failure.policy for failure in found.failures] == ["b"]


def test_given_the_same_hook_twice_then_the_decision_is_the_same() -> None:
    in_force = snapshot(deny(when=_PRIVATE), override(id="b", compute={"name": "'x'"}))

    assert decided(in_force, _NAMED) == decided(in_force, _NAMED)
    assert decided(in_force, {"name": "b"}) == decided(in_force, {"name": "b"})


def test_given_the_same_hook_again_when_a_map_is_computed_then_its_text_is_the_same() -> None:
    in_force = snapshot(
        override(compute={"custom": "{'a': 1, 'b': {'x': 1, 'y': 2, 'z': 3}, 'c': 2, 'd': 3}"})
    )

    texts = {(decided(in_force, _NAMED).fields or {})["custom"] for _ in range(50)}

    assert len(texts) == 1


# --- trace --------------------------------------------------------------------------------------


def test_given_someone_asks_why_then_each_policy_that_was_considered_is_told() -> None:
    steps: list[Step] = []
    in_force = snapshot(
        deny(id="1-later", priority=1, notBefore=TOMORROW),
        deny(id="2-over", priority=2, notAfter=YESTERDAY),
        deny(id="3-match", priority=3, match={"name": "private-1", "custom.role": "x"}),
        deny(id="4-when", priority=4, when="body.name == 'other'"),
        deny(id="5-error", priority=5, when="body.missing", whenError="skip"),
        override(id="6-sets", priority=6, set={"a": 1}),
        deny(id="7-refuses", priority=7, when=_PRIVATE),
        echo(id="8-late", priority=8, match={"name": "private-1"}),
        version=3,
    )

    decided(in_force, _NAMED | {"custom": {"role": "y"}}, trace=steps.append)

    assert [(step.policy, step.outcome) for step in steps] == [
        ("1-later", "window"),
        ("2-over", "window"),
        ("3-match", "match"),
        ("4-when", "when"),
        ("5-error", "when"),
        ("6-sets", "applied"),
        ("7-refuses", "applied"),
    ]
    assert steps[2].detail == "custom.role"
    assert "missing" in steps[4].detail
    assert {(step.app, step.version) for step in steps} == {("live", 3)}
    assert steps[6].action == "deny"
    assert steps[6].mode == "enforce"


# --- bodies of many values ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [{"a": [0] * 501}, {"a": {str(n): n for n in range(501)}}, {"a": [[0] * 9] * 60}]
)
@pytest.mark.parametrize("source", ["body.a.map(x, x).size() > 0", "body.a.filter(x, true) == []"])
def test_given_a_body_of_many_values_when_expressions_go_through_it_then_they_have_no_value(
    body: dict[str, Any], source: str
) -> None:
    policies = snapshot(deny(when=source))

    decision = decided(policies, body)

    assert decision.denial is not None
    assert [failure.attribute for failure in decision.failures] == ["when"]
    assert "500 values" in decision.failures[0].message


def test_given_a_session_of_many_values_when_expressions_see_it_then_they_have_no_value() -> None:
    policies = snapshot(deny(when="session.a.exists(x, x == 1)"))

    decision = decided(policies, {}, session=lambda: Session({"a": [0] * 501}))

    assert decision.denial is not None
    assert [failure.attribute for failure in decision.failures] == ["when"]


def test_given_a_body_of_500_values_when_expressions_go_through_it_then_they_have_a_value() -> None:
    policies = snapshot(deny(when="body.a.map(x, x + 1).size() == 499"))

    assert decided(policies, {"a": [0] * 499}).failures == ()
