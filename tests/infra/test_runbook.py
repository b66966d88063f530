"""The runbook: an entry for each alarm, and commands that work."""

import json
import os
import re
import shlex
import subprocess
import sys
from typing import Final

import pytest
from typer.testing import CliRunner

from infra.hook_api import _ACCESS_LOG
from infra.settings import Settings
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import ROOT, SynthesisedStack
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.outcome import Outcome, RestOnError, outcome_of
from wcsctl import cli

RUNBOOK: Final = "docs/operate/runbook.md"
TEXT: Final = (ROOT / RUNBOOK).read_text()
PARTS: Final = (
    *("**What it means.**", "**First look.**", "**Likely causes.**", "**What to do.**"),
    *("**Over when**", "**Afterwards.**"),
)
LOG_FIELDS: Final = {
    *("@timestamp", "@message"),
    *("answer", "app", "category", "deadLettered", "decision", "error", "method", "stale"),
    *("denySuppressed", "expressionErrors", "limitErrors", "lookupErrors", "outcome"),
    *("address", "reason"),
    *("ColdStart", "DecisionTime", "ServiceTime"),
    *_ACCESS_LOG,
}
"""What Logs Insights finds in the lines of our functions and of the gateway."""
LAMBDAS_FIELDS: Final = {"errorMessage", "errorType", "record", "type"}
"""What it finds in the lines of Lambda and of its runtime client."""


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


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


# --- Entries ------------------------------------------------------------------------------------


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
    told = {category: (fail, log) for category, fail, log in rows if category in list(Category)}

    assert set(told) == set(Category)
    for method in METHODS.values():
        for text, setting in zip(told[method.category], RestOnError, strict=True):
            outcome = outcome_of(method.name, method.category, setting)
            assert outcome in text
    assert list(RestOnError) == [RestOnError.FAIL, RestOnError.LOG]
    assert Outcome.STREAM_ENDED in told[Category.EVENT][0]


@pytest.mark.parametrize(
    "document",
    ["operate/runbook.md", "maintainers/threat-model.md", "explanation/where-it-fails-open.md"],
)
def test_given_a_link_or_a_file_that_is_named_when_it_is_followed_then_something_is_there(
    document: str,
) -> None:
    page = ROOT / "docs" / document
    text = page.read_text()
    links = [link for link in re.findall(r"\]\(([^)]*)\)", text) if "://" not in link]

    assert len(links) > 5
    for link in links:
        file, _, anchor = link.partition("#")
        target = (page.parent / file if file else page).read_text()
        headings = re.findall(r"^#+ (.*)$", target, flags=re.MULTILINE)
        assert not anchor or anchor in {slug(heading) for heading in headings}, link
    for file in re.findall(r"`(tests/[^`]*)`", text):
        assert (ROOT / file).exists(), file


# --- Commands -----------------------------------------------------------------------------------


def commands(program: str) -> list[str]:
    """Every call of a program, in code blocks and in running text; of a pipe the first part."""
    in_blocks = [line for block in blocks("sh") for line in block.splitlines()]
    in_text = re.findall(r"`((?:wcsctl|aws|npx) [^`]*)`", re.sub(r"\n(?!\n)", " ", TEXT))
    calls = dict.fromkeys((*in_blocks, *in_text))
    return [call for call in calls if call.startswith(f"{program} ")]


@pytest.mark.parametrize("command", commands("wcsctl"))
def test_given_a_wcsctl_command_in_the_runbook_when_it_is_typed_then_wcsctl_knows_it(
    command: str,
) -> None:
    words = shlex.split(command.partition(" | ")[0])[1:]
    [path] = re.findall(r"^(?:--json )?([a-z][a-z -]*?)(?= -|$| [A-Z])", " ".join(words))

    shown = _help(*words)

    assert f"Usage: wcsctl {path} " in shown


@pytest.mark.parametrize("words", [["dead-letter", "redrive", "--all"], ["secrets"], ["-x"]])
def test_given_a_command_that_wcsctl_does_not_know_then_that_is_noticed(words: list[str]) -> None:
    with pytest.raises(AssertionError):
        _help(*words)


def _help(*words: str) -> str:
    """What a command says of itself: an option that it has not is an error before that."""
    done = CliRunner().invoke(cli.app, [*words, "--help"], prog_name="wcsctl")
    assert done.exit_code == 0, done.output
    return re.sub(r"\s+", " ", done.output)


_UNKNOWN_TO_AWS: Final = "aws sqs get-queue-attributes --queue-url QUEUE --policies"

_RUN_AWS: Final = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver

said = {}
for command, words in json.load(sys.stdin).items():
    with contextlib.redirect_stderr(io.StringIO()) as errors, contextlib.suppress(SystemExit):
        create_clidriver().main([*words, "--endpoint-url", "http://127.0.0.1:1"])
    said[command] = errors.getvalue()
json.dump(said, sys.stdout)
"""
"""Nobody listens there: the CLI comes as far as that only if the words are right."""


@pytest.fixture(scope="module")
def said_by_aws(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the AWS command line writes to standard error, by command; it is loaded once for all."""
    directory = tmp_path_factory.mktemp("aws")
    for name in ("secret.json", "edit.json"):
        (directory / name).write_text("{}")
    words = {
        command: shlex.split(command.replace("…", ""))[1:]
        for command in (*commands("aws"), _UNKNOWN_TO_AWS)
    }
    done = subprocess.run(
        [sys.executable, "-c", _RUN_AWS],
        input=json.dumps(words),
        cwd=directory,
        env={**os.environ, "AWS_MAX_ATTEMPTS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    said: dict[str, str] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("command", commands("aws"))
def test_given_an_aws_command_in_the_runbook_when_it_is_typed_then_the_cli_knows_it(
    command: str, said_by_aws: dict[str, str]
) -> None:
    assert "Could not connect to the endpoint URL" in said_by_aws[command]


def test_given_a_command_that_the_cli_does_not_know_then_that_is_noticed(
    said_by_aws: dict[str, str],
) -> None:
    assert "Unknown options: --policies" in said_by_aws[_UNKNOWN_TO_AWS]


@pytest.mark.parametrize("query", blocks("insights"))
def test_given_a_query_in_the_runbook_when_it_is_run_then_the_log_has_what_it_asks_for(
    query: str,
) -> None:
    steps = [step.strip() for step in query.split("\n|")]
    made = {name for step in steps for name in re.findall(r"\bas (\w+)", step)}
    known = {"filter", "stats", "display", "sort", "limit"}
    words = {"by", "as", "or", "and", "in", "like", "desc", "asc", "count", "pct", "max", "bin"}

    for step in steps:
        assert step.split()[0] in known
        plain = re.sub(r"\"[^\"]*\"|/[^/]*/|\b\d+m?\b", " ", step.partition(" ")[2])
        names = set(re.findall(r"(?<!\.)@?\b[A-Za-z]\w*", plain)) - words - {"ispresent"}
        assert names <= LOG_FIELDS | LAMBDAS_FIELDS | made, names - LOG_FIELDS - made


def test_given_the_fields_of_queries_then_the_functions_write_them() -> None:
    telemetry = ROOT / "functions" / "wcs_hooks" / "telemetry"
    source = "".join(path.read_text() for path in sorted(telemetry.glob("*.py")))
    ours = LOG_FIELDS - {*_ACCESS_LOG} - {name for name in LOG_FIELDS if name.startswith("@")}

    assert [name for name in sorted(ours) if f'"{name}"' not in source] == []
