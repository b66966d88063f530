"""What happens to hooks, on one page.

Widgets are written out: a library of ready-made ones knows AWS's own metrics, while nearly all that
matters here are the functions' own.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
from typing import Final

from aws_cdk import Aws, CfnMapping, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.hook_api import HookApi
from infra.metrics import MINUTE, Metrics
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import Cause
from wcs_hooks.telemetry.catalogue import COMPILER, COMPILER_COUNTS, Count, outcome_rows

_WIDTH: Final = 24
_THIRD: Final = 8
_QUARTER: Final = 6
_HEIGHT: Final = 6
_GRID_HEIGHT: Final = 10

_CONSOLES: Final = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws.eu",
}
"""The console's domain in each partition, after the region."""

_OUTCOMES: Final = """\
**What WCS did with replies other than 200**, in the time shown. There is one table for each \
reason; the rows of all are `restOnError → outcome`.

**declined**: no connection · **aborted**: the action did not happen · **stream-ended**: the \
stream was cut · **error-event**: WCS went on, and notified the client · **continued**: WCS went \
on, so a denial had *no effect* · **UNKNOWN**: neither the session nor the policies could be read

What to do about an alarm: see `docs/operate/runbook.md`. Each alarm's description ends with the \
address of its entry.
"""

_REASONS: Final = {
    Cause.POLICY: "Denied by a policy",
    Cause.FAILURE: "Failed on our side",
    Cause.CALLER: "Caller rejected",
    Cause.MALFORMED: "Malformed body",
}

# Logs Insights knows a list by its members only: the policies are cut out of the line.
_LAST_DENIALS: Final = (
    'filter answer = "denied" or ispresent(denySuppressed)',
    r'parse @message /"policies":\s*\[(?<deniedBy>[^\]]*)\]/',
    "sort @timestamp desc",
    "limit 25",
    "display @timestamp, deniedBy, app, method, session, status, outcome, denySuppressed, decision",
)

_LAST_FAILURES: Final = (
    'filter answer in ["failed", "malformed", "rejected"] or ispresent(deadLettered)',
    "sort @timestamp desc",
    "limit 25",
    "display @timestamp, answer, error, app, method, status, outcome, deadLettered, decision",
)


_ANSWERS: Final[tuple[Count, ...]] = (
    *("Echoed", "Overridden", "Denied"),
    *("Failed", "Rejected", "Malformed", "UnknownMethod"),
)


class Dashboard(Construct):
    """The dashboard: first what is wrong, then what WCS did, then who was denied what.

    Attributes
    ----------
    url
        Of the dashboard in the CloudWatch console.
    """

    def __init__(  # noqa: PLR0913 - what it shows, by name
        self,
        scope: Construct,
        construct_id: str,
        *,
        metrics: Metrics,
        alarms: Sequence[cloudwatch.IAlarm],
        hooks: HookApi,
        functions: Mapping[Category, lambda_.Function],
        live: Mapping[Category, lambda_.Alias],
        compiler: lambda_.Function,
        dead_letters: sqs.IQueue,
        throttled_requests: cloudwatch.Metric,
    ) -> None:
        super().__init__(scope, construct_id)
        dashboard = cloudwatch.Dashboard(self, "Page", default_interval=Duration.hours(3))
        alarm_states = cloudwatch.AlarmStatusWidget(
            alarms=list(alarms), title="Alarms", width=_WIDTH, height=4
        )
        graphs: list[cloudwatch.IWidget] = [
            *_hooks(metrics),
            *_decisions(metrics),
            *_times(metrics, hooks),
            _dead_letters(metrics, dead_letters),
            _graph("Answered by a stale snapshot", metrics.by_category("StaleSnapshot")),
            _compiler(metrics),
            _gateway(hooks, throttled_requests),
            _functions({str(each): live[each] for each in live}, compiler),
            _cold_starts(metrics),
        ]
        rows: list[Sequence[cloudwatch.IWidget]] = [
            [alarm_states],
            *_outcomes(metrics),
            [_last_denials(functions), _last_failures(functions)],
            *batched(graphs, _WIDTH // _THIRD),
        ]
        for row in rows:
            dashboard.add_widgets(*row)
        console = CfnMapping(
            self,
            "Console",
            mapping={partition: {"domain": domain} for partition, domain in _CONSOLES.items()},
        ).find_in_map(Aws.PARTITION, "domain")
        self.url = (
            f"https://{Aws.REGION}.{console}/cloudwatch/home"
            f"?region={Aws.REGION}#dashboards/dashboard/{dashboard.dashboard_name}"
        )


def _outcomes(metrics: Metrics) -> list[list[cloudwatch.IWidget]]:
    """The grid of restOnError and outcome, a column to each cause, and how it came about."""
    return [
        [cloudwatch.TextWidget(markdown=_OUTCOMES, width=_WIDTH, height=4)],
        [_column(metrics, cause, title) for cause, title in _REASONS.items()],
        [
            _graph(
                f"{category}: what WCS did",
                [metrics.rest_errors_of(category)],
                stacked=True,
                width=_QUARTER,
            )
            for category in Category
        ],
    ]


def _column(metrics: Metrics, cause: Cause, title: str) -> cloudwatch.TableWidget:
    # Each cell is named rather than searched for: what never happened before is seen at once, and
    # every cell has its place.
    return cloudwatch.TableWidget(
        title=title,
        metrics=[
            metrics.rest_errors(row, cause).with_(label=f"{row[0]}: {row[1]} → {row[2]}")
            for row in outcome_rows()
        ],
        summary=cloudwatch.TableSummaryProps(
            columns=[cloudwatch.TableSummaryColumn.SUM], hide_non_summary_columns=True
        ),
        full_precision=True,
        width=_QUARTER,
        height=_GRID_HEIGHT,
    )


def _last_denials(functions: Mapping[Category, lambda_.Function]) -> cloudwatch.LogQueryWidget:
    return _query(
        "The last denials: by which policy, whom, and what WCS did", functions, _LAST_DENIALS
    )


def _last_failures(functions: Mapping[Category, lambda_.Function]) -> cloudwatch.LogQueryWidget:
    return _query(
        "The last hooks that could not be answered, or whose side effects failed",
        functions,
        _LAST_FAILURES,
    )


def _query(
    title: str, functions: Mapping[Category, lambda_.Function], lines: Sequence[str]
) -> cloudwatch.LogQueryWidget:
    return cloudwatch.LogQueryWidget(
        title=title,
        log_group_names=[function.log_group.log_group_name for function in functions.values()],
        query_lines=list(lines),
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        width=_WIDTH // 2,
        height=8,
    )


def _hooks(metrics: Metrics) -> list[cloudwatch.IWidget]:
    return [
        _graph("Calls, by category", metrics.by_category("Calls"), stacked=True),
        _graph("Calls, by method", [metrics.by_method("Calls")], stacked=True),
        _graph(
            "What was answered",
            [metrics.in_all(name) for name in _ANSWERS],
        ),
    ]


def _decisions(metrics: Metrics) -> list[cloudwatch.IWidget]:
    return [
        _graph("Denied, by method", [metrics.by_method("Denied")]),
        _graph(
            "Suppressed denials: the WCS REST API may have started it",
            metrics.by_category("DenySuppressed"),
        ),
        _graph("Overridden, by method", [metrics.by_method("Overridden")]),
        _graph(
            "Shadow policies: what they would do",
            [metrics.in_all("ShadowDenied"), metrics.in_all("ShadowOverridden")],
        ),
        _graph("Expressions that could not be evaluated", metrics.by_category("ExpressionErrors")),
        _graph("Tokens that were not valid", metrics.by_category("TokensRejected")),
        _graph("Rows of lists that could not be used", metrics.by_category("LookupErrors")),
        _graph("Limits that could not be counted", metrics.by_category("LimitErrors")),
        _graph("Places of limits that expired", metrics.by_category("LeasesExpired")),
        _graph(
            "What WCS reports as failed, by method",
            [
                # Only events report it.
                metrics.in_category("ReportedFailures", Category.EVENT).with_(label="all events"),
                metrics.by_method("ReportedFailures"),
            ],
        ),
    ]


def _times(metrics: Metrics, hooks: HookApi) -> list[cloudwatch.IWidget]:
    return [
        _graph("Time to answer (ms)", metrics.percentiles("ServiceTime")),
        _graph("Time to decide (µs)", metrics.percentiles("DecisionTime")),
        _graph(
            "Gateway latency (ms)",
            [
                hooks.api.metric_latency(statistic=statistic, period=MINUTE, label=statistic)
                for statistic in ("p50", "p99")
            ],
        ),
    ]


def _dead_letters(metrics: Metrics, queue: sqs.IQueue) -> cloudwatch.GraphWidget:
    return _graph(
        "Dead letters",
        [
            queue.metric_approximate_number_of_messages_visible(
                statistic="Maximum", period=MINUTE, label="waiting"
            ),
            metrics.in_all("DeadLettered"),
            metrics.in_all("DeadLetterFallback"),
            metrics.in_all("DeadLetterLost"),
        ],
        right=[
            queue.metric_approximate_age_of_oldest_message(
                statistic="Maximum", period=MINUTE, label="oldest (s)"
            )
        ],
    )


def _compiler(metrics: Metrics) -> cloudwatch.GraphWidget:
    return _graph(
        "Compiler",
        [metrics.in_category(name, COMPILER).with_(label=name) for name in COMPILER_COUNTS],
    )


def _gateway(hooks: HookApi, throttled_requests: cloudwatch.Metric) -> cloudwatch.GraphWidget:
    api = hooks.api
    return _graph(
        "Gateway",
        [
            api.metric_count(statistic="Sum", period=MINUTE, label="requests"),
            api.metric_client_error(statistic="Sum", period=MINUTE, label="4xx"),
            api.metric_server_error(statistic="Sum", period=MINUTE, label="5xx"),
            throttled_requests.with_(label="429"),
        ],
    )


def _functions(
    functions: Mapping[str, lambda_.IFunction], compiler: lambda_.IFunction
) -> cloudwatch.GraphWidget:
    return _graph(
        "Functions: errors and throttles",
        [
            metric
            for name, function in {**functions, COMPILER: compiler}.items()
            for metric in (
                function.metric_errors(period=MINUTE, label=f"{name} errors"),
                function.metric_throttles(period=MINUTE, label=f"{name} throttles"),
            )
        ],
    )


def _cold_starts(metrics: Metrics) -> cloudwatch.GraphWidget:
    return _graph(
        "Cold starts",
        [
            *metrics.by_category("ColdStart"),
            metrics.in_category("ColdStart", COMPILER).with_(label=COMPILER),
        ],
    )


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    *,
    right: Iterable[cloudwatch.IMetric] = (),
    stacked: bool = False,
    width: int = _THIRD,
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        stacked=stacked,
        width=width,
        height=_HEIGHT,
    )
