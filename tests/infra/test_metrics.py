"""What the dashboard and the alarms name, and what is emitted: one and the same."""

from typing import Final

import pytest
from aws_cdk.aws_cloudwatch import SearchExpression

from infra.metrics import Metrics
from infra.settings import Settings
from tests.infra.conftest import Synthesise
from tests.infra.metrics_named import Kind, from_access_logs, in_alarms, namespaces, on_dashboard
from tests.infra.synthesis import SynthesisedStack
from tools.metrics_reference import FILE, text
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import UNKNOWN
from wcs_hooks.telemetry.catalogue import COMPILER, METRICS

CAUSES: Final = ("policy", "failure", "caller", "malformed")

WHAT_WCS_DOES: Final = {
    ("connect", "FAIL", "declined"),
    ("connect", "LOG", "declined"),
    ("connect", UNKNOWN, "declined"),
    ("direct", "FAIL", "aborted"),
    ("direct", "LOG", "continued"),
    ("direct", UNKNOWN, UNKNOWN),
    ("event", "FAIL", "error-event"),
    ("event", "FAIL", "stream-ended"),
    ("event", "LOG", "continued"),
    ("event", UNKNOWN, UNKNOWN),
    ("incoming", "FAIL", "aborted"),
    ("incoming", "LOG", "continued"),
    ("incoming", UNKNOWN, UNKNOWN),
}


@pytest.fixture(scope="module")
def emitted(stack: SynthesisedStack) -> set[Kind]:
    by_functions = {
        Kind.from_dimensions(name, each) for name, sets in METRICS.items() for each in sets
    }
    return by_functions | from_access_logs(stack)


def test_given_the_dashboard_when_it_names_a_metric_then_that_is_emitted_with_these_dimensions(
    emitted: set[Kind], stack: SynthesisedStack
) -> None:
    assert {named.kind for named in on_dashboard(stack)} - emitted == set()


def test_given_an_alarm_when_it_watches_a_metric_then_that_is_emitted_with_these_dimensions(
    emitted: set[Kind], stack: SynthesisedStack
) -> None:
    assert {named.kind for named in in_alarms(stack)} - emitted == set()


def test_given_an_emitted_metric_when_somebody_looks_then_the_dashboard_or_an_alarm_names_it(
    emitted: set[Kind], stack: SynthesisedStack
) -> None:
    named = {named.kind for named in [*on_dashboard(stack), *in_alarms(stack)]}

    assert emitted - named == set()


def test_given_the_page_of_metrics_then_it_is_what_the_command_writes_and_has_every_metric(
    stack: SynthesisedStack,
) -> None:
    page = FILE.read_text(encoding="utf-8")

    assert page == text(stack.template), "run: make reference"
    assert not [name for name in METRICS if f"| `{name}` |" not in page]


def test_given_two_stages_in_one_account_when_metrics_are_named_then_each_names_its_own(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(event_bus=True, stage="test"))

    named = [
        each
        for each in [*on_dashboard(stack), *in_alarms(stack)]
        if "service" in each.kind.dimensions
    ]
    assert named
    assert {each.values.get("service") for each in named} == {"wcs-hooks-test"}


def test_given_two_stages_in_one_account_when_anything_is_counted_then_they_share_no_namespace(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    assert namespaces(stack) == {"WcsHooks"}
    assert namespaces(stack_with(Settings(event_bus=True, stage="test"))) == {"WcsHooks/test"}


def test_given_a_stage_with_a_hyphen_when_a_graph_searches_its_metrics_then_they_are_quoted() -> (
    None
):
    searched = Metrics(Settings(stage="eu-1")).rest_errors_of(Category.EVENT)

    assert isinstance(searched, SearchExpression)
    assert searched.expression.startswith("""SEARCH('{"WcsHooks/eu-1",category,""")


def test_given_metrics_by_category_when_named_then_every_category_is_a_function_that_emits_them(
    stack: SynthesisedStack,
) -> None:
    for named in [*on_dashboard(stack), *in_alarms(stack)]:
        if "category" in named.values:
            of_compiler = named.kind.name in {"Compiled", "CompileErrors", "KeysStale"}
            expected = {COMPILER} if of_compiler else set(map(str, Category))
            if named.kind.name == "ColdStart":
                expected |= {COMPILER}
            assert named.values["category"] in expected, named


def test_given_replies_other_than_200_when_the_grid_is_read_then_it_has_every_cell_once(
    stack: SynthesisedStack,
) -> None:
    cells = [
        tuple(named.values[each] for each in ("category", "restOnError", "outcome", "cause"))
        for named in on_dashboard(stack)
        # The graphs beneath leave all but the category open.
        if named.kind.name == "RestErrors" and len(named.values) > 1
    ]

    assert sorted(cells) == sorted((*row, cause) for row in WHAT_WCS_DOES for cause in CAUSES)


def test_given_refusals_over_time_when_looked_for_then_each_category_has_a_graph(
    stack: SynthesisedStack,
) -> None:
    searched = [
        named.values
        for named in on_dashboard(stack)
        if named.kind.name == "RestErrors" and len(named.values) == 1
    ]

    assert searched == [{"category": category} for category in Category]


def test_given_streams_that_a_failure_of_ours_ends_when_they_end_then_an_alarm_goes_off(
    stack: SynthesisedStack,
) -> None:
    (watched,) = [each.values for each in in_alarms(stack) if each.kind.name == "RestErrors"]

    assert watched == {
        "category": "event",
        "restOnError": "FAIL",
        "outcome": "stream-ended",
        "cause": "failure",
    }
