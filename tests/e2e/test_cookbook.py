"""Recipes of the cookbook, with their rows, played by the simulated WCS against the deployment."""

import contextlib
import io
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import uuid4

import pytest

from simulated_wcs.action import Conclusion
from simulated_wcs.issuer import TokenIssuer
from simulated_wcs.runner import Runner
from simulated_wcs.scenario import PolicyItem, Scenario, ShownToken, load_all
from simulated_wcs.transport import HookTransport
from simulated_wcs.wcs import SimulatedWcs
from tests.e2e.conftest import Deployed
from wcs_hooks.core.payload import encode
from wcsctl import cli
from wcsctl.lists.cells import json_attribute
from wcsctl.lists.stored_lists import StoredLists
from wcsctl.policies.files import load_directory
from wcsctl.scenario_back_end import DeployedBackEnd

_ROOT: Final = Path(__file__).resolve().parents[2]
_RECIPES: Final = load_directory(_ROOT / "policies" / "cookbook").policies
_SCENARIOS: Final = {
    Path(scenario.file).stem: scenario
    for scenario in load_all(_ROOT / "tests" / "scenarios" / "cookbook")
}
_ISSUER: Final = "https://rooms.example.org"
_KEY: Final = "first"
_SHA256_OF_K_LESSON: Final = "bdc152d64e31f4bda1a3feac2e553b9244d0fd962e8471c2a81ca0477a902251"

_ROWS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "users": {
        "anna": {"active": True, "rooms": ["math-*"]},
        "ben": {"active": False, "rooms": ["math-*"]},
    },
    "stream-keys": {_SHA256_OF_K_LESSON: {"stream": "lesson"}},
    "sip-accounts": {"anna": {"login": "1001", "password": "s3cret"}},
    "cameras": {"hall": {"address": "rtsp://192.0.2.5/h264"}},
    "quotas": {
        "anna": {"usedMinutes": 600, "minutes": 600},
        "ben": {"usedMinutes": 599, "minutes": 600},
    },
}
_CHANGED: Final[Mapping[str, PolicyItem]] = {
    "one-hour": {"when": "now - connectedAt > duration('2s')"},
    "closed": {"hours": "Mon-Sun 00:00-24:00 Europe/Riga"},
    "site": {"keys": {"kid": _KEY}},
    "fifty-viewers": {"limit": {"by": "stream", "most": 2, "holds": "stream"}},
    "calls-per-minute": {"limit": {"by": "claims.sub", "most": 3, "holds": "60s"}},
}
"""Policy to what a scenario cannot wait for, or has of its own: attributes in place of those."""


def _policies(recipe: str) -> tuple[PolicyItem, ...]:
    """The policies of a recipe, or of several that are joined by `+`."""
    return tuple(
        {name: value for name, value in policy.items() if name != "app"} | _CHANGED.get(key, {})
        for one in recipe.split("+")
        for key, policy in _RECIPES[one].items()
    )


def _put_rows(deployed: Deployed, rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    lists = StoredLists(deployed.deployment)
    for name, members in rows.items():
        for key, attributes in members.items():
            row = {"list": {"S": name}, "key": {"S": key}}
            lists.put(row | {each: json_attribute(encode(v)) for each, v in attributes.items()})


@pytest.fixture(scope="module")
def back_end(deployed: Deployed) -> DeployedBackEnd:
    return DeployedBackEnd(deployed.deployment)


@pytest.fixture(scope="module")
def issuer() -> TokenIssuer:
    return TokenIssuer()


@pytest.fixture(scope="module")
def banning_app() -> str:
    return f"banning-{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def scenarios(
    deployed: Deployed, back_end: DeployedBackEnd, issuer: TokenIssuer, banning_app: str
) -> tuple[Runner, Mapping[str, Scenario]]:
    """Have all recipes active at once: that is waited for but once."""
    _put_rows(deployed, _ROWS)
    runner = Runner(back_end, uuid4().hex[:8])
    played = {
        recipe: replace(scenario, policies=_policies(recipe))
        for recipe, scenario in _SCENARIOS.items()
    }
    bans = issuer.with_public_keys([{"app": banning_app, **policy} for policy in _policies("bans")])
    back_end.activate_policies(
        [*bans, *(policy for one in played.values() for policy in runner.policies(one))]
    )
    return runner, played


@pytest.mark.parametrize("recipe", _SCENARIOS)
def test_given_a_recipe_and_its_rows_when_wcs_plays_its_scenario_then_all_comes_as_it_expects(
    scenarios: tuple[Runner, Mapping[str, Scenario]], recipe: str
) -> None:
    runner, played = scenarios

    report = runner.run(played[recipe], in_force=True)

    report.check()
    assert len(report.steps) == len(played[recipe].timeline)


@pytest.mark.usefixtures("scenarios")
def test_given_a_running_stream_when_its_publisher_is_banned_then_its_next_keep_alive_ends_it(
    deployed: Deployed, back_end: DeployedBackEnd, issuer: TokenIssuer, banning_app: str
) -> None:
    anna, ben = (f"{name}-{banning_app}" for name in ("anna", "ben"))

    def shown(user: str) -> dict[str, Any]:
        claims = {"iss": _ISSUER, "aud": "wcs", "sub": user}
        token = ShownToken(claims, expires=60, key=_KEY, kid=_KEY, place="custom.token")
        return issuer.body_with({}, token)

    transport = HookTransport(back_end.target, back_end.authentication)
    wcs = SimulatedWcs(switched_on=["StreamKeepAliveEvent"])
    room = wcs.add_application(banning_app, transport)
    hers, his = (wcs.connect(room, shown(user)).session for user in (anna, ben))
    for session, stream in ((hers, "show"), (his, "talk")):
        assert wcs.publish(session, stream).conclusion is Conclusion.ACCEPTED
        assert wcs.keep_alive(session, stream).conclusion is Conclusion.ACCEPTED

    said = _wcsctl(deployed, "ban", anna, "--for", "1h", "--reason", "shouting")

    assert f"{banning_app}: a running stream ends at its next keep-alive" in said
    assert wcs.keep_alive(hers, "show").conclusion is Conclusion.STREAM_ENDED
    assert wcs.publish(hers, "again").conclusion is Conclusion.ABORTED
    assert wcs.connect(room, shown(anna)).conclusion is Conclusion.DECLINED
    assert wcs.keep_alive(his, "talk").conclusion is Conclusion.ACCEPTED
    _wcsctl(deployed, "unban", anna)
    assert wcs.connect(room, shown(anna)).conclusion is Conclusion.ACCEPTED
    transport.close()


def _wcsctl(deployed: Deployed, *words: str) -> str:
    """Run a command on the deployment; it must succeed."""
    place = ["--local", "--local-directory", str(deployed.workspace.directory)]
    written = io.StringIO()
    with (
        patch.object(sys, "argv", ["wcsctl", *place, *words]),
        patch.dict(os.environ, {"COLUMNS": "200"}),
        contextlib.redirect_stdout(written),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    assert not ended.value.code, written.getvalue()
    return written.getvalue()
