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
from wcs_hooks.telemetry.catalogue import BY_CATEGORY, COMPILER, METRICS, Name, unit_of

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

Unless the table says otherwise, a metric has the unit Count and the dimensions `service` and
`category`, and each category of hooks has it. `Calls` is the sum of `Echoed`, `Overridden`,
`Denied`, `Rejected`, `Malformed` and `Failed`: each hook is in one of them.
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
All alarms exist whatever the settings are. If the column *category* is not empty, each of these
categories has an alarm of its own, whose name begins with the category: `ConnectFailed`. Numbers
are those of the default settings: the threshold of `Slow` is half of `replyTimeout`, and the
period of `KeysStale` is `keysRefreshMinutes`. Missing data sets off an alarm only if the condition
says so.
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
    "`restOnError`": "`FAIL`, `LOG`, or `UNKNOWN` if neither the session nor the policies are "
    "known to the function",
    "`outcome`": "what WCS did, or `UNKNOWN` with that `restOnError`, except for a connect: see "
    "[what callers notice](../operate/runbook.md#what-callers-notice)",
    "`cause`": "`policy` (a denial), `failure` (on our side), `caller` (it is not WCS) or "
    "`malformed` (the body is not a hook)",
}

_ALL: Final = tuple(map(str, Category))
_ALSO_COMPILER: Final = (*_ALL, COMPILER)


class _Meaning(NamedTuple):
    """What a metric counts, and in which categories."""

    counts: str
    categories: Sequence[str] = _ALL


_MEANINGS: Final[Mapping[Name, _Meaning]] = {
    "Calls": _Meaning("Hooks that a function answered"),
    "Echoed": _Meaning(
        "Hooks answered 200 with the body as it came; for connect, `restClientConfig` may be added"
    ),
    "Overridden": _Meaning("Hooks answered 200 with fields that a policy changed"),
    "Denied": _Meaning(
        "Hooks that a policy denied, also because its limit had no place left. The status is the "
        "policy's: 403, or 401 if it requires a token, unless it says otherwise"
    ),
    "DenySuppressed": _Meaning(
        "Hooks that a policy denies and that were echoed all the same, because their session was "
        "never seen at connect: the WCS REST API may have started them (setting `restApiCalls`)",
        ("direct", "event", "incoming"),
    ),
    "ShadowDenied": _Meaning("Hooks that a policy in shadow mode would have denied"),
    "ShadowOverridden": _Meaning("Hooks that a policy in shadow mode would have changed"),
    "Rejected": _Meaning(
        "Hooks whose caller did not prove to be WCS (403): a wrong signature or none, wrong "
        "credentials, or an address that is not allowed"
    ),
    "Malformed": _Meaning("Hooks whose body is not a JSON object (400) or is too large (413)"),
    "Failed": _Meaning(
        "Hooks answered 503, because something they need did not answer, or 500, because of a bug"
    ),
    "UnknownMethod": _Meaning(
        "Hooks of methods that this version does not know; policies do not apply to them",
        ("event",),
    ),
    "ReportedFailures": _Meaning(
        "Events by which WCS reports an error: ErrorEvent, or `status` FAILED", ("event",)
    ),
    "ExpressionErrors": _Meaning("Expressions that could not be evaluated"),
    "TokensRejected": _Meaning(
        "Hooks with a token that is not valid, if a policy asked for it: "
        "[`token.status`](tokens.md#statuses) is neither `none` nor `valid`"
    ),
    "LookupErrors": _Meaning("Rows of lists that could not be read or used"),
    "LimitErrors": _Meaning(
        "Limits that could not be counted, because the table Leases did not answer or was busy",
        ("connect", "direct", "incoming"),
    ),
    "LeasesExpired": _Meaning(
        "Places of limits that expired before their stream, call or session ended: WCS crashed, or "
        "sends no keep-alives",
        ("connect", "direct", "incoming"),
    ),
    "StaleSnapshot": _Meaning(
        "Hooks decided by policies that may be outdated, because PolicySnapshots could not be read"
    ),
    "DeadLettered": _Meaning("Hooks kept as dead letters, in the queue or in the table"),
    "DeadLetterFallback": _Meaning(
        "Dead letters that are in the table because the queue did not take them; `DeadLettered` "
        "counts them too"
    ),
    "DeadLetterLost": _Meaning("Hooks that failed and that neither the queue nor the table took"),
    "ColdStart": _Meaning(
        "Environments that Lambda started, counted with the first hook or compilation",
        _ALSO_COMPILER,
    ),
    "ServiceTime": _Meaning("Time from the gateway's event to the reply, within the function"),
    "DecisionTime": _Meaning(
        "Time that the policies took, with the reads of sessions and rows that they need; places "
        "of limits are taken after that"
    ),
    "Compiled": _Meaning(
        "Compilations without an error: the edited policies are active, unless a version is pinned",
        (COMPILER,),
    ),
    "CompileErrors": _Meaning(
        "Compilations with an error: a policy is wrong, or the compiler failed. The edit is not "
        "active",
        (COMPILER,),
    ),
    "KeysStale": _Meaning(
        "Failed fetches of a token issuer's keys; the known keys stay valid", (COMPILER,)
    ),
    "RestErrors": _Meaning("Replies other than 200, by what WCS did with them"),
}

_OTHERS: Final = {
    "ThrottledRequests": "Requests that the gateway answered 429.",
    "Errors": "Calls of a function that crashed or timed out.",
    "Throttles": "Calls that Lambda refused because no concurrency was left.",
    "IteratorAge": "Time (ms) that the oldest policy edit waited for the compiler.",
    "PolledEventCount": "Policy edits that Lambda read from the stream; one sample for each poll.",
    "ApproximateNumberOfMessagesVisible": "Dead letters in the queue.",
    "ApproximateAgeOfOldestMessage": "Age in seconds of the oldest dead letter in the queue.",
    "Latency": "Time (ms) from the request to the gateway's reply.",
    "Count": "Requests to the gateway.",
    "4xx": "Requests that the gateway answered 4xx, denials included.",
    "5xx": "Requests that the gateway answered 5xx.",
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
    head = ("metric", "counts", "alarm", "dashboard")
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
        counts = ". ".join((meaning.counts, *_peculiarities(name, meaning))) + "."
        yield f"`{name}`", counts, _links(watched, name), _widgets(watched, name)


def _peculiarities(name: Name, meaning: _Meaning) -> Iterator[str]:
    """Yield what the metric does not have in common with most."""
    first, *more = METRICS[name]
    if first != BY_CATEGORY:
        yield f"Dimensions: `{'`, `'.join(first)}`"
    for dimensions in more:
        yield f"Also with `{'`, `'.join(dimensions[len(first) :])}`"
    if unit_of(name) != "Count":
        yield f"Unit: {unit_of(name)}"
    if meaning.categories == _ALSO_COMPILER:
        yield f"Category: also {COMPILER}"
    elif meaning.categories != _ALL:
        yield f"Category: {', '.join(meaning.categories)}"


def _other_metrics(watched: _Watched) -> Iterator[tuple[str, ...]]:
    for name, namespace in watched.namespaces.items():
        if name not in METRICS:
            alarms, widgets = _links(watched, name), _widgets(watched, name)
            yield f"`{name}`", f"`{namespace}`", _OTHERS[name], alarms, widgets


def _alarms(watched: _Watched) -> Iterator[tuple[str, ...]]:
    for alarm, categories in watched.alarms.items():
        each = "each" if tuple(categories) == _ALL else ", ".join(categories)
        yield _link(alarm), each, alarm.description, alarm.condition


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
    # `service` and `category` are clear from the alarm's name, and references from its metric.
    values = {each["Name"]: each["Value"] for each in properties.get("Dimensions", ())}
    special = [
        f"{name} {value}"
        for name, value in values.items()
        if name not in BY_CATEGORY and isinstance(value, str)
    ]
    of = ", ".join((statistic, *special))
    return f"`{properties['MetricName']}` ({of}) {comparison} {threshold} {lasting}{also}"


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
