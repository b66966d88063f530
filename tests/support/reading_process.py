"""Evaluates expressions as the deployed functions do: in a process that never compiles one."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

FUNCTIONS: Final = Path(__file__).resolve().parents[2] / "functions"

_PROGRAM: Final = """
import json, sys
from datetime import UTC, datetime
from wcs_hooks.core.cel.expression import Expression, ExpressionError, bind

asked = json.load(sys.stdin)
if asked["compileFirst"]:
    from wcs_hooks.core.cel.check import check
    check("true")
    check("now == now")
outcomes = []
for serialized, variables in asked["evaluations"]:
    bound = dict(variables)
    if "now" in bound:
        bound["now"] = datetime.fromtimestamp(bound["now"], UTC)
    try:
        outcomes.append((Expression(serialized).json_value(bind(**bound)), ""))
    except ExpressionError as error:
        outcomes.append((None, str(error)))
if not asked["compileFirst"]:
    assert "wcs_hooks.core.cel.check" not in sys.modules
json.dump(outcomes, sys.stdout)
"""


class Outcome(NamedTuple):
    """What an expression gave: its value, or the error that it has instead."""

    value: Any
    error: str = ""


def evaluate(
    evaluations: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    compile_first: bool = False,
    search: Sequence[Path] = (FUNCTIONS,),
    command: Sequence[str] = (),
    **environment: str,
) -> list[Outcome]:
    """Evaluate checked expressions in a process of their own.

    Parameters
    ----------
    evaluations
        The serialised form of each, and the variables that it is evaluated on; `now` is seconds
        since the epoch.
    compile_first
        Whether that process compiles something before: what the functions do not do.
    search
        Where the process finds modules before all other places.
    command
        What the interpreter is started by, `unshare` for example.
    environment
        Environment variables.
    """
    done = subprocess.run(
        [*command, sys.executable, "-c", _PROGRAM],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, search))}
        | environment,
        input=json.dumps({"compileFirst": compile_first, "evaluations": evaluations}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Outcome(*outcome) for outcome in json.loads(done.stdout)]
