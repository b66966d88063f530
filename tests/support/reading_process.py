"""Evaluates expressions as the deployed functions do: in a process that never compiles one."""

import json
import os
import subprocess
import sys
from base64 import b64encode
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
    for name in {"now", "connectedAt"} & bound.keys():
        bound[name] = datetime.fromtimestamp(bound[name], UTC)
    try:
        outcomes.append((Expression(serialized).json_value(bind(**bound)), ""))
    except ExpressionError as error:
        outcomes.append((None, str(error)))
if not asked["compileFirst"]:
    assert "wcs_hooks.core.cel.check" not in sys.modules
json.dump(outcomes, sys.stdout)
"""


_DECIDING_PROGRAM: Final = """
import base64, json, sys
from wcs_hooks.core.decision import Hook, Session, decide
from wcs_hooks.core.payload import parse
from wcs_hooks.core.snapshot import Snapshot

asked = json.load(sys.stdin)
snapshots = [Snapshot.load(base64.b64decode(data)) for data in asked["snapshots"]]
answers = []
for method, body, session, now in asked["hooks"]:
    hook = Hook(method, "direct", parse(json.dumps(body).encode()))
    found = decide(snapshots, hook, now, lambda: Session(**session))
    answers.append((found.verdict, found.fields, [one.message for one in found.failures]))
assert not {"wcs_hooks.core.cel.check", "wcs_hooks.core.policy.reader"} & sys.modules.keys()
json.dump({"answers": answers, "modules": sorted(sys.modules)}, sys.stdout)
"""


class Outcome(NamedTuple):
    """What an expression gave: its value, or the error that it has instead."""

    value: Any
    error: str = ""


class Asked(NamedTuple):
    """A hook, with what is known of its session, at a moment."""

    method: str
    body: Mapping[str, Any]
    session: Mapping[str, Any] = {}
    now: float = 0.0


class Decided(NamedTuple):
    """What was decided on a hook: the fields are JSON texts."""

    verdict: str
    fields: Mapping[str, str] | None = None
    failures: Sequence[str] = ()


class Decisions(NamedTuple):
    """What a process decided, and the modules that it then had loaded."""

    decided: Sequence[Decided]
    modules: frozenset[str]


def decide_by(snapshots: Sequence[bytes], hooks: Sequence[Asked]) -> Decisions:
    """Decide hooks in a process of their own, which only reads dumped snapshots.

    Parameters
    ----------
    snapshots
        The active ones.
    hooks
        In order; the session is given by the attributes of `wcs_hooks.core.decision.Session`.
    """
    done = subprocess.run(
        [sys.executable, "-c", _DECIDING_PROGRAM],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(FUNCTIONS)},
        input=json.dumps(
            {"snapshots": [b64encode(data).decode() for data in snapshots], "hooks": hooks}
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return Decisions([Decided(*one) for one in answer["answers"]], frozenset(answer["modules"]))


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
        The serialised form of each, and the variables that it is evaluated on; `now`
        and `connectedAt` are seconds since the epoch.
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
