"""The vendor's table, cell by cell: what WCS did, and what the metric RestErrors says it did.

Each cell of {connect, direct, event, incoming} x {FAIL, LOG} x {policy, failure} is made to happen
once, by the simulated WCS and the deployed functions. A policy's refusal is met under LOG by a
session from before the policy was put, and under FAIL by one from after it. A failure is a pointer
to a version of the policies that does not exist, met by a function that has nothing in its cache.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

import pytest
from rich.console import Console
from rich.table import Table

from simulated_wcs.account import InteractionError
from simulated_wcs.action import Conclusion, PerformedAction
from simulated_wcs.session import Application, Message, WcsSession
from simulated_wcs.transport import HookTransport, Signature
from simulated_wcs.wcs import SimulatedWcs
from tests.e2e.conftest import Deployed, until
from wcs_hooks.adapters.dynamo_snapshots import CURRENT
from wcs_hooks.core.methods import SWITCHES, Category
from wcs_hooks.core.outcome import UNKNOWN, Cause, Outcome, RestOnError
from wcs_hooks.telemetry.catalogue import REST_ERRORS
from wcsctl.scenario_back_end import DeployedBackEnd

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

_TOKEN: Final = {"custom": {"token": "stolen"}}
_FAIL, _LOG = RestOnError.FAIL, RestOnError.LOG
_POLICY, _FAILURE = Cause.POLICY, Cause.FAILURE


class Cell(NamedTuple):
    category: Category
    rest_on_error: RestOnError
    cause: Cause

    def __str__(self) -> str:
        return "-".join(self)


class Measured(NamedTuple):
    """The dimensions of RestErrors."""

    category: str
    rest_on_error: str
    outcome: str
    cause: str


@dataclass(frozen=True)
class Made:
    """A cell that was made to happen.

    Attributes
    ----------
    error
        What the simulated WCS's account says.
    seen
        What the client saw of it.
    """

    action: PerformedAction
    error: InteractionError
    seen: tuple[Message, ...]

    @property
    def measured_as(self) -> Measured:
        """The dimensions that the metric is to have.

        A connect that fails for want of policies leaves no way to know the app's `restOnError`;
        nor does it matter, since WCS declines it either way.
        """
        error = self.error
        cause = _cause(error)
        unknown = error.category is Category.CONNECT and cause is _FAILURE
        rest_on_error = UNKNOWN if unknown else error.rest_on_error
        return Measured(error.category, rest_on_error, error.outcome, cause)


@dataclass(frozen=True)
class Grid:
    made: Mapping[Cell, Made]
    metrics: Counter[Measured]
    log: Mapping[str, Measured]


_CELLS = [
    Cell(category, held, cause)
    for category in Category
    for held in (_FAIL, _LOG)
    for cause in (_POLICY, _FAILURE)
]

_BY_THE_VENDOR: Final[Mapping[tuple[Category, RestOnError], Outcome]] = {
    (Category.CONNECT, _FAIL): Outcome.DECLINED,
    (Category.CONNECT, _LOG): Outcome.DECLINED,
    (Category.DIRECT, _FAIL): Outcome.ABORTED,
    (Category.DIRECT, _LOG): Outcome.CONTINUED,
    (Category.EVENT, _FAIL): Outcome.ERROR_EVENT,
    (Category.EVENT, _LOG): Outcome.CONTINUED,
    (Category.INCOMING, _FAIL): Outcome.ABORTED,
    (Category.INCOMING, _LOG): Outcome.CONTINUED,
}


@pytest.fixture(scope="module")
def grid(deployed: Deployed) -> Grid:
    making = _Making(deployed)
    # The functions run on this machine: its clock is theirs.
    since_ms = int(time.time() * 1000) + 1
    time.sleep(0.01)
    made = dict(making.cells())
    expected = Counter(cell.measured_as for cell in made.values())
    return Grid(
        made,
        until(
            lambda: Counter(_measured(deployed, since_ms)),
            lambda counted: counted.total() >= expected.total(),
        ),
        {
            decision: _dimensions(line)
            for decision, line in deployed.logged(
                cell.error.decision for cell in made.values()
            ).items()
        },
    )


@pytest.mark.parametrize("cell", _CELLS, ids=str)
def test_given_a_cell_of_the_vendors_table_then_wcs_does_what_it_says(
    grid: Grid, cell: Cell
) -> None:
    made = grid.made[cell]

    category, held, cause = cell
    assert (made.error.category, made.error.rest_on_error) == (category, held)
    assert made.error.status == (403 if cause is _POLICY else 503)
    # The one event that a policy can refuse is the one that ends a stream.
    ends = category is Category.EVENT and (held, cause) == (_FAIL, _POLICY)
    outcome = Outcome.STREAM_ENDED if ends else _BY_THE_VENDOR[category, held]
    assert made.error.outcome == outcome
    assert made.action.conclusion.value == outcome.value
    _SHOWS[made.action.conclusion](made)


@pytest.mark.parametrize("cell", _CELLS, ids=str)
def test_given_a_cell_of_the_vendors_table_then_the_log_tells_of_it_as_wcs_does(
    grid: Grid, cell: Cell
) -> None:
    made = grid.made[cell]

    assert grid.log[made.error.decision] == made.measured_as


def test_given_every_cell_once_then_the_metric_counts_each_once_and_nothing_else(
    grid: Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        _show(grid)

    assert grid.made.keys() == set(_CELLS)
    assert grid.metrics == Counter(made.measured_as for made in grid.made.values())


# --- What each outcome looks like from outside ---------------------------------------------------


def _shows_declined(made: Made) -> None:
    assert not made.action.session.connected
    [message] = made.seen
    assert (message.event, message.fields["status"]) == ("ConnectionStatusEvent", "FAILED")


def _shows_aborted(made: Made) -> None:
    session = made.action.session
    assert not session.calls
    assert session.running("denied") is None
    [message] = made.seen
    assert message.fields["status"] == "FAILED"
    if made.error.category is Category.INCOMING:
        assert message.event == "CallStatusEvent"
        assert made.action.initiator == {"status": 403, "reason": "FORBIDDEN"}
    else:
        assert message.event == "StreamStatusEvent"


def _shows_continued(made: Made) -> None:
    session = made.action.session
    match made.error.method:
        case "publishStream":
            assert session.running("denied")
            assert [message.fields["status"] for message in made.seen] == ["PUBLISHING"]
        case "OnCallEvent":
            assert made.action.initiator["status"] == 180
            assert [message.event for message in made.seen] == ["OnCallEvent"]
        case "StreamKeepAliveEvent":
            assert session.running("cut")
            assert made.seen == ()
        case _:
            assert [message.event for message in made.seen] == ["StreamStatusEvent"]


def _shows_error_event(made: Made) -> None:
    assert made.action.session.running("stream")
    assert [message.event for message in made.seen] == ["StreamStatusEvent", "ErrorEvent"]
    assert made.seen[0].fields["status"] == "PUBLISHING"


def _shows_stream_ended(made: Made) -> None:
    assert made.action.session.running("cut") is None
    [message] = made.seen
    assert (message.event, message.fields["status"]) == ("StreamStatusEvent", "FAILED")


_SHOWS: Final[Mapping[Conclusion, Callable[[Made], None]]] = {
    Conclusion.DECLINED: _shows_declined,
    Conclusion.ABORTED: _shows_aborted,
    Conclusion.CONTINUED: _shows_continued,
    Conclusion.ERROR_EVENT: _shows_error_event,
    Conclusion.STREAM_ENDED: _shows_stream_ended,
}


# --- Making it happen -----------------------------------------------------------------------------


class _Making:
    """Makes each cell happen once."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed
        self._back_end = DeployedBackEnd(deployed.deployment)
        self._wcs = SimulatedWcs(switched_on=SWITCHES)
        self._run = uuid4().hex[:8]
        dynamodb: DynamoDBServiceResource = deployed.workspace.session().resource(
            "dynamodb", endpoint_url=deployed.workspace.endpoint
        )
        self._snapshots = dynamodb.Table(deployed.outputs.snapshots_table_name)
        # Under restOnError LOG and FAIL: the app whose connect is refused, and those that fail.
        self._refusing = {held: self._application(f"refusing-{held}") for held in RestOnError}
        self._failing = {
            (category, held): self._application(f"failing-{category}-{held}", *methods)
            for held in RestOnError
            for category, methods in _METHODS_OF_FAILURE.items()
        }

    def cells(self) -> Iterator[tuple[Cell, Made]]:
        yield from self._refused()
        yield from self._failed()

    def _refused(self) -> Iterator[tuple[Cell, Made]]:
        logging, enforced = self._refusing[_LOG], self._refusing[_FAIL]
        early = self._connected(logging)
        self._wcs.publish(early, "cut")
        self._back_end.activate_policies(
            [
                *_refusals(logging.key),
                *_refusals(enforced.key),
                # WCS obeys none for connect, but receives it, and the metric has it.
                _configure(enforced.key, "connect"),
                *(
                    _configure(application.key, method)
                    for (_, held), application in self._failing.items()
                    if held is _FAIL
                    for method in application.methods
                ),
            ]
        )
        late = self._connected(enforced)
        self._wcs.publish(late, "cut")
        for held, session, application in ((_LOG, early, logging), (_FAIL, late, enforced)):
            for category, action in (
                (Category.CONNECT, lambda of=application: self._wcs.connect(of, _TOKEN)),
                (Category.DIRECT, lambda of=session: self._wcs.publish(of, "denied")),
                (Category.INCOMING, lambda of=session: self._incoming(of, "666")),
                (Category.EVENT, lambda of=session: self._wcs.keep_alive(of, "cut")),
            ):
                yield Cell(category, held, _POLICY), self._make(session, action)

    def _failed(self) -> Iterator[tuple[Cell, Made]]:
        sessions = {key: self._connected(application) for key, application in self._failing.items()}
        for application in self._failing.values():
            self._lose_policies(application.key)
        # connect has read those policies.
        self._deployed.restart(Category.CONNECT)
        for (category, held), session in sessions.items():
            action: Callable[[], PerformedAction] = {
                Category.CONNECT: lambda of=session: self._wcs.connect(of.application),
                Category.DIRECT: lambda of=session: self._wcs.publish(of, "denied"),
                Category.INCOMING: lambda of=session: self._incoming(of, "2001"),
                Category.EVENT: lambda of=session: self._status_event(of),
            }[category]
            yield Cell(category, held, _FAILURE), self._make(session, action)

    def _make(self, session: WcsSession, act: Callable[[], PerformedAction]) -> Made:
        errors = self._wcs.account.errors
        before, seen = len(errors), len(session.client_sees)
        action = act()
        assert len(errors) == before + 1, f"{action.conclusion}: {errors[before:]}"
        messages = action.session.client_sees
        if action.session is session:
            messages = messages[seen:]
        return Made(action, errors[-1], tuple(messages))

    def _incoming(self, session: WcsSession, caller: str) -> PerformedAction:
        return self._wcs.sip_incoming(session, "OnCallEvent", {"caller": caller})

    def _status_event(self, session: WcsSession) -> PerformedAction:
        """publishStream was not added to this application: the event is the first hook."""
        published = self._wcs.publish(session, "stream")
        assert published.hooks[0].sent is None
        [_, event] = published.hooks
        errored = any(message.event == "ErrorEvent" for message in session.client_sees)
        conclusion = Conclusion.ERROR_EVENT if errored else Conclusion.CONTINUED
        return replace(published, hooks=[event], conclusion=conclusion)

    def _connected(self, application: Application) -> WcsSession:
        action = self._wcs.connect(application)
        assert action.conclusion is Conclusion.ACCEPTED
        return action.session

    def _lose_policies(self, app: str) -> None:
        key = {"app": app, "item": CURRENT}
        pointer = self._snapshots.get_item(Key=key).get("Item") or {"digest": "0" * 64, "parts": 1}
        self._snapshots.put_item(Item={**pointer, **key, "version": 999})

    def _application(self, name: str, *methods: str) -> Application:
        transport = HookTransport(
            self._back_end.target, Signature(self._deployed.hooks.secret), retries=0
        )
        return self._wcs.add_application(self._app(name), transport, methods or None)

    def _app(self, name: str) -> str:
        return f"{name}-{self._run}"


_METHODS_OF_FAILURE: Final[Mapping[Category, tuple[str, ...]]] = {
    # No more, lest a function meet the app while its policies are to be had.
    Category.CONNECT: ("connect",),
    Category.DIRECT: ("connect", "publishStream"),
    Category.EVENT: ("connect", "StreamStatusEvent"),
    Category.INCOMING: ("connect", "OnCallEvent"),
}


def _refusals(app: str) -> list[dict[str, Any]]:
    refused = {
        "connect": {"custom.token": "stolen"},
        "publishStream": {"name": "denied"},
        "OnCallEvent": {"caller": "666"},
        "StreamKeepAliveEvent": {"name": "cut"},
    }
    return [
        {"app": app, "id": f"no-{method}", "method": method, "action": "deny", "match": match}
        for method, match in refused.items()
    ]


def _configure(app: str, method: str) -> dict[str, Any]:
    return {
        "app": app,
        "id": f"obey-{method}",
        "method": method,
        "action": "configure",
        "restOnError": "FAIL",
    }


# --- What the back-end says -----------------------------------------------------------------------


def _cause(error: InteractionError) -> Cause:
    """From the reply itself, which names the policy."""
    policy = json.loads(error.body)["error"]["policy"]
    return _POLICY if policy is not None else _FAILURE


def _measured(deployed: Deployed, since_ms: int) -> Iterator[Measured]:
    for category in Category:
        for line in deployed.records(category, since_ms):
            # A line that was logged late may be of an earlier test; its own time shows it.
            if REST_ERRORS in line and line["_aws"]["Timestamp"] >= since_ms:
                assert line[REST_ERRORS] in (1, [1])
                yield _dimensions(line)


def _dimensions(line: Mapping[str, Any]) -> Measured:
    return Measured(line["category"], line["restOnError"], line["outcome"], line["cause"])


def _show(grid: Grid) -> None:
    table = Table(
        title="Refusals: what the simulated WCS did, and what RestErrors says it did",
        title_justify="left",
    )
    for heading in ("Category", "restOnError", "Cause", "Reply", "WCS", "Client saw", "Initiator"):
        table.add_column(heading)
    table.add_column("Metric")
    table.add_column("Count")
    for cell in _CELLS:
        made = grid.made[cell]
        measured = grid.log.get(made.error.decision)
        metric = f"{measured.rest_on_error} {measured.outcome}" if measured else "-"
        table.add_row(
            *cell,
            str(made.error.status),
            made.action.conclusion,
            ", ".join(f"{m.event} {m.fields.get('status', '')}".strip() for m in made.seen),
            str(made.action.initiator.get("status", "")),
            metric,
            str(grid.metrics[measured]) if measured else "-",
        )
    console = Console(width=160, highlight=False)
    console.print()
    console.print(table)
