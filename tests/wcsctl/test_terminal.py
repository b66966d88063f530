"""What is shown of others' texts: as they are, in their place, without effect on the terminal."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.operated_stack import OperatedStack, operated
from tests.wcsctl.policy_commands import write_files
from wcsctl.commands.decisions import decision_line
from wcsctl.commands.policy.rendering import listing_lines
from wcsctl.commands.stats import drawn
from wcsctl.function_logs import LogRecord
from wcsctl.metrics import Activity
from wcsctl.output import Output, TextConsole
from wcsctl.policies import yaml as policy_yaml

_HOSTILE = "\x1b]0;pwned\x07 x\r\nforged\x9b2J[/y] :phone: \u202e"
_SHOWN = r"\x1b]0;pwned\x07 x\r\nforged\x9b2J[/y] :phone: \u202e"


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], io.TextIOWrapper]:
    """Have standard output in an encoding; what is written is in the stream's buffer."""

    def encoded(encoding: str) -> io.TextIOWrapper:
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
        monkeypatch.setattr("sys.stdout", stream)
        return stream

    return encoded


def written(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()


def test_given_a_method_with_escapes_and_a_line_break_then_its_decision_is_one_visible_line(
    stack: OperatedStack,
) -> None:
    stack.log("event", {"decision": "d-1", "method": _HOSTILE, "error": _HOSTILE, "status": 403})

    [line] = stack.run("decisions").stdout.splitlines()
    [parsed] = stack.run("--json", "decisions").stdout.splitlines()

    assert line.count(_SHOWN) == 2
    assert json.loads(parsed)["method"] == _HOSTILE
    assert "\x9b" not in parsed
    assert "\u202e" not in parsed


def test_given_a_dead_letter_with_escapes_then_it_stays_in_its_row(stack: OperatedStack) -> None:
    stack.send(
        {
            "decision": "\nforged",
            "category": "event",
            "method": "\x1b[2J",
            "error": {"message": _HOSTILE},
        }
    )

    _, first, *others = stack.run("dead-letter", "list").stdout.splitlines()

    assert first.startswith(r"\nforged")
    assert r"\x1b[2J" in first
    assert all(line.startswith(" " * 40) for line in others)


def test_given_markup_emoji_and_escapes_when_shown_then_they_are_what_they_were(
    shown: Callable[[str], io.TextIOWrapper],
) -> None:
    stream = shown("utf-8")
    output = Output()

    output.result({}, "arn:aws:secretsmanager:eu:1:secret:x [/y]", _HOSTILE.replace("\n", ""))
    output.result({}, output.table(["[/h]"], [[_HOSTILE]]))
    with output.steps("[/y] :phone:", 1):
        pass

    first, second, heading, row = written(stream).decode().splitlines()
    assert first == "arn:aws:secretsmanager:eu:1:secret:x [/y]"
    assert second == _SHOWN.replace(r"\n", "")
    assert heading.rstrip() == "[/h]"
    assert row.rstrip() == _SHOWN


def test_given_a_method_like_markup_and_a_body_with_half_a_character_when_tried_then_both_are_shown(
    tmp_path: Path, stack: OperatedStack
) -> None:
    body = tmp_path / "body.json"
    body.write_text('{"appKey": "live", "name": "\\ud800"}')

    ran = stack.run("try", "x[/y]", "-f", str(body))

    assert ran.exit_code == 0, ran.exception
    assert ran.stderr.startswith("x[/y] is not a known method")
    assert "Verdict   echo" in ran.stdout


def test_given_a_policy_with_escapes_when_its_yaml_is_shown_then_it_reads_back_the_same() -> None:
    policy = {"id": _HOSTILE, "note": _HOSTILE}

    text = policy_yaml.write_policies([policy])

    assert policy_yaml.read(text, "it") == policy
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(text)


def test_given_a_test_with_control_characters_when_reported_to_junit_then_it_is_xml(
    tmp_path: Path, stack: OperatedStack
) -> None:
    directory = write_files(
        tmp_path / "policies",
        {
            "school/calls.yaml": 'id: a\nmethod: call\naction: deny\nreason: "\\x01[/y]"\n',
            "school/calls.test.yaml": (
                'tests: [{name: "\\e:a:", hook: {method: call}, session: {},'
                " expect: {action: echo}}]\n"
            ),
        },
    )
    report = tmp_path / "report.xml"

    ran = stack.run("policy", "test", str(directory), "--junit", str(report))

    case = ET.parse(report).find("testcase")  # noqa: S314 - our own
    assert case is not None
    assert case.get("name") == r"\x1b:a:"
    assert r"\x01[/y]" in ET.tostring(case).decode()
    assert r"FAIL  school/calls.test.yaml: \x1b:a:" in ran.stdout
    assert "1 of 1 policy reached" in ran.stdout


@pytest.mark.parametrize("encoding", ["ascii", "koi8-r", "cp1252"])
def test_given_a_terminal_that_lacks_our_characters_then_others_say_the_same(
    encoding: str, shown: Callable[[str], io.TextIOWrapper]
) -> None:
    stream = shown(encoding)

    Output().result({}, "✓ 5 µs … \ud800 \N{GRINNING FACE}")
    Output(as_json=True).result({"name": "é\N{GRINNING FACE}\ud800"})

    first, *lines = written(stream).decode(encoding).splitlines()
    assert first.startswith("ok 5 ")
    assert first.endswith(r"\ud800 \U0001f600")
    assert json.loads("".join(lines)) == {"name": "é\N{GRINNING FACE}\ud800"}


def test_given_80_columns_when_policies_are_listed_then_columns_are_cut_but_not_in_a_pipe() -> None:
    row = dict.fromkeys(("app", "id", "method"), "x" * 39)
    row |= {"action": "override", "priority": "1000", "mode": "enforce", "inForce": "edited"}

    def lines(width: int | None) -> list[str]:
        drawn = listing_lines({"policies": [row], "apps": []}, width)
        return "\n".join(text.plain for text in drawn).splitlines()

    cut, whole = lines(80), lines(None)

    assert max(map(len, cut)) <= 80
    assert cut[1].split()[3:] == ["override", "1000", "enforce", "edited"]
    assert whole[1].split()[0] == "x" * 39


def test_given_no_colours_then_each_part_of_a_bar_has_a_fill_that_the_legend_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    counts = {("Calls", "direct"): 7, ("Echoed", "direct"): 3, ("Denied", "direct"): 2}
    terminal = io.StringIO()

    TextConsole(terminal).show(drawn(Activity({**counts, ("Failed", "direct"): 2}), "1h"))

    _, row, legend, *_ = terminal.getvalue().splitlines()
    assert row.endswith(" ██████▒▒▒▒▞▞▞▞")
    assert legend.split("   ")[::2] == ["█ echoed", "▒ denied", "▚ malformed"]
    assert legend.endswith("▞ failed")


def test_given_80_columns_when_a_long_decision_is_shown_then_no_line_is_wider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    terminal, pipe = io.StringIO(), io.StringIO()
    words = " ".join(f"policy-{number}" for number in range(30))
    line = decision_line(LogRecord("k", 0, "direct", {"method": "call", "error": words}))

    TextConsole(terminal).show(line)
    monkeypatch.delenv("FORCE_COLOR")
    TextConsole(pipe).show(line)

    folded = terminal.getvalue().splitlines()
    assert len(pipe.getvalue().splitlines()) == 1
    assert len(folded) > 3
    plain = [line.replace("\x1b[2m", "").replace("\x1b[0m", "") for line in folded]
    assert max(map(len, plain)) <= 80
    assert all(line.startswith("    ") for line in plain[1:])
    assert " ".join(" ".join(plain).split()) == " ".join(pipe.getvalue().split())


def test_given_steps_on_a_terminal_when_results_are_shown_then_these_have_lines_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    terminal = io.StringIO()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("sys.stderr", terminal)
    output = Output()

    with output.steps("preparing", 1) as steps, output.paused(steps):
        output.people.show("pass")

    drawn_before = terminal.getvalue().partition("pass")[0]
    assert "preparing" in drawn_before
    # The line of the steps is erased before.
    assert drawn_before.endswith("\x1b[2K")
