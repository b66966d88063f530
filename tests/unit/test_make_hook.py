"""`make hook` passes on what it is given: neither make nor the shell changes a value."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_ODD = [
    '{"name": "$5 $HOME ${HOME} $(HOME) $$"}',
    '{"name": "$(shell false) $(", "n": [1]}',
    '{"name": "a `b` \'c\' \\"d\\" \\n %s %% # ; & * caf\u00e9"}',
]


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """In place of Python: writes down its arguments, and what it reads."""
    script = tmp_path / "python"
    script.write_text(
        f"#!/bin/bash\nprintf '%s\\n' \"$@\" >{tmp_path}/arguments\ncat >{tmp_path}/input\n"
    )
    script.chmod(0o755)
    return script


def _make_hook(python: Path, *variables: str) -> subprocess.CompletedProcess[str]:
    # Without `make setup`: what is installed stays as it is.
    command = ["make", "--no-print-directory", "-o", "setup", "hook", f"PY={python}", *variables]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _arguments(python: Path) -> list[str]:
    return python.with_name("arguments").read_text().splitlines()


@pytest.mark.parametrize("body", _ODD)
def test_given_a_body_with_signs_of_make_and_the_shell_then_it_is_sent_as_it_is(
    python: Path, body: str
) -> None:
    done = _make_hook(python, "METHOD=call", f"BODY={body}")

    assert done.returncode == 0, done.stderr
    assert python.with_name("input").read_text() == body
    assert _arguments(python) == ["-m", "wcsctl", "--local", "send", "call", "--file", "-"]


def test_given_fields_of_the_connect_then_each_is_passed_on_as_it_is(python: Path) -> None:
    fields = ["custom.role=$teacher", "custom.tags:=[1,*]", "custom.note='$(x)'"]

    done = _make_hook(python, "METHOD=call", f"CONNECT={' '.join(fields)}")

    assert done.returncode == 0, done.stderr
    assert python.with_name("input").read_text() == "{}"
    options = [word for field in fields for word in ("--connect", field)]
    assert _arguments(python)[-len(options) :] == options


def test_given_a_file_then_the_body_is_read_from_it(python: Path) -> None:
    done = _make_hook(python, "METHOD=call", "FILE=hook.json")

    assert done.returncode == 0, done.stderr
    assert _arguments(python)[-2:] == ["--file", "hook.json"]


def test_given_no_method_then_one_line_says_how_to_name_it(python: Path) -> None:
    done = _make_hook(python, "BODY={}")

    assert done.returncode != 0
    assert "make hook METHOD=publishStream" in done.stderr
    assert not python.with_name("arguments").exists()
