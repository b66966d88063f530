"""What the documents say of alarms is so: they exist."""

import re
from pathlib import Path

from tests.infra.synthesis import SynthesisedStack
from wcs_hooks.core.methods import Category

_DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "maintainers" / "reliability.md"
_ALARMS = re.compile(r"alarms? ((?:`…?[A-Za-z]+`(?:, | and |\s)*)+)")


def test_given_an_alarm_in_the_document_on_reliability_then_the_stack_has_it(
    stack: SynthesisedStack,
) -> None:
    text = " ".join(_DOCUMENT.read_text(encoding="utf-8").split())
    named = {name for group in _ALARMS.findall(text) for name in re.findall(r"`([^`]+)`", group)}
    alarms = stack.of_type("AWS::CloudWatch::Alarm")

    assert {"…DeadLetterLost", "…Throttles", "StreamsEnded", "CompilerErrors"} <= named
    for name in named:
        each = [category.capitalize() for category in Category] if "…" in name else [""]
        for prefix in each:
            wanted = f"ObservabilityAlarms{prefix}{name.removeprefix('…')}"
            assert any(logical_id.startswith(wanted) for logical_id in alarms), wanted
