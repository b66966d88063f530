"""`make local`, where it is interrupted."""

import os
import sys
from typing import Never

import pytest

from local import __main__ as command


def test_given_ctrl_c_then_one_line_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(sys, "argv", ["local", "up"])
    monkeypatch.setattr(command, "_workspace", interrupted)

    assert command.main() == 130
    assert capsys.readouterr().err == "Interrupted: `make local` starts where this ended.\n"
