"""Whether all is well: endpoint, policies, dead letters, alarms."""

import time
from collections.abc import Iterator, Sequence

import typer
from rich.table import Table
from rich.text import Text

from wcsctl.context import command_context
from wcsctl.errors import ExitStatus
from wcsctl.health import Check, Health, age_of
from wcsctl.output import one_line, visible
from wcsctl.policies.app_status import AppStatus


def status(context: typer.Context) -> None:
    """Show whether all is well: the endpoint, each app's policies, dead letters and alarms.

    A signed hook of a method that no WCS sends, `wcsctlStatus`, is posted and has to come back
    unchanged. It is counted as one call of category event; policies, sessions and the event bus
    never see it, and `wcsctl decisions` does not show its echo.

    A warning says so if active policies wait for a method that WCS calls only if it is switched on,
    and that never came in 24 hours in which streams started.

    Exit status 1 if anything is wrong. Warnings and pins alone are not.

        wcsctl status
        wcsctl status --stack WcsHooks-test -o json
    """
    given = command_context(context)
    health = Health(given.deployment, time.time())
    with given.output.progress("Looking", total=5) as advance:
        checks = []
        for check in health.checks():
            checks.append(check)
            advance(1)
        apps = health.apps()
    well = all(check.ok for check in checks) and all(app.ok for app in apps)
    value = {
        "deployment": given.deployment.name,
        "ok": well,
        "checks": [check.to_json() for check in checks],
        "apps": [app.to_json() for app in apps],
    }
    given.output.result(value, _checks(checks), "", apps_table(apps), *findings_of(apps))
    if not well:
        raise typer.Exit(ExitStatus.FAILED)


def _checks(checks: Sequence[Check]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        mark = Text("!", "yellow") if check.warning else _mark(ok=check.ok)
        table.add_row(mark, check.name, check.detail)
    return table


def apps_table(apps: Sequence[AppStatus]) -> Table | str:
    """What each app's operator sees, for people."""
    if not apps:
        return "No policies yet: every hook is echoed."
    columns = ("", "app", "version", "policies", "compiled", "errors", "warnings", "")
    table = Table(*columns, box=None, pad_edge=False)
    for app in apps:
        table.add_row(
            _mark(ok=app.ok),
            one_line(app.app),
            str(app.version or "none"),
            str(app.policies),
            age_of(app.compiled_at),
            str(app.error_count or "·"),
            str(app.warning_count or "·"),
            f"pinned at {app.pinned}" if app.pinned is not None else "",
        )
    return table


def findings_of(apps: Sequence[AppStatus]) -> Iterator[Text]:
    """The compiler's findings, for people."""
    for app in apps:
        for kind, findings in ((("error", "red"), app.errors), (("warning", ""), app.warnings)):
            for finding in findings:
                place = one_line(f"{app.app}/{finding['policy']} {finding['attribute']}".rstrip())
                yield Text.assemble(kind, f" {place}: {visible(finding['message'])}")
        if not app.compiled_at:
            yield Text(
                f"{one_line(app.app)} has no #status: its compilation may just be under way."
            )


def _mark(*, ok: bool) -> Text:
    return Text("✓", "green") if ok else Text("✗", "red")
