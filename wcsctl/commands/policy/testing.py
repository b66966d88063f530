"""Run the tests next to policies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from wcsctl.context import command_context
from wcsctl.errors import ExitStatus, NotFoundError
from wcsctl.output import counted, one_line, visible
from wcsctl.policies.files import load_directory
from wcsctl.policies.testing.junit import junit_report
from wcsctl.policies.testing.reading import find_tests, read_tests
from wcsctl.policies.testing.running import TestReport, TestResult, run_tests


def test(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(help="Policies, one app a folder, and their tests.", metavar="DIR")
    ],
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if a policy is reached by no test.")
    ] = False,  # noqa: PT028 - it is not a test
    junit: Annotated[
        Path | None, typer.Option(help="Write a report in JUnit's format too.", metavar="FILE")
    ] = None,  # noqa: PT028 - it is not a test
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show only what failed, and the sum.")
    ] = False,  # noqa: PT028 - it is not a test
) -> None:
    """Run the tests next to policies: files `*.test.yaml` in DIR and its folders.

    Needs no AWS: the policies are compiled and decide here, by the very code that is deployed, the
    rule included that nothing is denied whose session was never seen at connect. Then it lists
    which policies no test reaches: no hook of a test was denied, overridden or echoed by them; of
    a `configure` policy, no test looks at the restClientConfig of its methods.

    A test names a hook, perhaps the session it belongs to, and what to expect:

        - name: A pupil may not publish
          hook: {method: publishStream, body: {name: lesson}}
          session: {custom: {role: pupil}}
          expect: {action: deny, status: 403, policy: teachers-only}

    Before the tests it shows what `policy lint` warns of, which fails nothing.

    docs/reference/policy-tests.md describes the whole format. Exit status 1: a test failed, a
    policy or a test file has errors, or with --strict a policy is not reached.

        wcsctl policy test policies --strict --junit report.xml
    """
    output = command_context(context).output
    policies = load_directory(directory)
    files = find_tests(directory)
    if not files:
        raise NotFoundError(
            f"There are no tests in {directory}: write them next to the policies, NAME.test.yaml."
        )
    tests = [one for file in files for one in read_tests(file)]
    with output.progress("testing", len(tests)) as advance:
        report = run_tests(policies, tests, advance)
    if junit is not None:
        junit.write_bytes(junit_report(report))
    output.result(_to_json(report), *_for_people(report, directory, quiet=quiet))
    if report.errors or report.failed or (strict and report.unreached):
        raise typer.Exit(ExitStatus.FAILED)


def _for_people(report: TestReport, directory: Path, *, quiet: bool) -> list[Text]:
    lines = [_line(("error", "red"), f"  {error}") for error in report.errors]
    lines += [_line(("warning", "yellow"), f"  {warning}") for warning in report.warnings]
    if report.errors:
        return [*lines, Text("The policies have errors: no test was run.")]
    for result in report.results:
        if result.passed and quiet:
            continue
        word = ("pass", "green") if result.passed else ("FAIL", "red")
        place = result.test.file.relative_to(directory)
        lines.append(_line(word, f"  {one_line(f'{place}: {result.test.name}')}"))
        lines += [_line(f"        {difference}") for difference in result.differences]
    if report.unreached:
        lines.append(Text("\nNo test reaches", "yellow"))
        lines += [Text(f"  {one_line(name)}") for name in report.unreached]
    reached = report.policies - len(report.unreached)
    summary = (
        f"\n{len(report.results) - len(report.failed)} passed, {len(report.failed)} failed; "
        f"{reached} of {counted(report.policies, 'policy', 'policies')} reached  "
        f"({report.seconds:.1f} s)"
    )
    return [*lines, Text(summary)]


def _line(*parts: str | tuple[str, str]) -> Text:
    """A line of parts, some of them with a style."""
    return Text.assemble(
        *(visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts)
    )


def _to_json(report: TestReport) -> Mapping[str, Any]:
    return {
        "ok": not report.errors and not report.failed,
        "errors": [error.to_json() for error in report.errors],
        "warnings": [warning.to_json() for warning in report.warnings],
        "tests": [_result_to_json(result) for result in report.results],
        "policies": report.policies,
        "unreached": list(report.unreached),
    }


def _result_to_json(result: TestResult) -> Mapping[str, Any]:
    return {
        "file": str(result.test.file),
        "name": result.test.name,
        "passed": result.passed,
        "differences": list(result.differences),
        "answer": result.explanation.answer,
        "status": result.explanation.reply.status,
        "policies": list(result.explanation.policies),
    }
