"""Scenario files are read strictly: every error names its place and the way out."""

import re
from decimal import Decimal
from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml

from simulated_wcs.action import Conclusion
from simulated_wcs.scenario import Scenario, ScenarioFileError, load_all
from tests.support.documents import ROOT, document
from wcs_hooks.core.methods import METHODS
from wcsctl.policies import yaml as policy_yaml

_LIBRARY = Path(__file__).parent.parent / "scenarios"
_REFERENCE = "docs/reference/scenarios.md"
_HEAD = "name: N\ndescription: D\napp: a\n"


def _timeline(steps: str) -> str:
    return f"{_HEAD}timeline:\n{indent(dedent(steps), '  ')}"


def _parsed(steps: str) -> Scenario:
    return Scenario.parse(_timeline(steps), "some.yaml")


def test_given_a_scenario_then_all_of_it_is_read() -> None:
    scenario = Scenario.parse(
        dedent("""\
            name: Only teachers
            description: Who may publish.
            app: classroom
            wcs:
              timeout: 0.5
              retries: 1
              methods: [connect, publishStream]
              switchedOn: [playHLS]
            policies:
              - id: p
                method: publishStream
                action: deny
                notBefore: 2030-01-01
                set: {ratio: 1.5}
            timeline:
              - {client: anna, does: connect, over: rtmp, with: {login: x}}
              - note: Refused.
                client: anna
                does: publishStream
                stream: lesson
                expect:
                  outcome: aborted
                  status: 403
                  attempts: 1
                  policy: p
                  sent: {name: lesson}
                  withheld: [sdp]
                  fields: {name: lesson}
                  hooks: [{publishStream: 403}]
                  sees:
                    anna: [{event: StreamStatusEvent, has: {status: FAILED}, lacks: [sdp]}]
              - backend: {slow: 2}
              - {sip: reply, client: anna, status: 486, to: sendMessage}
              - {player: tv, does: playHLS, expect: {initiator: {status: 200}, status: none}}
            """),
        "some.yaml",
    )

    assert (scenario.timeout, scenario.retries) == (0.5, 1)
    assert scenario.methods == ("connect", "publishStream")
    assert scenario.switched_on == ("playHLS",)
    assert scenario.policies_for("classroom-1") == [
        {
            "app": "classroom-1",
            "id": "p",
            "method": "publishStream",
            "action": "deny",
            "notBefore": "2030-01-01",
            "set": {"ratio": Decimal("1.5")},
        }
    ]
    connect, publish, slow, reply, player = scenario.timeline
    assert (connect.rtmp, connect.body) == (True, {"login": "x"})
    assert connect.expect.outcome is Conclusion.ACCEPTED
    expect = publish.expect
    assert (expect.outcome, expect.status, expect.policy) == (Conclusion.ABORTED, 403, "p")
    assert expect.hooks == (("publishStream", 403),)
    assert expect.sees["anna"][0].lacks == ("sdp",)
    assert (slow.kind, slow.seconds) == ("backend", 2.0)
    assert (reply.status, reply.to) == (486, "sendMessage")
    assert (player.expect.initiator, player.expect.status) == ({"status": 200}, "none")
    assert [step.title() for step in scenario.timeline] == [
        "client anna connect",
        "client anna publishStream lesson",
        "back-end slow by 2 s",
        "SIP reply 486 for client anna",
        "player tv playHLS",
    ]


_C = "- {client: anna, does: connect}\n"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[]", "some.yaml, key 'timeline': at least one step"),
        ("- connect", "some.yaml, step 1: a mapping is expected, not 'connect'"),
        ("- {}", "some.yaml, step 1 says not who acts: it needs one of client, sip, player"),
        ("- {note: x}", "step 1 says not who acts"),
        ("- {backend: up, player: tv}", "step 1 has player and backend: it needs one of"),
        ("- {client: a}", "step 1, key 'does': is missing"),
        ("- {client: a, dose: connect}", "key 'does': is missing; did you mean it by 'dose'?"),
        (
            "- {client: a, does: publsh}",
            "step 1, key 'does': 'publsh' is not known; allowed are connect",
        ),
        ("- {client: a, does: playHLS}", "'playHLS' is not known"),
        ("- {client: a, does: connect, wiht: {}}", "key 'wiht': unknown here; allowed are client"),
        ("- {client: a, does: connect, stream: s}", "key 'stream': unknown here"),
        ("- {client: a, does: connect, with: [1]}", "key 'with': a mapping of fields is expected"),
        ("- {client: a, does: connect, with: [a]}", "key 'with': a mapping of fields"),
        ("- {client: a, does: connect, over: udp}", "key 'over': 'udp' is not known"),
        ("- {client: 5, does: connect}", "key 'client': a text is expected, not 5"),
        ("- {client: a, does: hold}", "key 'client': 'a' has not connected in an earlier step"),
        (_C + "- {client: anna, does: publishStream}", "step 2, key 'stream': is missing"),
        (_C + "- {client: anna, does: disconnect, with: {}}", "key 'with': unknown here"),
        (_C + "- {server: keep-alive, client: anna}", "key 'stream': is missing"),
        (_C + "- {server: keepalive, client: anna}", "allowed are keep-alive, rest-api"),
        ("- {server: rest-api, does: hangup}", "key 'does': 'hangup' is not known"),
        ("- {server: rest-api, does: call, client: a}", "key 'client': unknown here"),
        ("- {player: tv, does: playStream}", "allowed are playHLS, playRTSP"),
        ("- {player: tv, does: playHLS, client: a}", "key 'client': unknown here"),
        (_C + "- {sip: bye, client: anna}", "key 'sip': 'bye' is not known; allowed are OnCall"),
        (_C + "- {sip: reply, client: anna}", "key 'status': is missing"),
        (_C + "- {sip: reply, client: anna, status: 700}", "a number from 100 to 699"),
        (_C + "- {sip: reply, client: anna, status: true}", "a number from 100 to 699"),
        (_C + "- {sip: reply, client: anna, status: 200, to: x}", "key 'to': 'x' is not known"),
        (_C + "- {sip: error, client: anna}", "key 'info': is missing"),
        (_C + "- {sip: registration, client: anna, status: 403}", "a text is expected, not 403"),
        (_C + "- {sip: hangup, client: anna, with: {}}", "key 'with': unknown here"),
        ("- backend: away", "allowed are up, down, slow: SECONDS"),
        ("- backend: {slow: -1}", "seconds are expected, 0.05 or more, not -1"),
        ("- backend: {slow: 1, fast: 2}", "key 'backend.fast': unknown here; allowed are slow"),
        ("- {backend: up, expect: {}}", "key 'expect': unknown here"),
        ("- {client: a, does: connect, token: {}}", "key 'token.key': is missing"),
        ("- {client: a, does: connect, token: {key: k, exp: 1}}", "key 'token.exp': unknown here"),
        ("- {client: a, does: connect, token: {key: k, in: a..b}}", "'a..b' does not fit"),
        (_C + "- {client: anna, does: call, token: {key: k}}", "key 'token': unknown here"),
        ("- {wait: 0}", "seconds are expected"),
        ("- policies: {}", "key 'policies': a list is expected"),
        ("- policies: [{method: call}]", "key 'policies 1.id': is missing"),
        ("- policies: [{id: p, app: x}]", "the scenario's own app is filled in"),
        ("- {client: a, does: connect, expect: []}", "key 'expect': a mapping is expected"),
        (
            "- {client: a, does: connect, expect: {oucome: x}}",
            "'expect.oucome': unknown here; allowed",
        ),
        (
            "- {client: a, does: connect, expect: {outcome: refused}}",
            "key 'expect.outcome': 'refused' is not known; allowed are accepted, not-called",
        ),
        ("- {client: a, does: connect, expect: {status: 999}}", "an HTTP status, none or not-call"),
        ("- {client: a, does: connect, expect: {status: gone}}", "an HTTP status, none or not-cal"),
        ("- {client: a, does: connect, expect: {attempts: 99}}", "a number from 0 to 11"),
        ("- {client: a, does: connect, expect: {withheld: sdp}}", "a list of names is expected"),
        ("- {client: a, does: connect, expect: {hooks: [connect]}}", "METHOD: STATUS is expected"),
        (
            "- {client: a, does: connect, expect: {hooks: [{conect: 200}]}}",
            "is not a method of WCS",
        ),
        (
            "- {client: a, does: connect, expect: {sees: {b: []}}}",
            "'b' is not a client so far; there",
        ),
        ("- {client: a, does: connect, expect: {sees: {a: [x]}}}", "a mapping is expected, not 'x"),
        (
            "- {client: a, does: connect, expect: {sees: {a: [{event: Nothing}]}}}",
            "key 'expect.sees.a.event': 'Nothing' is not known",
        ),
        (
            "- {client: a, does: connect, expect: {sees: {a: [{event: ErrorEvent, hsa: {}}]}}}",
            "key 'expect.sees.a.hsa': unknown here; allowed are event, has, lacks; did you mean",
        ),
    ],
)
def test_given_a_slip_in_a_step_then_the_error_names_file_step_key_and_what_is_allowed(
    steps: str, said: str
) -> None:
    with pytest.raises(ScenarioFileError, match=re.escape(said)) as error:
        _parsed(steps)

    assert str(error.value).startswith("some.yaml")


def test_given_policies_in_a_scenario_when_read_then_they_are_what_a_policy_file_would_have() -> (
    None
):
    policies = """
      - id: p
        mode: off
        match: {code: 0900, open: yes, "yes": 1, at: 1:30, n: 12345678901234567890123.25}
        notBefore: 2030-01-31T18:00:00Z"""
    text = f"{_HEAD}policies:{policies}\ntimeline:\n  - backend: up"

    scenario = Scenario.parse(text, "some.yaml")

    assert list(scenario.policies) == policy_yaml.read(policies, "p.yaml")
    assert scenario.policies[0]["mode"] == "off"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "some.yaml: a mapping is expected, not None"),
        ("- 1", "some.yaml: a mapping is expected"),
        ("name: [", "some.yaml:2: did not find expected node content"),
        ("name: a\nname: b", "some.yaml:2: 'name' is there twice"),
        ("name: !!python/object:os.system {}", "some.yaml:1: the type !!python/object:os"),
        (_HEAD, "key 'timeline': is missing"),
        (_HEAD.replace("app: a", "app: a b") + "timeline: []", "key 'timeline'"),
        (_HEAD.replace("app: a", "app: a b") + "timeline:\n - backend: up", "'a b' does not fit"),
        (_HEAD + "timeline:\n - backend: up\nretries: 3", "key 'retries': unknown here; allowed"),
        (_HEAD + "timeline:\n - backend: up\nwcs: {retries: 11}", "a number from 0 to 10"),
        (_HEAD + "timeline:\n - backend: up\nwcs: {timeout: 0}", "seconds are expected"),
        (_HEAD + "timeline:\n - backend: up\nwcs: {methods: [x]}", "'x' is not known; allowed are"),
        (
            _HEAD + "timeline:\n - backend: up\nwcs: {switchedOn: [call]}",
            "'call' is not known; allowed are StreamKeepAliveEvent, playHLS, playRTSP",
        ),
        (_HEAD + "timeline:\n - backend: up\nwcs: {speed: 1}", "key 'wcs.speed': unknown here"),
    ],
)
def test_given_a_slip_elsewhere_then_the_error_names_file_and_key(text: str, said: str) -> None:
    with pytest.raises(ScenarioFileError, match=re.escape(said)):
        Scenario.parse(text, "some.yaml")


def test_given_no_file_or_an_empty_directory_then_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFileError, match="cannot be read"):
        Scenario.load(tmp_path / "missing.yaml")
    with pytest.raises(ScenarioFileError, match="has no scenario"):
        load_all(tmp_path)


def test_given_the_library_then_every_method_category_and_ending_is_in_it() -> None:
    library = load_all(_LIBRARY)

    assert len({scenario.app for scenario in library}) == len(library)
    steps = [step for scenario in library for step in scenario.timeline]
    assert {step.expect.outcome for step in steps} == set(Conclusion)
    hooked = {method for step in steps for method, _ in step.expect.hooks or ()}
    acted = {step.does for step in steps}
    categories = {METHODS[name].category for name in hooked | acted if name in METHODS}
    assert len(categories) == 4


def test_given_the_reference_then_it_names_every_key() -> None:
    text = (ROOT / _REFERENCE).read_text(encoding="utf-8")

    whole = [block.text for block in document(_REFERENCE).blocks if "timeline:" in block.text]

    assert len(whole) >= 2
    for key in _keys(whole) | {
        "wcs",
        "attempts",
        "withheld",
        "initiator",
        "over",
        "to",
        "info",
        "token",
        "wait",
        "in",
    }:
        assert f"`{key}`" in text, f"{_REFERENCE} does not explain {key}"


def _keys(blocks: list[str]) -> set[str]:
    """The keys of the format that examples use, leaving out fields of hooks and policies."""
    keys: set[str] = set()
    for block in blocks:
        content = yaml.safe_load(block)
        keys |= content.keys()
        for step in content["timeline"]:
            keys |= step.keys() | (step.get("expect") or {}).keys()
    return keys
