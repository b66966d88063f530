"""Running scenarios: what is expected passes, anything else is reported with the exchange."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import dedent, indent
from typing import Any

import pytest

from simulated_wcs.action import Conclusion
from simulated_wcs.runner import Runner, ScenarioFailedError, ScenarioReport
from simulated_wcs.scenario import Scenario
from simulated_wcs.transport import HookReply, HookTarget, Signature
from tests.simulated_wcs.conftest import Answer, ScriptedBackEnd
from wcs_hooks.core.tokens.jwt import decode
from wcs_hooks.core.tokens.keys import key_of_jwk


class _Deployment:
    """The scripted back-end, with a table of policies that changes nothing."""

    def __init__(self, back_end: ScriptedBackEnd) -> None:
        self._back_end = back_end
        self.authentication = Signature("the-secret")
        self.put: list[list[dict[str, Any]]] = []
        self.log: dict[str, tuple[str, ...]] = {}

    @property
    def target(self) -> HookTarget:
        return self._back_end.target

    def activate_policies(self, policies: Sequence[dict[str, Any]]) -> None:
        self.put.append(list(policies))

    def policies_behind(self, decisions: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return {name: found for name, found in self.log.items() if name in decisions}


@pytest.fixture
def deployment(back_end: ScriptedBackEnd) -> _Deployment:
    return _Deployment(back_end)


def _scenario(steps: str, more: str = "") -> Scenario:
    text = f"name: N\ndescription: D\napp: room\n{more}\ntimeline:\n{indent(dedent(steps), '  ')}"
    return Scenario.parse(text, "some.yaml")


def _run(deployment: _Deployment, steps: str, more: str = "") -> ScenarioReport:
    return Runner(deployment, "r1").run(_scenario(steps, more))


_REFUSED = """\
    - {client: anna, does: connect}
    - client: anna
      does: publishStream
      stream: lesson
      with: {custom: {token: t}}
      expect:
        outcome: aborted
        status: 403
        attempts: 1
        policy: no-lessons
        sent: {name: lesson, custom: {token: "~^t$"}}
        withheld: [sdp]
        hooks: [{publishStream: 403}]
        sees:
          anna: [{event: StreamStatusEvent, has: {status: FAILED}, lacks: [sdp]}]
    """


def _refuse(back_end: ScriptedBackEnd) -> None:
    back_end.configure(
        {
            "publishStream": {"restOnError": "FAIL", "restExclude": "sdp"},
            "StreamStatusEvent": {"clientExclude": "sdp"},
        }
    )
    body = b'{"error": {"policy": "room-r1/no-lessons", "reason": "not today"}}'
    back_end.answer("publishStream", Answer(403, body))


def test_given_all_comes_as_expected_then_nothing_is_said(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    _refuse(back_end)

    report = _run(deployment, _REFUSED)

    report.check()
    assert (report.ok, report.text(), report.app) == (True, "", "room-r1")
    action = report.step(2).action
    assert action is not None
    assert action.conclusion is Conclusion.ABORTED
    assert {request.json()["appKey"] for request in back_end.received} == {"room-r1"}


def test_given_a_refusal_that_is_only_logged_then_each_difference_and_the_exchange_are_told(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    back_end.answer("publishStream", Answer(403, b'{"error": {"policy": "another"}}'))

    with pytest.raises(ScenarioFailedError) as failed:
        _run(deployment, _REFUSED).check()

    text = str(failed.value)
    lines = text.splitlines()
    assert lines[0] == "some.yaml: N"
    assert lines[1] == "step 2: client anna publishStream lesson"
    for said in (
        "  * outcome: expected aborted, but it is continued",
        "  * withheld: publishStream carries sdp",
        "  * client anna: StreamStatusEvent shows sdp",
        (
            "  * hooks: expected publishStream 403, but there were "
            "publishStream 403, StreamStatusEvent 200"
        ),
        "  * policy: expected no-lessons, but it is another",
        f"POST {back_end.target.url}/publishStream",
        "  Authorization: (left out)",
        "  User-Agent: Java/1.8.0_111",
        '    "name": "lesson",',
        "interaction error: the status is 403 (restOnError LOG, continued)",
        '      "policy": "another"',
        "client anna sees StreamStatusEvent",
        '    "status": "PUBLISHING",',
    ):
        assert said in lines or said in text, said
    assert "answered 403 Forbidden in " in text
    signature = back_end.received[-1].headers["Authorization"].partition(" ")[2]
    assert signature not in text
    # A long text is cut.
    assert "a=fingerprint" not in text


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("{outcome: aborted}", "outcome: expected aborted, but it is accepted"),
        ("{status: 403}", "status: expected 403, but it is 200"),
        ("{status: none}", "status: expected none, but it is 200"),
        ("{attempts: 2}", "attempts: expected 2, but there were 1"),
        ("{policy: p}", "policy: expected p, but it is none"),
        ("{sent: {name: x}}", "sent in publishStream: expected name 'x', but it is 'lesson'"),
        ("{sent: {nam: x}}", "sent in publishStream: expected nam 'x', but there is none"),
        ("{sent: {record: 0}}", "expected record 0, but it is False"),
        ("{sent: {custom: {a: 2}}}", "expected custom {'a': 2}, but it is {'a': 1, 'b': 2}"),
        ('{sent: {name: "~^les$"}}', "expected name '~^les$', but it is 'lesson'"),
        ("{withheld: [sdp]}", "withheld: publishStream carries sdp"),
        ("{fields: {name: x}}", "WCS goes on with: expected name 'x', but it is 'lesson'"),
        ("{initiator: {status: 1}}", "initiator: expected {'status': 1}, but it is {}"),
        ("{hooks: []}", "hooks: expected none, but there were publishStream 200, StreamStatusEv"),
        ("{sees: {anna: []}}", "expected to see nothing, but it saw StreamStatusEvent"),
        (
            "{sees: {anna: [{event: ErrorEvent}]}}",
            "client anna: expected to see ErrorEvent, but it saw StreamStatusEvent",
        ),
        (
            "{sees: {anna: [{event: StreamStatusEvent, has: {status: FAILED}}]}}",
            "client anna sees in StreamStatusEvent: expected status 'FAILED', but it is 'PUBLISHI",
        ),
        (
            "{sees: {anna: [{event: StreamStatusEvent, lacks: [name]}]}}",
            "client anna: StreamStatusEvent shows name",
        ),
    ],
)
def test_given_a_false_expectation_then_it_is_found(
    deployment: _Deployment, expect: str, said: str
) -> None:
    report = _run(
        deployment,
        f"""\
        - {{client: anna, does: connect}}
        - client: anna
          does: publishStream
          stream: lesson
          with: {{custom: {{a: 1, b: 2}}}}
          expect: {expect}
        """,
    )

    assert not report.ok
    assert any(said in difference for difference in report.step(2).differences)
    assert len(report.step(2).differences) == 1


def test_given_true_expectations_of_parts_then_they_hold(deployment: _Deployment) -> None:
    _run(
        deployment,
        """\
        - {client: anna, does: connect}
        - client: anna
          does: publishStream
          stream: lesson
          with: {custom: {a: 1, b: [2, {c: 3}]}}
          expect:
            sent: {custom: {a: 1}, name: "~^les"}
            fields: {custom: {b: [2, {c: 3}]}}
            initiator: {}
            sees: {anna: [{event: StreamStatusEvent}]}
        """,
    ).check()


def test_given_a_step_that_differs_then_the_run_ends_there_unless_it_is_to_go_on(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    scenario = _scenario("""\
        - {client: anna, does: connect, expect: {status: 403}}
        - {client: anna, does: publishStream, stream: lesson, expect: {status: 404}}
        - {client: anna, does: disconnect}
        """)

    stopped = Runner(deployment).run(scenario)
    back_end.received.clear()
    finished = Runner(deployment).run(scenario, go_on=True)

    assert (len(stopped.steps), len(finished.steps)) == (1, 3)
    assert back_end.methods[-1] == "ConnectionStatusEvent"
    assert finished.text().count("some.yaml: N") == 2


def test_given_a_stream_that_is_not_there_then_that_is_what_differs(
    deployment: _Deployment,
) -> None:
    report = _run(
        deployment,
        """\
        - {client: anna, does: connect}
        - {server: keep-alive, client: anna, stream: lesson}
        """,
    )

    assert report.step(2).differences == ("the session has no stream 'lesson': it has none",)


def test_given_policies_then_they_are_put_before_the_first_step_and_again_where_a_step_says(
    deployment: _Deployment,
) -> None:
    steps = """\
        - {client: anna, does: connect}
        - policies: [{id: two, method: call, action: deny}]
        """
    first = "policies: [{id: one, method: call, action: echo}]"

    _run(deployment, steps, first).check()

    one = {"app": "room-r1", "id": "one", "method": "call", "action": "echo"}
    two = {"app": "room-r1", "id": "two", "method": "call", "action": "deny"}
    assert deployment.put == [[one], [two]]
    deployment.put.clear()
    Runner(deployment, "r1").run(_scenario(steps, first), in_force=True).check()
    assert deployment.put == [[two]]


def test_given_a_policy_that_a_reply_does_not_name_then_the_log_is_asked(
    deployment: _Deployment,
) -> None:
    deployment.log = {"decision-3": ("room-r1/rename", "*/other")}
    steps = """\
        - {client: anna, does: connect}
        - {client: anna, does: publishStream, stream: lesson, expect: {policy: rename}}
        """

    _run(deployment, steps).check()


def test_given_a_back_end_that_goes_down_then_comes_back_then_wcs_meets_it_so(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    steps = """\
        - {client: anna, does: connect}
        - backend: down
        - client: anna
          does: publishStream
          stream: lesson
          expect: {outcome: continued, status: none, attempts: 3}
        - {client: ben, does: connect, expect: {outcome: declined, status: none}}
        - backend: up
        - {client: ben, does: connect, expect: {status: 200}}
        """

    report = _run(deployment, steps, "wcs: {retries: 2}")

    report.check()
    assert back_end.methods == ["connect", "ConnectionStatusEvent"] * 2
    account = report.account
    assert (account.sent, account.answered, account.retried) == (7, 4, 6)


def test_given_a_back_end_that_is_slow_then_wcs_waits_no_longer_than_it_is_set_to(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    steps = """\
        - {client: anna, does: connect}
        - backend: {slow: 0.1}
        - {client: anna, does: OnDataEvent, expect: {status: 200, attempts: 1}}
        - backend: {slow: 1}
        - {client: anna, does: sendIMDN, expect: {outcome: continued, status: none, attempts: 2}}
        """

    report = _run(deployment, steps, "wcs: {timeout: 0.3, retries: 1}")

    report.check()
    assert back_end.methods.count("sendIMDN") == 2
    assert report.seconds < 2


def test_given_every_kind_of_step_then_each_sends_its_hook(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    steps = """\
        - {client: anna, does: connect}
        - {client: anna, does: publishStream, stream: s}
        - {client: anna, does: playStream, stream: s}
        - {client: anna, does: pauseStream, stream: s}
        - {client: anna, does: sendStreamEvent, stream: s}
        - {server: keep-alive, client: anna, stream: s}
        - {client: anna, does: stopStream, stream: s}
        - {client: anna, does: unPublishStream, stream: s}
        - {client: anna, does: call}
        - {client: anna, does: sendDtmf}
        - {sip: hangup, client: anna}
        - {sip: OnMessageEvent, client: anna}
        - {sip: registration, client: anna, status: UNREGISTERED}
        - {sip: error, client: anna, info: x}
        - {player: tv, does: playRTSP}
        - {server: rest-api, does: availableStream}
        - {server: rest-api, does: call}
        - {server: rest-api, does: publishStream, with: {name: again}}
        """

    _run(deployment, steps, "wcs: {switchedOn: [StreamKeepAliveEvent, playRTSP]}").check()

    assert back_end.methods == [
        *("connect", "ConnectionStatusEvent"),
        *("publishStream", "StreamStatusEvent"),
        *("playStream", "StreamStatusEvent"),
        *("pauseStream", "StreamStatusEvent"),
        *("sendStreamEvent", "StreamEvent"),
        "StreamKeepAliveEvent",
        *("stopStream", "StreamStatusEvent"),
        *("unPublishStream", "StreamStatusEvent"),
        *("call", "CallStatusEvent"),
        "sendDtmf",
        "CallStatusEvent",
        "OnMessageEvent",
        "RegistrationStatusEvent",
        "ErrorEvent",
        "playRTSP",
        "availableStream",
        *("call", "CallStatusEvent"),
        *("publishStream", "StreamStatusEvent"),
    ]


def test_given_hooks_that_nobody_switched_on_then_wcs_goes_on_without_asking(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    for method in ("StreamKeepAliveEvent", "playHLS", "playRTSP"):
        back_end.answer(method, Answer(403, b"{}"))
    back_end.configure({"StreamKeepAliveEvent": {"restOnError": "FAIL"}})
    steps = """\
        - {client: anna, does: connect}
        - {client: anna, does: publishStream, stream: lesson}
        - server: keep-alive
          client: anna
          stream: lesson
          expect: {outcome: not-called, status: not-called, sees: {anna: []}}
        - player: tv
          does: playHLS
          expect: {outcome: not-called, status: not-called, initiator: {status: 200}}
        - player: wall
          does: playRTSP
          expect: {outcome: aborted, status: 403, initiator: {connection: broken}}
        """

    report = _run(deployment, steps, "wcs: {switchedOn: [playRTSP]}")

    report.check()
    assert report.account.not_called == 2
    assert not {"StreamKeepAliveEvent", "playHLS"} & set(back_end.methods)


def test_given_the_config_is_stripped_from_connects_reply_then_wcs_carries_on_regardless(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    _refuse(back_end)

    def stripped(_: str, reply: HookReply) -> HookReply:
        fields = json.loads(reply.body)
        fields.pop("restClientConfig", None)
        return replace(reply, body=json.dumps(fields).encode())

    report = Runner(deployment, "r1").run(_scenario(_REFUSED), alter_reply=stripped)

    action = report.step(2).action
    assert action is not None
    assert action.conclusion is Conclusion.CONTINUED
    assert not report.ok


_TOKENS = """\
    - client: anna
      does: connect
      token: {key: first, claims: {sub: anna}}
    - client: anna
      does: publishStream
      stream: lesson
      token: {key: second, kid: first, in: name?token, expires: -5}
    - player: tv
      does: playHLS
      token: {key: first, in: token}
    - policies: [{id: site, action: trust, keys: [{kid: first}, {kid: third}]}]
    """


def test_given_tokens_in_a_scenario_then_hooks_carry_them_and_policies_the_public_keys(
    back_end: ScriptedBackEnd, deployment: _Deployment
) -> None:
    policies = "policies: [{id: site, action: trust, keys: {kid: first}}]"
    switched_on = "wcs: {switchedOn: [playHLS]}"

    report = _run(deployment, _TOKENS, f"{switched_on}\n{policies}")

    report.check()
    before, after = (put[0]["keys"] for put in deployment.put)
    assert after[0] == before
    assert "d" not in before
    key = key_of_jwk(before)
    sent = {one.path.rpartition("/")[2]: one.json() for one in back_end.received}
    name, _, forged = sent["publishStream"]["name"].partition("?token=")
    assert name == "lesson"
    tokens = [sent["connect"]["custom"]["token"], sent["playHLS"]["token"], forged]
    signed = [decode(token) for token in tokens]
    assert [
        key.verifies("ES256", one.signed.signing_input, one.signed.signature) for one in signed
    ] == [True, True, False]
    assert [one.signed.kid for one in signed] == ["first"] * 3
    assert signed[0].claims["sub"] == "anna"
    assert signed[0].claims["exp"] > time.time() + 3000
    assert signed[2].claims["exp"] < time.time()
