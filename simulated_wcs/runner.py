"""Runs scenarios against a back-end, and reports what differs from what was expected."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from simulated_wcs import transcript
from simulated_wcs.account import Account
from simulated_wcs.action import HookCall, PerformedAction
from simulated_wcs.backend import ClosedPort, DelayingProxy
from simulated_wcs.issuer import TokenIssuer
from simulated_wcs.scenario import (
    CALL_METHODS,
    NO_ANSWER,
    NOT_CALLED,
    STREAM_METHODS,
    BackEndState,
    Expectation,
    PolicyItem,
    Scenario,
    ScenarioStep,
    Seen,
    Server,
    Sip,
)
from simulated_wcs.session import Message, NoSuchThingError, WcsSession
from simulated_wcs.transport import AlterReply, Authentication, HookTarget, HookTransport
from simulated_wcs.wcs import SimulatedWcs

_PATTERN: Final = "~"
"""A text that begins so is a regular expression, which must be found in the value."""


class ScenarioFailedError(AssertionError):
    """Something came otherwise than a scenario expects; the message has the whole exchange."""


class BackEnd(Protocol):
    """What answers the hooks, and holds the policies."""

    @property
    def target(self) -> HookTarget:
        """Where hooks go."""
        ...

    @property
    def authentication(self) -> Authentication:
        """How WCS proves to be WCS."""
        ...

    def activate_policies(self, policies: Sequence[PolicyItem]) -> None:
        """Put policies into the table and wait until they are active."""
        ...

    def policies_behind(self, decisions: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The policies behind decisions, as `app/id`, as far as the back-end reports them."""
        ...


@dataclass(frozen=True, slots=True)
class StepReport:
    """What became of a step.

    Attributes
    ----------
    action
        None of a step in which nobody acts, or that could not be carried out.
    seen
        What each client saw meanwhile.
    differences
        What came otherwise than expected, one text each.
    """

    step: ScenarioStep
    action: PerformedAction | None
    seen: Mapping[str, Sequence[Message]]
    differences: tuple[str, ...]


@dataclass(slots=True)
class ScenarioReport:
    """What became of a scenario.

    Attributes
    ----------
    account
        Of the simulated WCS.
    steps
        Those that were run.
    seconds
        How long it took.
    """

    scenario: Scenario
    app: str
    account: Account
    steps: list[StepReport] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything came as expected."""
        return not any(step.differences for step in self.steps)

    def step(self, number: int) -> StepReport:
        """A step's report, by its number in the file."""
        return self.steps[number - 1]

    def check(self) -> None:
        """Complain of what came otherwise.

        Raises
        ------
        ScenarioFailedError
            With each such step's differences, its hooks and their replies.
        """
        if not self.ok:
            raise ScenarioFailedError(self.text())

    def text(self) -> str:
        """What came otherwise than expected, for people to read; empty if nothing did."""
        return "\n\n".join(self._failures())

    def _failures(self) -> Iterator[str]:
        for report in self.steps:
            if report.differences:
                yield "\n".join(
                    (
                        f"{self.scenario.file}: {self.scenario.name}",
                        f"step {report.step.number}: {report.step.title()}",
                        *(f"  * {difference}" for difference in report.differences),
                        *transcript.transcript_lines(report.action, report.seen),
                    )
                )


class Runner:
    """Runs scenarios.

    Parameters
    ----------
    back_end
        What they are run against.
    run
        Appended to each scenario's app, so that no run meets the policies of another.

    Examples
    --------
    >>> runner = Runner(back_end, "r1")  # doctest: +SKIP
    >>> runner.run(Scenario.load(Path("tests/scenarios/teacher.yaml"))).check()  # doctest: +SKIP
    """

    def __init__(self, back_end: BackEnd, run: str = "") -> None:
        self._back_end = back_end
        self._run = run
        self._issuer = TokenIssuer()

    def app(self, scenario: Scenario) -> str:
        """The app that a scenario is run as."""
        return f"{scenario.app}-{self._run}" if self._run else scenario.app

    def policies(self, scenario: Scenario) -> list[PolicyItem]:
        """The policies that a scenario has in the table before its first step."""
        return self._issuer.with_public_keys(scenario.policies_for(self.app(scenario)))

    def run(
        self,
        scenario: Scenario,
        *,
        in_force: bool = False,
        alter_reply: AlterReply | None = None,
        go_on: bool = False,
    ) -> ScenarioReport:
        """Run a scenario.

        Parameters
        ----------
        in_force
            Whether its policies are active already.
        alter_reply
            For experiments: changes the back-end's replies before WCS sees them.
        go_on
            Whether to go on after a step that came otherwise than expected.
        """
        if scenario.policies and not in_force:
            self._back_end.activate_policies(self.policies(scenario))
        with ExitStack() as stack:
            run = _Run(
                scenario, self.app(scenario), self._back_end, self._issuer, stack, alter_reply
            )
            return run.report(go_on=go_on)


class _Run:
    def __init__(
        self,
        scenario: Scenario,
        app: str,
        back_end: BackEnd,
        issuer: TokenIssuer,
        stack: ExitStack,
        alter_reply: AlterReply | None,
    ) -> None:
        self._scenario = scenario
        self._back_end = back_end
        self._issuer = issuer
        self._stack = stack
        self._transport = HookTransport(
            back_end.target,
            back_end.authentication,
            timeout=scenario.timeout,
            retries=scenario.retries,
            alter_reply=alter_reply,
        )
        stack.callback(self._transport.close)
        self._wcs = SimulatedWcs(switched_on=scenario.switched_on)
        self._application = self._wcs.add_application(app, self._transport, scenario.methods)
        self._sessions: dict[str, WcsSession] = {}
        self._read: dict[str, int] = {}

    def report(self, *, go_on: bool) -> ScenarioReport:
        report = ScenarioReport(self._scenario, self._application.key, self._wcs.account)
        began = time.monotonic()
        for step in self._scenario.timeline:
            done = self._step(step)
            report.steps.append(done)
            if done.differences and not go_on:
                break
        self._check_policies(report)
        report.seconds = time.monotonic() - began
        return report

    def _step(self, step: ScenarioStep) -> StepReport:
        if step.kind == "backend":
            self._transport.retarget(self._target(step))
            return StepReport(step, None, {}, ())
        if step.kind == "policies":
            app = self._application.key
            policies = [{"app": app, **policy} for policy in step.policies]
            self._back_end.activate_policies(self._issuer.with_public_keys(policies))
            return StepReport(step, None, {}, ())
        if step.kind == "wait":
            time.sleep(step.seconds)
            return StepReport(step, None, {}, ())
        try:
            action = self._act(step)
        except NoSuchThingError as error:
            return StepReport(step, None, self._newly_seen(), (str(error),))
        if step.does == "connect":
            self._sessions[step.client] = action.session
            self._read[step.client] = 0
        seen = self._newly_seen()
        return StepReport(step, action, seen, tuple(_differences(step.expect, action, seen)))

    def _act(self, step: ScenarioStep) -> PerformedAction:
        wcs, application = self._wcs, self._application
        body = self._issuer.body_with(step.body, step.token, step.stream)
        match step.kind:
            case "player":
                return wcs.player(application, step.does, body)
            case "server" if step.does != Server.KEEP_ALIVE:
                return wcs.rest_api(application, step.does, body)
            case "client" if step.does == "connect":
                return wcs.connect(application, body, rtmp=step.rtmp)
        session = self._sessions[step.client]
        match step.kind:
            case "server":
                return wcs.keep_alive(session, step.stream)
            case "sip":
                return self._sip(step, session)
        return self._client(step, session, body)

    def _client(
        self, step: ScenarioStep, session: WcsSession, body: Mapping[str, Any]
    ) -> PerformedAction:
        wcs = self._wcs
        with_streams = {
            "publishStream": wcs.publish,
            "playStream": wcs.play,
            "sendStreamEvent": wcs.send_stream_event,
        }
        if step.does in with_streams:
            return with_streams[step.does](session, step.stream, body)
        if step.does in STREAM_METHODS:
            return wcs.during_stream(session, step.stream, step.does, body)
        if step.does in CALL_METHODS:
            return wcs.during_call(session, step.does, body)
        match step.does:
            case "disconnect":
                return wcs.disconnect(session)
            case "call":
                return wcs.call(session, body)
        return wcs.direct(session, step.does, body)

    def _sip(self, step: ScenarioStep, session: WcsSession) -> PerformedAction:
        match step.does:
            case Sip.REPLY:
                return self._wcs.sip_reply(session, int(step.status), step.reason, step.to)
            case Sip.HANGUP:
                return self._wcs.sip_hangup(session)
            case Sip.REGISTRATION:
                return self._wcs.registered(session, str(step.status))
            case Sip.ERROR:
                return self._wcs.other_error(session, step.info)
        return self._wcs.sip_incoming(session, step.does, step.body)

    def _target(self, step: ScenarioStep) -> HookTarget:
        """The back-end's own address, or that of something that is down or slow."""
        own = self._back_end.target
        match step.does:
            case BackEndState.UP:
                return own
            case BackEndState.DOWN:
                address = self._stack.enter_context(ClosedPort()).address
            case _:
                parts = urlsplit(own.url)
                upstream = own.address or (parts.hostname or "", parts.port or 80)
                proxy = DelayingProxy(upstream, step.seconds)
                address = self._stack.enter_context(proxy).address
        return HookTarget(own.url, address, own.host_header())

    def _newly_seen(self) -> dict[str, list[Message]]:
        seen: dict[str, list[Message]] = {}
        for client, session in self._sessions.items():
            seen[client] = session.client_sees[self._read[client] :]
            self._read[client] = len(session.client_sees)
        return seen

    def _check_policies(self, report: ScenarioReport) -> None:
        """Find out which policies decided: a refusal says so itself, the rest is in the log."""
        asked: dict[int, HookCall] = {
            index: done.action.hooks[0]
            for index, done in enumerate(report.steps)
            if done.step.expect.policy is not None and done.action is not None
        }
        said = {index: _policy_said(hook) for index, hook in asked.items()}
        unsaid = [_decision(hook) for index, hook in asked.items() if not said[index]]
        logged = self._back_end.policies_behind(unsaid) if unsaid else {}
        for index, hook in asked.items():
            done = report.steps[index]
            found = said[index] or logged.get(_decision(hook), ())
            names = [name.rpartition("/")[2] for name in found]
            if done.step.expect.policy not in names:
                text = f"expected {done.step.expect.policy}, but it is {', '.join(names) or 'none'}"
                report.steps[index] = replace(
                    done, differences=(*done.differences, f"policy: {text}")
                )


def _policy_said(hook: HookCall) -> tuple[str, ...]:
    """The policy that a refusal names."""
    reply = hook.exchange.reply if hook.exchange else None
    policy = reply.error.get("policy") if reply else None
    return (policy,) if isinstance(policy, str) else ()


def _decision(hook: HookCall) -> str:
    reply = hook.exchange.reply if hook.exchange else None
    return reply.decision if reply else ""


def _differences(
    expect: Expectation, action: PerformedAction, seen: Mapping[str, Sequence[Message]]
) -> Iterator[str]:
    own = action.hooks[0]
    if action.conclusion is not expect.outcome:
        yield f"outcome: expected {expect.outcome}, but it is {action.conclusion}"
    if expect.status is not None and _status(own) != expect.status:
        yield f"status: expected {expect.status}, but it is {_status(own)}"
    attempts = own.exchange.attempts if own.exchange else 0
    if expect.attempts is not None and attempts != expect.attempts:
        yield f"attempts: expected {expect.attempts}, but there were {attempts}"
    yield from _lacking(f"sent in {own.method}", expect.sent, own.sent or {})
    for name in expect.withheld:
        if name in (own.sent or {}):
            yield f"withheld: {own.method} carries {name}"
    yield from _lacking("WCS goes on with", expect.fields, action.fields)
    for client, events in expect.sees.items():
        yield from _unseen(client, events, seen.get(client, ()))
    if expect.initiator is not None and dict(expect.initiator) != dict(action.initiator):
        yield f"initiator: expected {dict(expect.initiator)}, but it is {dict(action.initiator)}"
    if expect.hooks is not None:
        hooks = tuple((hook.method, _status(hook)) for hook in action.hooks)
        if hooks != expect.hooks:
            yield f"hooks: expected {_hook_list(expect.hooks)}, but there were {_hook_list(hooks)}"


def _unseen(client: str, expected: Sequence[Seen], seen: Sequence[Message]) -> Iterator[str]:
    wanted, got = [event.event for event in expected], [message.event for message in seen]
    if wanted != got:
        yield (
            f"client {client}: expected to see {', '.join(wanted) or 'nothing'}, "
            f"but it saw {', '.join(got) or 'nothing'}"
        )
        return
    for event, message in zip(expected, seen, strict=True):
        yield from _lacking(f"client {client} sees in {event.event}", event.has, message.fields)
        for name in event.lacks:
            if name in message.fields:
                yield f"client {client}: {event.event} shows {name}"


def _lacking(what: str, expected: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expected.items():
        if name not in got:
            yield f"{what}: expected {name} {value!r}, but there is none"
        elif not _matches(value, got[name]):
            yield f"{what}: expected {name} {value!r}, but it is {transcript.short(got[name])}"


def _matches(expected: Any, got: Any) -> bool:
    if isinstance(expected, str) and expected.startswith(_PATTERN) and isinstance(got, str):
        return re.search(expected.removeprefix(_PATTERN), got) is not None
    if isinstance(expected, dict) and isinstance(got, dict):
        return all(name in got and _matches(value, got[name]) for name, value in expected.items())
    return type(expected) is type(got) and bool(expected == got)


def _status(hook: HookCall) -> int | str:
    if hook.exchange is None:
        return NOT_CALLED
    return hook.exchange.reply.status if hook.exchange.reply else NO_ANSWER


def _hook_list(hooks: Sequence[tuple[str, int | str]]) -> str:
    return ", ".join(f"{method} {status}" for method, status in hooks) or "none"
