"""Verify a deployment: show on it that what the stack relies on holds there."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer
from rich.table import Table
from rich.text import Text

from wcsctl.context import command_context
from wcsctl.errors import ExitStatus
from wcsctl.output import one_line
from wcsctl.verification.check import CheckResult, CheckVerdict
from wcsctl.verification.run import VerificationOptions
from wcsctl.verification.verifier import CHECKS, Leftovers, Verifier

_DEFAULTS: Final = VerificationOptions()
_MARKS: Final = {
    CheckVerdict.PASSED: Text("✓", "green"),
    CheckVerdict.FAILED: Text("✗", "red"),
    CheckVerdict.NOT_POSSIBLE: Text("–", "yellow"),
}
_TERMINATED: Final = 128 + signal.SIGTERM


def verify(
    context: typer.Context,
    idle: Annotated[
        float,
        typer.Option(min=6, metavar="SECONDS", help="How long functions stay idle around an edit."),
    ] = _DEFAULTS.idle_seconds,
    hooks_per_second: Annotated[
        float, typer.Option(min=1, help="The load that the account's quotas have to allow.")
    ] = _DEFAULTS.hooks_per_second,
    timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="After which no check begins.")
    ] = _DEFAULTS.timeout,
) -> None:
    """Verify a deployment: each assumption of the stack, checked where it runs.

    Real hooks are sent to an app of the run's own, `wcsctl-verify-…`, with policies of its own. All
    of it is removed in the end, also after Ctrl-C or SIGTERM; what a killed run left, the next one
    names and removes. A second secret is valid for some seconds, as in a rotation; one dead
    letter waits for some seconds, which the alarm DeadLetters may report.

    With less than `--idle 60` the checks that need a minute are not possible.

    Exit status 1 if a check failed.

        wcsctl verify
        wcsctl verify --timeout 300
    """
    given = command_context(context)
    options = VerificationOptions(idle, hooks_per_second, timeout)
    results: list[CheckResult] = []
    with given.output.steps("Looking", total=len(CHECKS)) as steps, _ended_by_sigterm():
        task = steps.task_ids[0]

        def show(what: str) -> None:
            steps.update(task, description=what)

        with Verifier(given.deployment, options, show) as verifier:
            _announce(given.output.say, verifier.leftovers)
            for result in verifier.results():
                results.append(result)
                steps.advance(task)
                if not given.output.aside.is_terminal:
                    given.output.say(f"{result.check.name}: {result.verdict}")
    is_well = all(result.verdict is not CheckVerdict.FAILED for result in results)
    value = {
        "deployment": given.deployment.name,
        "ok": is_well,
        "run": verifier.name.name,
        "leftovers": verifier.leftovers.to_json(),
        "checks": [result.to_json() for result in results],
    }
    given.output.result(value, _table(results), "", _summary(results))
    for remaining in verifier.leftovers.remaining:
        given.output.say(f"could not be removed, the next run tries again: {remaining}")
    if not is_well:
        raise typer.Exit(ExitStatus.FAILED)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the command as an error does, so that it tidies up."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _announce(say: Callable[[str], object], leftovers: Leftovers) -> None:
    for name in leftovers.under_way:
        say(f"another run, {name}, may be under way")
    for name in leftovers.removed:
        say(f"removed what {name} left, which was killed")


def _table(results: Sequence[CheckResult]) -> Table:
    table = Table("", "check", "seen", "expected", box=None, pad_edge=False)
    for result in results:
        seen = result.sighting.seen
        if result.verdict is CheckVerdict.NOT_POSSIBLE:
            seen = f"{CheckVerdict.NOT_POSSIBLE}: {seen}"
        table.add_row(
            _MARKS[result.verdict],
            result.check.name,
            one_line(seen),
            result.check.expected,
        )
    return table


def _summary(results: Sequence[CheckResult]) -> str:
    counted = {
        verdict: sum(result.verdict is verdict for result in results) for verdict in CheckVerdict
    }
    return ", ".join(f"{count} {verdict}" for verdict, count in counted.items())
