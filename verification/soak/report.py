"""The soak's result for people: in the terminal, and as a part of `docs/maintainers/soak.md`."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from verification.soak.run import Soak

BEGIN: Final = "<!-- result: begin -->"
END: Final = "<!-- result: end -->"


def show(console: Console, soak: Soak) -> None:
    """Print what came of it."""
    for one in soak.balances:
        table = Table(title=f"Phase: {one.phase}", title_justify="left")
        table.add_column("Hooks")
        table.add_column("", justify="right")
        table.add_row("sent", str(one.sent))
        for answer, count in one.answered.items():
            table.add_row(f"answered: {answer}", str(count))
        table.add_row("dead-lettered", str(one.dead_lettered))
        table.add_row("kept in the table", str(one.in_table))
        table.add_row("counted as lost", str(len(one.lost)))
        table.add_row("without an answer", str(len(one.unanswered)))
        table.add_section()
        for name, count in one.letters.items():
            table.add_row(f"letters: {name}", str(count))
        table.add_row("letters: sent twice by the SDK", str(len(one.sent_twice)))
        for what, count in one.lost_attempts.items():
            table.add_row(f"sent again: {what}", str(count))
        console.print(table)
        console.print(f"{one.equation}: {'adds up' if one.adds_up else 'DOES NOT ADD UP'}")
        for problem in one.problems[:20]:
            console.print(f"  * {problem}")
    checks = Table(title="Checks", title_justify="left")
    for name in ("Check", "", "What was found"):
        checks.add_column(name, overflow="fold")
    for check in soak.checks:
        checks.add_row(check.name, "ok" if check.ok else "RED", check.detail)
    console.print(checks)


def markdown(result: Mapping[str, Any]) -> str:
    """The result of a run, from its JSON, as `docs/maintainers/soak.md` shows it."""
    bounds, plan = result["bounds"], result["plan"]
    lines = [
        (
            f"A run of {plan['seconds'] / 60:g} minutes, seed {plan['seed']}: {bounds['lanes']} "
            f"lanes, at most {bounds['rate']:g} hooks a second and {bounds['count']} in all."
        ),
        "",
    ]
    for one in result["balances"]:
        lines += [f"**{one['phase']}**: {one['equation']}.", ""]
        lines += _table(
            ("hooks", "count"),
            [
                *((f"answered: {name}", count) for name, count in one["answered"].items()),
                ("dead-lettered", one["deadLettered"]),
                ("kept in the table", one["inTable"]),
                ("counted as lost", len(one["lost"])),
                ("without an answer", len(one["unanswered"])),
                *((f"letters: {name}", count) for name, count in one["letters"].items()),
                ("letters: sent twice by the SDK", len(one["sentTwice"])),
                *((f"sent again: {what}", count) for what, count in one["lostAttempts"].items()),
            ],
        )
    lines += _table(
        ("check", "", "what was found"),
        [
            (one["check"], "ok" if one["ok"] else "**red**", one["detail"])
            for one in result["checks"]
        ],
    )
    lines += _table(
        ("fault", "calls that it hit"), sorted(result["faultHits"].items(), key=lambda one: one[0])
    )
    verdicts = sorted({name.partition("/")[2] for name in result["verdicts"]})
    categories = sorted({name.partition("/")[0] for name in result["verdicts"]})
    lines += _table(
        ("category", *verdicts),
        [
            (category, *(result["verdicts"].get(f"{category}/{name}", 0) for name in verdicts))
            for category in categories
        ],
    )
    done = ", ".join(f"{count} {what}" for what, count in result["done"].items())
    lines += [f"Meanwhile: {done}.", ""]
    return "\n".join(lines)


def fill(document: str, result: Mapping[str, Any]) -> str:
    """A document with the result between its two marks.

    Raises
    ------
    ValueError
        If it has no such marks.
    """
    before, found, rest = document.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"the document lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{markdown(result)}\n{END}{after}"


def _table(heading: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    written = [" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in rows]
    dashes = " | ".join("---" for _ in heading)
    return [f"| {' | '.join(heading)} |", f"| {dashes} |", *(f"| {row} |" for row in written), ""]
