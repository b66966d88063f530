"""What policy commands show to people."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from wcsctl.output import counted, one_line, visible
from wcsctl.policies.diff import ABSENT, PolicyChange
from wcsctl.policies.files import FileFinding
from wcsctl.policies.history import Version
from wcsctl.policies.yaml import write

_MARKS: Final = {"added": "+", "removed": "-", "changed": "~"}
_STYLES: Final = {"added": "green", "removed": "red", "changed": "yellow"}
_COLUMNS: Final = ("app", "id", "method", "action", "priority", "mode", "active")
_WIDEST: Final = 40
_NARROWEST: Final = 6
_GAP: Final = "  "


def changes_text(changes: Sequence[PolicyChange], most: int | None = None) -> Text:
    """The changes for people, at most so many of them."""
    text = Text()
    shown = changes if most is None else changes[:most]
    for change in shown:
        style = _STYLES[change.kind]
        text.append(
            one_line(f"{_MARKS[change.kind]} {change.app} {change.id}"), style=f"bold {style}"
        )
        text.append(f"  ({change.kind})\n", style=style)
        for name, old, new in change.attributes():
            if old is not ABSENT:
                text.append(_attribute_lines("-", name, old), style="red")
            if new is not ABSENT:
                text.append(_attribute_lines("+", name, new), style="green")
    if len(shown) < len(changes):
        text.append(f"… and {len(changes) - len(shown):,} more\n")
    text.append(f"{len(changes):,} to change: {_summary(changes)}" if changes else "No difference")
    return text


def listing_lines(listing: Mapping[str, Any], width: int | None = None) -> Iterator[Text]:
    """A listing for people: a table of policies, a line for each app.

    Parameters
    ----------
    width
        The columns of the terminal, to which the table's widest columns are cut; none for a pipe.
    """
    policies: Sequence[Mapping[str, Any]] = listing["policies"]
    rows = [
        tuple(_short(one_line(_joined(value))) for value in policy.values()) for policy in policies
    ]
    # Padded manually: a rich table takes seconds for thousands of rows.
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    if width is not None:
        widths = _fitted(widths, width - len(_GAP) * (len(widths) - 1))
    if rows:
        yield Text(_padded(_COLUMNS, widths), style="bold", no_wrap=True, overflow="ignore")
        text = "\n".join(_padded(row, widths) for row in rows)
        yield Text(text, no_wrap=True, overflow="ignore")
        yield Text()
    for app in listing["apps"]:
        yield Text(one_line(_app_line(app)), style="" if app["ok"] else "red")
        for error in app["errors"]:
            yield Text(f"  {visible(error)}", style="red")
    if not listing["apps"]:
        yield Text("There are no policies.")


def without_folder(others: Mapping[str, Sequence[str]]) -> list[Text]:
    """Name the apps of the table that no folder is about."""
    return [
        Text(
            f"App {one_line(name)} has no folder there and stays as it is: "
            f"{counted(len(ids), 'policy', 'policies')} ({one_line(', '.join(ids)):.100})"
        )
        for name, ids in others.items()
    ]


def finding_lines(findings: Sequence[FileFinding]) -> list[Text]:
    """Return what is wrong, a line each."""
    return [
        Text(visible(str(finding)), style="red" if finding.is_error else "yellow")
        for finding in findings
    ]


def changed_in(version: Version) -> str:
    """Return what a version added, removed and modified."""
    parts = []
    for kind, mark in (("added", "+"), ("removed", "-"), ("modified", "~")):
        entry = version.changed.get(kind, {"count": 0, "first": []})
        shown = entry["first"][:3]
        names = ", ".join(shown)
        if entry["count"]:
            more = (
                f" and {entry['count'] - len(shown):,} more" if entry["count"] > len(shown) else ""
            )
            parts.append(f"{mark}{entry['count']:,}: {names}{more}")
    return "; ".join(parts)


def author_of(version: Version) -> str:
    """Return who made a version: of an ARN the last part, the user's or the role session's name.

    Examples
    --------
    >>> arn = "arn:aws:sts::123456789012:assumed-role/Editor/anna"
    >>> author_of(Version(1, "", 0, {}, False, False, by=arn))
    'anna'
    """
    return re.split("[:/]", version.by)[-1] if version.by.startswith("arn:") else version.by


def standing_of(version: Version) -> str:
    """Return whether a version is active or pinned."""
    if not version.in_force:
        return ""
    return "active, pinned" if version.pinned else "active"


def _summary(changes: Sequence[PolicyChange]) -> str:
    """How many are added, changed and removed."""
    counts = {kind: sum(change.kind == kind for change in changes) for kind in _MARKS}
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "none"


def _attribute_lines(mark: str, name: str, value: Any) -> str:
    written = write({name: value}).rstrip("\n")
    return "".join(f"    {mark} {line}\n" for line in written.split("\n"))


def _app_line(app: Mapping[str, Any]) -> str:
    version = f"version {app['version']}" if app["version"] else "nothing"
    pinned = ", pinned" if app["pinned"] is not None else ""
    judged = "ok" if app["ok"] else counted(len(app["errors"]), "error")
    warned = f", {counted(app['warnings'], 'warning')}" if app["warnings"] else ""
    policies = counted(app["policies"], "policy", "policies")
    standing = f"{version} active{pinned}, {policies}"
    return f"{app['app']}: {standing}, {judged}{warned}"


def _joined(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(text: str, most: int = _WIDEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Widths that fit, as far as columns may be cut: of the widest ones something is taken."""
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(row, widths, strict=True)
    return _GAP.join(_short(cell, width).ljust(width) for cell, width in cells).rstrip()
