"""The library of scenarios, run by the simulated WCS against the deployed stack."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from simulated_wcs.action import Conclusion
from simulated_wcs.runner import Runner
from simulated_wcs.scenario import Scenario, load_all
from simulated_wcs.transport import HookReply
from tests.e2e.conftest import Deployed
from wcsctl.scenario_back_end import DeployedBackEnd

_LIBRARY = {
    Path(scenario.file).name: scenario
    for scenario in load_all(Path(__file__).parent.parent / "scenarios")
}


@pytest.fixture(scope="module")
def runner(deployed: Deployed) -> Runner:
    """Have the policies of all scenarios active at once: that is waited for but once."""
    back_end = DeployedBackEnd(deployed.deployment)
    runner = Runner(back_end, uuid4().hex[:8])
    back_end.activate_policies(
        [policy for scenario in _LIBRARY.values() for policy in runner.policies(scenario)]
    )
    return runner


@pytest.mark.parametrize("file", _LIBRARY)
def test_given_the_library_when_a_scenario_is_run_then_all_comes_as_it_expects(
    runner: Runner, file: str
) -> None:
    report = runner.run(_LIBRARY[file], in_force=True)

    report.check()
    assert len(report.steps) == len(_LIBRARY[file].timeline)


def test_given_the_derived_config_is_kept_from_wcs_then_a_denial_stops_nobody(
    runner: Runner,
) -> None:
    scenario = _LIBRARY["teacher-only-publishing.yaml"]
    number = _number(scenario, "publishStream", client="pupil")

    aware = runner.run(scenario, in_force=True)
    unaware = runner.run(scenario, in_force=True, alter_reply=_without_config, go_on=True)

    refused, ignored = aware.step(number).action, unaware.step(number).action
    assert refused is not None
    assert ignored is not None
    assert [hook.method for hook in refused.hooks] == ["publishStream"]
    assert refused.conclusion is Conclusion.ABORTED
    # The back-end refuses as before, and WCS carries on regardless: the pupil is on air.
    exchange = ignored.hooks[0].exchange
    assert exchange is not None
    assert exchange.reply is not None
    assert exchange.reply.status == 403
    assert ignored.conclusion is Conclusion.CONTINUED
    assert [message.fields["status"] for message in unaware.step(number).seen["pupil"]] == [
        "PUBLISHING"
    ]
    assert "expected aborted, but it is continued" in unaware.text()


def test_given_the_derived_config_is_kept_from_wcs_then_an_override_is_ignored(
    runner: Runner,
) -> None:
    scenario = _LIBRARY["renamed-stream.yaml"]
    number = _number(scenario, "playStream", client="viewer")

    unaware = runner.run(scenario, in_force=True, alter_reply=_without_config, go_on=True)

    played = unaware.step(number).action
    assert played is not None
    returned = played.hooks[0].returned
    assert returned is not None
    assert returned["name"] == "studio-7-public-news"
    assert played.fields["name"] == "public-news"
    [seen] = unaware.step(number).seen["viewer"]
    assert (seen.fields["status"], seen.fields["info"]) == ("FAILED", "Stream not found")


def _without_config(method: str, reply: HookReply) -> HookReply:
    if method != "connect":
        return reply
    fields = json.loads(reply.body)
    del fields["restClientConfig"]
    return replace(reply, body=json.dumps(fields).encode())


def _number(scenario: Scenario, method: str, client: str) -> int:
    return next(
        step.number for step in scenario.timeline if step.does == method and step.client == client
    )
