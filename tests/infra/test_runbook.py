"""The runbook: an entry for each alarm."""

import re
from typing import Final

import pytest

from infra.settings import Settings
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import ROOT, SynthesisedStack
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.outcome import Outcome, RestOnError, outcome_of

RUNBOOK: Final = "docs/operate/runbook.md"
TEXT: Final = (ROOT / RUNBOOK).read_text()
PARTS: Final = (
    *("**What it means.**", "**First look.**", "**Likely causes.**", "**What to do.**"),
    *("**Over when**", "**Afterwards.**"),
)


@pytest.fixture(scope="module", params=[Settings(), Settings(event_bus=True, stage="test")])
def alarms(request: pytest.FixtureRequest, stack_with: Synthesise) -> dict[str, str]:
    """The description of each alarm, by its name in the stack."""
    stack: SynthesisedStack = stack_with(request.param)
    return {
        re.sub(r"^ObservabilityAlarms|[0-9A-F]{8}$", "", name): alarm["Properties"][
            "AlarmDescription"
        ]
        for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items()
    }


def sections() -> dict[str, str]:
    """The text below each heading of the second level, by heading."""
    _, *parts = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def entries() -> dict[str, str]:
    """The section in which each heading of the second and third level stands."""
    found = {}
    for heading, text in sections().items():
        found[heading] = text
        for entry in re.findall(r"^### (.*)$", text, flags=re.MULTILINE):
            found[entry] = text
    return found


def slug(heading: str) -> str:
    """The anchor that a heading has where Markdown is shown."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_given_any_alarm_when_it_goes_off_then_its_description_leads_to_its_own_entry(
    alarms: dict[str, str],
) -> None:
    anchors = {slug(entry): entry for entry in entries()}

    assert len(alarms) > 30
    for name, description in alarms.items():
        _, found, address = description.partition(f" Runbook: {RUNBOOK}#")
        assert found, f"{name} does not name an entry"
        assert anchors.get(address) == name
        assert len(description) <= 1024


def test_given_the_runbook_when_an_alarm_is_gone_then_its_entry_is_too(
    alarms: dict[str, str],
) -> None:
    asides = {
        *("What callers notice", "First look, whatever the alarm", "Redrive"),
        # Of several alarms, one of each category.
        *("Failed", "DeadLetterFallback", "DeadLetterLost"),
        *("Errors", "Throttles", "Slow", "Rejected", "Stale"),
        *("ExpressionErrors", "LookupErrors", "LimitErrors", "DenySuppressed"),
    }

    assert entries().keys() - asides == alarms.keys()


def test_given_an_entry_when_it_is_read_at_night_then_it_says_all_that_one_needs(
    alarms: dict[str, str],
) -> None:
    for name in alarms:
        text = entries()[name]
        assert [part for part in PARTS if text.count(part) != 1] == [], name
        assert [text.index(part) for part in PARTS] == sorted(text.index(part) for part in PARTS)


def test_given_an_alarm_of_a_category_when_its_entry_is_read_then_it_says_whom_it_hits(
    alarms: dict[str, str],
) -> None:
    for name in alarms:
        if name not in sections():
            [said] = re.findall(rf"^### {name}\n\n(.+?)\n\n", TEXT, flags=re.MULTILINE | re.DOTALL)
            assert len(said) > 15, name


def test_given_what_callers_notice_when_compared_with_the_vendors_table_then_it_is_the_same() -> (
    None
):
    rows = re.findall(r"^\| (\w+) \| (.*) \| (.*) \|$", TEXT, flags=re.MULTILINE)
    consequences = {
        category: (fail, log) for category, fail, log in rows if category in list(Category)
    }

    assert set(consequences) == set(Category)
    for method in METHODS.values():
        for text, setting in zip(consequences[method.category], RestOnError, strict=True):
            outcome = outcome_of(method.name, method.category, setting)
            assert outcome in text
    assert list(RestOnError) == [RestOnError.FAIL, RestOnError.LOG]
    assert Outcome.STREAM_ENDED in consequences[Category.EVENT][0]
