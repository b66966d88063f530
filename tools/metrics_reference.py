"""Writes `docs/reference/metrics-and-alarms.md` from the stack's template: `make reference`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from infra.settings import Settings
from tools.locations import DOCS
from tools.markdown import table
from tools.synthesis import template_of
from wcs_hooks.core.methods import Category
from wcs_hooks.telemetry.catalogue import COMPILER, METRICS, Name, unit_of

FILE: Final = DOCS / "reference" / "metrics-and-alarms.md"

_INTRODUCTION: Final = """\
# Metrics and alarms

<!-- Written by `make reference`; edit tools/metrics_reference.py or infra/alarms.py instead. -->

What each CloudWatch metric counts, which alarm watches it, and which widget of the dashboard
shows it. The [runbook](../operate/runbook.md) says what to do about an alarm.
"""

_METRICS: Final = """\
## Metrics

The functions write metrics into their logs, and CloudWatch reads them from there. They are in the
namespace `WcsHooks`, or `WcsHooks/<stage>` with the [setting](settings.md) `stage`. A metric has
no data for a minute in which there was nothing to count. Plain echoes may be counted a few
seconds late: see [batched echoes](settings.md#batched-echoes).

`Calls` is the sum of `Echoed`, `Overridden`, `Denied`, `Rejected`, `Malformed` and `Failed`: each
hook is in one of them.
"""

_OTHER_METRICS: Final = """\
## Metrics of AWS

The stack counts `ThrottledRequests` in the gateway's access log, in the namespace of the metrics
above. The others are AWS's own.
"""

_ALARMS: Final = """\
## Alarms

An alarm publishes to the topic `AlarmTopicArn`; the settings [`alarmEmail` and
`okNotifications`](settings.md) say who gets a message, and whether also when the alarm is over.
All alarms exist whatever the settings are. Each category in the column *category* has an alarm of
its own, whose name begins with the category: `ConnectFailed`. Numbers are those of the default
settings: the threshold of `Slow` is half of `replyTimeout`, and the period of `KeysStale` is
`keysRefreshMinutes`. Missing data sets off an alarm only if the condition says so.
"""

_QUERIES: Final = """\
## Log queries

The runbook has queries for Logs Insights: [failures by reason, and
crashes](../operate/runbook.md#first-look-whatever-the-alarm), [lost dead
letters](../operate/runbook.md#deadletterlost), [5xx replies of the
gateway](../operate/runbook.md#errors), [latency by the minute](../operate/runbook.md#slow),
[rejected callers](../operate/runbook.md#rejected), [stale policies](../operate/runbook.md#stale),
[expressions](../operate/runbook.md#expressionerrors),
[lookups](../operate/runbook.md#lookuperrors) and [limits](../operate/runbook.md#limiterrors) that
failed, [suppressed denials](../operate/runbook.md#denysuppressed) and [requests by
address](../operate/runbook.md#throttledrequests).
"""

_DIMENSIONS: Final = {
    "`service`": "`wcs-hooks`, or `wcs-hooks-<stage>`",
    "`category`": "the function that answered the hook: `connect`, `direct`, `event` or "
    "`incoming`; `compiler` for the compiler",
    "`method`": "the method as WCS sends it. Unknown methods are left out, as anybody could make "
    "up any number of them",
    "`restOnError`": "`FAIL`, `LOG`, or `UNKNOWN` if neither the session nor the policies could "
    "be read",
    "`outcome`": "what WCS did: see "
    "[what callers notice](../operate/runbook.md#what-callers-notice)",
    "`cause`": "`policy` (a denial), `failure` (on our side), `caller` (it is not WCS) or "
    "`malformed` (the body is not a hook)",
}

_HOOKS: Final = "all but compiler"


class _Meaning(NamedTuple):
    """What a metric counts, and in which categories."""

    counts: str
    categories: str = _HOOKS


_MEANINGS: Final[Mapping[Name, _Meaning]] = {
    "Calls": _Meaning("hooks that a function answered"),
    "Echoed": _Meaning(
        "hooks answered 200 with the body as it came; for connect, `restClientConfig` may be added"
    ),
    "Overridden": _Meaning("hooks answered 200 with fields that a policy changed"),
    "Denied": _Meaning("hooks that a policy denied (403), also because its limit left no room"),
    "DenySuppressed": _Meaning(
        "hooks that a policy denies and that were echoed all the same, because their session was "
        "never seen at connect: the WCS REST API may have started them (setting `restApiCalls`)",
        "direct, event, incoming",
    ),
    "ShadowDenied": _Meaning("hooks that a policy in shadow mode would have denied"),
    "ShadowOverridden": _Meaning("hooks that a policy in shadow mode would have changed"),
    "Rejected": _Meaning(
        "hooks whose caller did not prove to be WCS (403): a wrong signature or none, wrong "
        "credentials, or an address that is not allowed"
    ),
    "Malformed": _Meaning("hooks whose body is not a JSON object (400) or is too large (413)"),
    "Failed": _Meaning(
        "hooks answered 503, because something they need did not answer, or 500, because of a bug"
    ),
    "UnknownMethod": _Meaning(
        "hooks of methods that this version does not know; policies do not apply to them",
        Category.EVENT,
    ),
    "ReportedFailures": _Meaning(
        "events by which WCS reports an error: ErrorEvent, or `status` FAILED", Category.EVENT
    ),
    "ExpressionErrors": _Meaning("expressions that could not be evaluated"),
    "TokensRejected": _Meaning(
        "hooks with a token that is not valid, if a policy asked for it: expired, wrongly signed, "
        "of an issuer that is not trusted, or without a key to verify it"
    ),
    "LookupErrors": _Meaning("rows of lists that could not be read or used"),
    "LimitErrors": _Meaning(
        "limits that could not be counted, because the table Leases did not answer or was busy",
        "connect, direct, incoming",
    ),
    "LeasesExpired": _Meaning(
        "places of limits that ran out before their stream, call or session ended: WCS crashed, or "
        "sends no keep-alives",
        "connect, direct, incoming",
    ),
    "StaleSnapshot": _Meaning(
        "hooks decided by policies that may be outdated, because PolicySnapshots could not be read"
    ),
    "DeadLettered": _Meaning("hooks kept as dead letters, in the queue or in the table"),
    "DeadLetterFallback": _Meaning(
        "dead letters that are in the table because the queue did not take them; `DeadLettered` "
        "counts them too"
    ),
    "DeadLetterLost": _Meaning("hooks that failed and that neither the queue nor the table took"),
    "ColdStart": _Meaning(
        "environments that Lambda started, counted with the first hook or compilation",
        "all",
    ),
    "ServiceTime": _Meaning("time from the gateway's event to the reply, within the function"),
    "DecisionTime": _Meaning(
        "time that the policies took, with the reads of sessions and rows that they need"
    ),
    "Compiled": _Meaning("compilations after which the edited policies are active", COMPILER),
    "CompileErrors": _Meaning(
        "compilations after which they are not: a policy is wrong, or the compiler failed", COMPILER
    ),
    "KeysStale": _Meaning(
        "failed fetches of a token issuer's keys; the known keys stay valid", COMPILER
    ),
    "RestErrors": _Meaning("replies other than 200, by what WCS did with them"),
}

_OTHERS: Final = {
    "ThrottledRequests": "requests that the gateway answered 429",
    "Errors": "calls of a function that crashed or timed out",
    "Throttles": "calls that Lambda refused because no concurrency was left",
    "IteratorAge": "ms that the oldest policy edit waited for the compiler",
    "PolledEventCount": "policy edits read from the stream; its sample count is that of polls",
    "ApproximateNumberOfMessagesVisible": "dead letters in the queue",
    "ApproximateAgeOfOldestMessage": "age in seconds of the oldest dead letter in the queue",
    "Latency": "ms from the request to the gateway's reply",
    "Count": "requests to the gateway",
    "4xx": "requests that the gateway answered 4xx, denials included",
    "5xx": "requests that the gateway answered 5xx",
}
"""What the metrics count that the functions do not emit."""

_CONSTRUCT: Final = "ObservabilityAlarms"
_COMPARISONS: Final = {"GreaterThanOrEqualToThreshold": "≥", "LessThanThreshold": "<"}
_SEARCHED: Final = re.compile(r'\{"?(?P<namespace>\w+).*MetricName="(?P<name>\w+)"')
_CATEGORY: Final = re.compile(rf"\b(?:{'|'.join(Category)})\b(?= hooks| function|: what WCS did)")


class _Alarm(NamedTuple):
    """An alarm, or several that differ only in their category.

    Attributes
    ----------
    kind
        Its name, without the category.
    description
        Which says `*category*` instead of the category.
    """

    kind: str
    description: str
    condition: str
    metric: str
    namespace: str


class _Watched(NamedTuple):
    """What a template watches and shows.

    Attributes
    ----------
    alarms
        Each with the categories that have one, or none.
    widgets
        The titles of the widgets that show a metric, by its name.
    namespaces
        By the name of a metric.
    """

    alarms: Mapping[_Alarm, Sequence[str]]
    widgets: Mapping[str, Sequence[str]]
    namespaces: Mapping[str, str]


def text(template: Any) -> str:
    """Return the whole file.

    Parameters
    ----------
    template
        The stack's, synthesised with the default settings.
    """
    watched = _watched(template["Resources"])
    head = ("metric", "counts", "unit", "dimensions", "category", "alarm", "dashboard")
    others = ("metric", "namespace", "counts", "alarm", "dashboard")
    alarms = ("alarm", "category", "means", "condition")
    parts = [
        _INTRODUCTION,
        _METRICS,
        table(("dimension", "values"), _DIMENSIONS.items()) + "\n",
        table(head, _own_metrics(watched)) + "\n",
        _OTHER_METRICS,
        table(others, _other_metrics(watched)) + "\n",
        _ALARMS,
        table(alarms, _alarms(watched)) + "\n",
        _QUERIES,
    ]
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Write the file."""
    FILE.write_text(text(template_of(Settings())), encoding="utf-8")


def _own_metrics(watched: _Watched) -> Iterator[tuple[str, ...]]:
    for name, meaning in _MEANINGS.items():
        first, *more = METRICS[name]
        dimensions = ", ".join(f"`{each}`" for each in first)
        for each in more:
            dimensions += f"; also with `{'`, `'.join(each[len(first) :])}`"
        alarms = _links(watched, name)
        widgets = _widgets(watched, name)
        unit = unit_of(name)
        yield f"`{name}`", meaning.counts, unit, dimensions, meaning.categories, alarms, widgets


def _other_metrics(watched: _Watched) -> Iterator[tuple[str, ...]]:
    for name, namespace in watched.namespaces.items():
        if name not in METRICS:
            alarms, widgets = _links(watched, name), _widgets(watched, name)
            yield f"`{name}`", f"`{namespace}`", _OTHERS[name], alarms, widgets


def _alarms(watched: _Watched) -> Iterator[tuple[str, ...]]:
    for alarm, categories in watched.alarms.items():
        yield _link(alarm), ", ".join(categories), alarm.description, alarm.condition


def _links(watched: _Watched, metric: str) -> str:
    return ", ".join(_link(alarm) for alarm in watched.alarms if alarm.metric == metric)


def _link(alarm: _Alarm) -> str:
    """Link to the alarm's entry in the runbook; those of several categories have one together."""
    return f"[`{alarm.kind}`](../operate/runbook.md#{alarm.kind.lower()})"


def _widgets(watched: _Watched, metric: str) -> str:
    return "; ".join(watched.widgets.get(metric, ()))


def _watched(resources: Mapping[str, Any]) -> _Watched:
    alarms: dict[_Alarm, list[str]] = {}
    namespaces: dict[str, str] = {}
    widgets: dict[str, list[str]] = {}
    for logical_id, resource in resources.items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            alarm, category = _alarm(logical_id, resource["Properties"])
            alarms.setdefault(alarm, []).extend(category)
            namespaces[alarm.metric] = alarm.namespace
    [dashboard] = [each for each in resources.values() if each["Type"].endswith("::Dashboard")]
    for title, metric, namespace in _shown(dashboard["Properties"]["DashboardBody"]):
        namespaces.setdefault(metric, namespace)
        titles = widgets.setdefault(metric, [])
        if title not in titles:
            titles.append(title)
    return _Watched(alarms, widgets, namespaces)


def _alarm(logical_id: str, properties: Mapping[str, Any]) -> tuple[_Alarm, list[str]]:
    """Read an alarm; return it with its category, if it is one of a category."""
    name = re.sub(rf"^{_CONSTRUCT}|[0-9A-F]{{8}}$", "", logical_id)
    description, _, _ = properties["AlarmDescription"].partition(" Runbook: ")
    categories = [str(each) for each in Category if name.startswith(each.capitalize())]
    for category in categories:
        name = name.removeprefix(category.capitalize())
        description = _CATEGORY.sub("*category*", description)
    condition = _condition(properties)
    metric, namespace = properties["MetricName"], properties["Namespace"]
    return _Alarm(name, description, condition, metric, namespace), categories


def _condition(properties: Mapping[str, Any]) -> str:
    statistic = properties.get("ExtendedStatistic") or properties["Statistic"]
    comparison = _COMPARISONS[properties["ComparisonOperator"]]
    periods, minutes = properties["EvaluationPeriods"], properties["Period"] // 60
    datapoints = properties.get("DatapointsToAlarm", periods)
    if datapoints < periods:
        lasting = f"in {datapoints} of {periods} periods of {minutes} minutes"
    else:
        lasting = f"for {_minutes(periods * minutes)}"
    missing = properties["TreatMissingData"] == "breaching"
    also = ", or without data" if missing else ""
    threshold = f"{properties['Threshold']:,}"
    return f"`{properties['MetricName']}` ({statistic}) {comparison} {threshold} {lasting}{also}"


def _minutes(number: int) -> str:
    return "a minute" if number == 1 else f"{number} minutes"


def _shown(body: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the title, the metric's name and its namespace of all that the dashboard shows."""
    joined = "".join(part if isinstance(part, str) else "REF" for part in body["Fn::Join"][1])
    for widget in json.loads(joined)["widgets"]:
        properties = widget["properties"]
        title = _CATEGORY.sub("*category*", properties.get("title", ""))
        for metric in properties.get("metrics", ()):
            match metric:
                case [str(namespace), str(name), *_]:
                    yield title, name, namespace
                case [{"expression": str(expression)}] if found := _SEARCHED.search(expression):
                    yield title, found["name"], found["namespace"]


if __name__ == "__main__":
    main()
