"""Play scenarios with the simulated WCS."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from simulated_wcs.runner import Runner, ScenarioReport
from simulated_wcs.scenario import Scenario, ScenarioFileError, load_all
from simulated_wcs.transport import HookReply
from wcsctl.completion import Completed
from wcsctl.context import command_context
from wcsctl.errors import ExitStatus, UsageError
from wcsctl.output import Output, counted, one_line
from wcsctl.scenario_back_end import DeployedBackEnd

app = typer.Typer(no_args_is_help=True, help="Play scenarios with the simulated WCS.")


@app.callback()
def scenarios() -> None:
    """Play scenarios with the simulated WCS: docs/reference/scenarios.md has the format."""


@app.command()
def run(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="Scenarios, or directories of them.", metavar="FILE")
    ],
    app_key: Annotated[
        str | None,
        typer.Option(
            "--app",
            help="Play as this appKey, by its active policies. Nothing is written: "
            "the scenarios' own policies are left out.",
            metavar="APP",
        ),
        Completed.APPS,
    ] = None,
) -> None:
    """Play scenarios against the deployment: real hooks, and what WCS does with the answers.

    Each scenario is played as an app of its own, whose policies are put into the table first,
    waited for, and removed in the end, also after Ctrl-C. What the functions count and log of it
    counts like any other hook.

    Exit status 1: something came otherwise than a scenario expects. Then the requests, the
    replies, and what each client saw are shown.

        wcsctl scenario run tests/scenarios/teacher-only-publishing.yaml
        wcsctl scenario run lessons --app school
    """
    command = command_context(context)
    output = command.output
    played = _load(files, app_key)
    back_end = DeployedBackEnd(command.deployment)
    run_id = uuid.uuid4().hex[:6]
    # Two files may have the same app.
    runners = [
        (one, Runner(back_end, "" if app_key else f"{run_id}{number}"))
        for number, one in enumerate(played)
    ]
    reports: list[ScenarioReport] = []
    with _removing(output, back_end), output.steps("preparing", len(runners)) as progress:
        task = progress.task_ids[0]
        policies = [policy for one, runner in runners for policy in runner.policies(one)]
        if policies and app_key is None:
            progress.update(task, description="waiting until the policies are active")
            back_end.activate_policies(policies)
        for one, runner in runners:

            def show(method: str, reply: HookReply, name: str = one.name) -> HookReply:
                progress.update(task, description=f"{name}: {method}")
                return reply

            report = runner.run(one, in_force=True, alter_reply=show)
            reports.append(report)
            progress.advance(task)
            if not output.as_json:
                with output.paused(progress):
                    for line in _for_people(report):
                        output.people.show(line)
    passed = sum(report.ok for report in reports)
    output.result(
        {"ok": passed == len(reports), "scenarios": [_to_json(report) for report in reports]},
        f"\n{passed} of {counted(len(reports), 'scenario')} passed",
    )
    if passed < len(reports):
        raise typer.Exit(ExitStatus.FAILED)


def _load(files: Sequence[Path], app_key: str | None) -> list[Scenario]:
    try:
        found = [
            scenario
            for file in files
            for scenario in (load_all(file) if file.is_dir() else [Scenario.load(file)])
        ]
    except ScenarioFileError as error:
        raise UsageError(str(error)) from None
    if app_key is None:
        return found
    for scenario in found:
        if any(step.kind == "policies" for step in scenario.timeline):
            raise UsageError(
                f"{scenario.file} edits policies as it goes, which --app does not allow."
            )
    return [replace(scenario, app=app_key) for scenario in found]


@contextmanager
def _removing(output: Output, back_end: DeployedBackEnd) -> Iterator[None]:
    """Remove the scenarios' policies, whatever happens."""
    try:
        yield
    finally:
        if back_end.edited:
            output.say("Removing the scenarios' policies …")
            try:
                back_end.remove_policies()
            except BaseException:
                left = ", ".join(back_end.edited)
                output.say(
                    Text.assemble(
                        ("Policies of these apps may be left in the table:", "red"), f" {left}"
                    )
                )
                raise


def _for_people(report: ScenarioReport) -> Iterator[Any]:
    word = ("pass", "green") if report.ok else ("FAIL", "red")
    file = Path(report.scenario.file).name
    title = one_line(f"{report.scenario.name} ({file})")
    yield Text.assemble(word, f"  {title}  {report.seconds:.1f} s")
    for done in report.steps:
        mark = ("✗", "red") if done.differences else ("✓", "green")
        concluded = f" → {done.action.conclusion}" if done.action is not None else ""
        step = one_line(done.step.title() + concluded)
        yield Text.assemble("      ", mark, f" {done.step.number}. {step}")
    left = len(report.scenario.timeline) - len(report.steps)
    if left:
        yield f"        {counted(left, 'step')} {'was' if left == 1 else 'were'} not played"
    if not report.ok:
        yield f"\n{report.text()}\n"


def _to_json(report: ScenarioReport) -> Mapping[str, Any]:
    return {
        "file": report.scenario.file,
        "name": report.scenario.name,
        "app": report.app,
        "ok": report.ok,
        "seconds": round(report.seconds, 3),
        "steps": [
            {
                "number": done.step.number,
                "title": done.step.title(),
                "outcome": done.action.conclusion if done.action is not None else None,
                "differences": list(done.differences),
            }
            for done in report.steps
        ],
        "exchange": report.text(),
    }
