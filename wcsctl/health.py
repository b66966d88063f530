"""Whether all is well with a deployment: its checks, each of which says what to do if it fails."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from simulated_wcs.transport import (
    HookTransport,
)
from wcs_hooks.adapters.dynamo_policy_store import from_attributes, read_records
from wcs_hooks.adapters.keep_alive_marks import has_keep_alive
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.methods import PLAYERS, STATUS_PROBE, switch_of
from wcs_hooks.core.policy.limit_lint import WITHOUT_KEEP_ALIVES
from wcs_hooks.core.policy.reader import EVERY_APP
from wcs_hooks.core.policy.vocabulary import STATUS_ID
from wcs_hooks.telemetry.catalogue import COMPILER
from wcsctl.ages import in_words
from wcsctl.caller_authentication import caller_authentication
from wcsctl.dead_letters import DeadLetterQueue, WaitingDeadLetters
from wcsctl.deployment import Deployment
from wcsctl.errors import WcsctlError
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.function_logs import FunctionLogs
from wcsctl.limits.deployed_budgets import LEASES_TABLE
from wcsctl.metrics import source_of
from wcsctl.policies.app_status import AppStatus
from wcsctl.policies.wcs_switches import switches_of
from wcsctl.stack_alarms import alarm_names, described

PROBE: Final = STATUS_PROBE
"""The method of the hook that is posted. No WCS sends it, so it is echoed whatever the policies
say, is published to nobody, reads and records no session; it counts one call of the category
event and one echo, and leaves one line in the log, which `wcsctl decisions` passes over."""

PROBE_BODY: Final = b'{"appKey":"wcsctl","status":"PROBE"}'

STALE_MINUTES: Final = 15
_STALE_SECONDS: Final = STALE_MINUTES * 60
_CALLED_HOURS: Final = 24
_CALLED_SECONDS: Final = _CALLED_HOURS * 3600
_STARTS: Final = ("publishStream", "playStream")
_SHOWN: Final = 3
_OLDEST_OF: Final = 100
_TURNED_AWAY_SECONDS: Final = 86_400
_OK: Final = 200
_FORBIDDEN: Final = 403
_TIMEOUT: Final = 15.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    detail
        What was found; if it is not well, with the way out.
    facts
        The same for programs.
    warning
        Whether it is well, but hardly what is meant.
    """

    name: str
    ok: bool
    detail: str
    facts: Mapping[str, Any]
    warning: bool = False

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        result = {"check": self.name, "ok": self.ok, "detail": self.detail}
        return {**result, **({"warning": True} if self.warning else {}), **self.facts}


class Health:
    """Looks at a deployment.

    Parameters
    ----------
    deployment
        Which one.
    now
        The moment to look from, in seconds since the epoch.
    """

    def __init__(self, deployment: Deployment, now: float) -> None:
        self._deployment = deployment
        self._now = now
        self._configurations = FunctionConfigurations(deployment)

    def checks(self) -> Iterator[Check]:
        """Look at one thing after another."""
        yield self._endpoint()
        yield self._stale()
        yield self._dead_letters()
        yield self._alarms()
        yield from self._methods_waited_for()

    def apps(self) -> list[AppStatus]:
        """What each app's operator sees.

        Apps are those that have active policies, and those whose policies the compiler turned
        away within a day. One that has no policies any more is not listed.
        """
        client = self._deployment.client("dynamodb")
        names = {EVERY_APP, *self._apps_in_force(client), *self._apps_turned_away()}
        found = []
        for app in sorted(names):
            answer = client.get_item(
                TableName=self._deployment.output("PoliciesTableName"),
                Key={"app": {"S": app}, "id": {"S": STATUS_ID}},
                ConsistentRead=True,
            )
            if "Item" in answer:
                status = self._up_to_date(
                    client, AppStatus.from_item(app, from_attributes(answer["Item"]))
                )
                if status.policies or not status.ok or status.pinned is not None:
                    found.append(status)
            elif app != EVERY_APP and self._has_policies(client, app):
                found.append(AppStatus.from_item(app, {}))
        return found

    def _up_to_date(self, client: Any, status: AppStatus) -> AppStatus:
        """A status as it is once a keep-alive came; the compiler looks every five minutes."""
        table = self._deployment.outputs.get(LEASES_TABLE)
        if table is None or all(one["attribute"] != WITHOUT_KEEP_ALIVES for one in status.warnings):
            return status
        try:
            came = has_keep_alive(client, table, status.app)
        except UnavailableError:
            return status
        return status.without_warnings_about(WITHOUT_KEEP_ALIVES) if came else status

    def _has_policies(self, client: Any, app: str) -> bool:
        """Whether an app has policies at all: one that once had some needs no report."""
        answer = client.query(
            TableName=self._deployment.output("PoliciesTableName"),
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues={":app": {"S": app}},
            Limit=1,
        )
        return bool(answer["Items"])

    def _apps_in_force(self, client: Any) -> list[str]:
        records = read_records(client, self._deployment.output("SnapshotsTableName"))
        return [app for app, record in records.items() if not record.empty]

    def _apps_turned_away(self) -> Iterator[str]:
        logs = FunctionLogs(self._deployment, self._configurations)
        since = int((self._now - _TURNED_AWAY_SECONDS) * 1000)
        for record in logs.records([COMPILER], since, pattern="{ $.app = * }"):
            if isinstance(record.fields.get("app"), str) and record.fields.get("errors"):
                yield record.fields["app"]

    def _endpoint(self) -> Check:
        url = self._deployment.target.url
        facts: dict[str, Any] = {"url": url}
        try:
            authentication = caller_authentication(self._deployment, self._configurations)
        except WcsctlError as error:
            return Check("endpoint", False, str(error), facts)  # noqa: FBT003 - fields in order
        transport = HookTransport(
            self._deployment.target, authentication, timeout=_TIMEOUT, retries=1
        )
        exchange = transport.send(PROBE, PROBE_BODY)
        transport.close()
        reply = exchange.reply
        facts["milliseconds"] = round(exchange.seconds * 1000, 1)
        if reply is None:
            detail = f"{url} does not answer: {exchange.send_errors[-1]}. Is the stack deployed?"
            return Check("endpoint", ok=False, detail=detail, facts=facts)
        facts |= {"status": reply.status, "decision": reply.decision}
        if reply.status == _OK and reply.body == PROBE_BODY:
            detail = f"a signed hook came back unchanged in {facts['milliseconds']:.0f} ms"
            return Check("endpoint", ok=True, detail=detail, facts=facts)
        if reply.status == _FORBIDDEN:
            detail = (
                "a signed hook was rejected: wcsctl decisions --id "
                f"{reply.decision or '<id>'} says why. "
                "Is this machine among the allowedSources?"
            )
        elif reply.status == _OK:
            detail = "a hook came back changed: does another API answer at this URL?"
        else:
            detail = (
                f"a signed hook was answered {reply.status}: see wcsctl dead-letter list, "
                "and the log group of the event function"
            )
        return Check("endpoint", ok=False, detail=detail, facts=facts)

    def _stale(self) -> Check:
        source = source_of(self._deployment, self._configurations)
        counted = source.counted("StaleSnapshot", self._now - _STALE_SECONDS, self._now)
        stale = {category: count for category, count in counted.items() if count}
        facts = {"stale": stale}
        if not stale:
            detail = f"all functions could read their policies in the last {STALE_MINUTES} min"
            return Check("policies", ok=True, detail=detail, facts=facts)
        counts = ", ".join(f"{category} {count}" for category, count in stale.items())
        detail = (
            f"hooks answered by policies that may be outdated, in {STALE_MINUTES} min: {counts}. "
            "The table PolicySnapshots cannot be read: is it throttled?"
        )
        return Check("policies", ok=False, detail=detail, facts=facts)

    def _methods_waited_for(self) -> Iterator[Check]:
        """Whether hooks come that policies wait for; nothing where none of them needs a switch."""
        switches = switches_of(self._deployment)
        needed_by = switches.needed_by
        if not needed_by:
            return
        source = source_of(self._deployment, self._configurations)
        since = self._now - _CALLED_SECONDS
        called = source.called((*needed_by, *_STARTS), since, self._now)
        started = sum(called.get(method, 0) for method in _STARTS)
        never = [method for method in needed_by if not called.get(method)] if started else []
        facts = {"started": started, "neverCalled": never}
        if not never:
            detail = "hooks of each awaited method came" if started else "no stream started"
            detail += f", in {_CALLED_HOURS} h"
            yield Check("methods", ok=True, detail=detail, facts=facts)
        for method in never:
            detail = (
                f"{method} never came in {_CALLED_HOURS} h, though {started:,} streams started: "
                f"{_without(method, needed_by[method], switches.stream_limits)}. WCS needs "
                f"{switch_of(method)} in flashphoner.properties: wcsctl wcs-setup <app> prints all "
                "the lines"
            )
            yield Check("methods", ok=True, detail=detail, facts=facts, warning=True)

    def _dead_letters(self) -> Check:
        with WaitingDeadLetters(self._deployment) as waiting:
            kept_at, in_queue = waiting.table.kept_at(), waiting.queue.waiting()
            ages = [self._now - at for at in kept_at]
            oldest = self._oldest(waiting.queue) if in_queue else None
        age = max([*ages, *([oldest] if oldest is not None else [])], default=None)
        count = in_queue + len(kept_at)
        facts = {
            "count": count,
            "inTable": len(kept_at),
            "oldestSeconds": None if age is None else round(age),
        }
        if not count:
            return Check("dead letters", ok=True, detail="none", facts=facts)
        how_old = f", the oldest {in_words(age)} old" if age is not None else ""
        where = f", {len(kept_at)} of them in the table beside the queue" if kept_at else ""
        detail = f"{count}{how_old}{where}: see wcsctl dead-letter list"
        return Check("dead letters", ok=False, detail=detail, facts=facts)

    def _oldest(self, queue: DeadLetterQueue) -> float | None:
        """The oldest one's age in seconds, so far as it is known.

        In the cloud by SQS's own metric: to receive messages for a mere status would spoil it, for
        one that was received three times no longer counts there.
        """
        if self._deployment.endpoint is not None:
            ages = [self._now - letter.first_seen for letter in queue.letters(_OLDEST_OF)]
            return max(ages, default=None)
        until = datetime.fromtimestamp(self._now, UTC)
        answer = self._deployment.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[
                {
                    "Name": "QueueName",
                    "Value": self._deployment.output("DeadLetterQueueUrl").rpartition("/")[2],
                }
            ],
            StartTime=until - timedelta(minutes=STALE_MINUTES),
            EndTime=until,
            Period=60,
            Statistics=["Maximum"],
        )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        return float(points[-1]["Maximum"]) if points else None

    def _alarms(self) -> Check:
        alarms = described(self._deployment, alarm_names(self._deployment))
        states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
        ringing = sorted(name for name, state in states.items() if state == "ALARM")
        facts = {"alarms": len(states), "inAlarm": ringing}
        if ringing:
            detail = f"in alarm: {', '.join(ringing)}. The dashboard shows why."
            return Check("alarms", ok=False, detail=detail, facts=facts)
        return Check("alarms", ok=True, detail=f"none of {len(states)} in alarm", facts=facts)


def _without(method: str, needed_by: Sequence[str], stream_limits: Collection[str]) -> str:
    """What becomes of policies if a method that they need never comes."""
    asked = [name for name in needed_by if name not in stream_limits]
    limits = [name for name in needed_by if name in stream_limits]
    said = []
    if asked:
        unless = " (unless nobody plays that way)" if method in PLAYERS else ""
        verb = "is" if len(asked) == 1 else "are"
        said.append(f"{', '.join(asked[:_SHOWN])} {verb} never asked{unless}")
    if limits:
        verb = "counts" if len(limits) == 1 else "count"
        said.append(f"{', '.join(limits[:_SHOWN])} {verb} a stream for about 90 s only")
    return ", and ".join(said)


def age_of(compiled_at: str) -> str:
    """How long ago something was compiled, in words; empty if it never was."""
    try:
        moment = datetime.fromisoformat(compiled_at).timestamp()
    except (ValueError, OverflowError):
        return ""
    return f"{in_words(time.time() - moment)} ago"
