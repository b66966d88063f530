"""See, redrive and purge what could not be processed."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from wcsctl.ages import in_words
from wcsctl.command_line import global_options
from wcsctl.commands.asking import confirm
from wcsctl.completion import Completed, remember_dead_letters
from wcsctl.context import command_context
from wcsctl.dead_letters import (
    DeadLetter,
    LetterKind,
    Redrive,
    Redriven,
    RedriveResult,
    WaitingDeadLetters,
)
from wcsctl.errors import ExitStatus, NotFoundError, UsageError
from wcsctl.output import Output, counted, one_line
from wcsctl.policies.yaml import as_yaml
from wcsctl.since import moment

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="See, redrive and purge what could not be processed.",
)

_LIST_LIMIT: Final = 100
_SHORTEST_ID: Final = 8
_COLOURS: Final = {
    RedriveResult.DONE: "green",
    RedriveResult.FAILED: "red",
    RedriveResult.HOPELESS: "yellow",
}

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="As `list` has them; the first 8 characters will do."),
    Completed.DEAD_LETTERS,
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_letters(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="Look at no more than so many.")] = _LIST_LIMIT,
    method: Annotated[str, typer.Option(help="Of this method only.")] = "",
) -> None:
    """List what waits: hooks, and policy edits that were not compiled.

    Hooks that the dead-letter queue did not take are in the dead-letter table; `place` says where a
    letter is.

    A hook's id is that of its decision, as in `wcsctl decisions`; its first characters are shown,
    which is all that the other commands need, and with `--json` the whole. The queue has no index:
    to look at a message hides it from others for as long as this takes.

        wcsctl dead-letter list --method connect
    """
    given = command_context(context)
    with (
        WaitingDeadLetters(given.deployment) as waiting,
        given.output.progress("Looking") as advance,
    ):
        letters = []
        looked_at = 0
        for letter in waiting.letters(limit):
            looked_at += 1
            advance(1)
            if not method or letter.is_of(method):
                letters.append(letter)
        count = waiting.waiting()
    letters.sort(key=lambda letter: letter.first_seen)
    remember_dead_letters(
        global_options.given(context), (letter.id[:_SHORTEST_ID] for letter in letters)
    )
    given.output.result([letter.summary() for letter in letters], letters_table(letters))
    if looked_at >= limit or count > looked_at:
        given.output.say(
            f"There may be more: looked at {looked_at}, of about {max(count, looked_at)}. "
            "See --limit."
        )


@app.command()
def show(
    context: typer.Context,
    letter_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="As `list` has it; the first 8 characters will do."),
        Completed.DEAD_LETTERS,
    ],
    body: Annotated[
        bool, typer.Option("--body", help="The hook's body as well, with secrets masked.")
    ] = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="The body as it came, secrets and all.")
    ] = False,
) -> None:
    """Show one dead letter: what went wrong and when, and if asked for the hook's body.

    ```
    wcsctl dead-letter show 1f0c2a7e --body
    ```
    """
    given = command_context(context)
    wanted = _checked([letter_id])
    with WaitingDeadLetters(given.deployment) as waiting, given.output.progress("Looking"):
        letter = next((one for one in waiting.letters() if _is_among(one, wanted)), None)
    if letter is None:
        raise NotFoundError(f"No dead letter {letter_id}: `wcsctl dead-letter list` lists them.")
    value = letter.details()
    if (body or reveal) and letter.kind is LetterKind.HOOK:
        value["body"] = letter.body(reveal=reveal)
    given.output.result(value, as_yaml(_in_short(value)))


@app.command()
def redrive(
    context: typer.Context,
    ids: Ids = None,
    since: Annotated[
        str,
        typer.Option(help="Only what failed first after that: 15m, 1h30m, 2d, or ISO 8601."),
    ] = "",
    method: Annotated[str, typer.Option(help="Only hooks of this method.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be redriven.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Have the functions process dead letters again, and drop those that they can process now.

    Without IDs all that the options let through. The caller was checked when the hook came, and
    WCS has long had its answer: what is made up for is what follows from a hook, such as the record
    of a session or a published event.

    What fails again stays, with the attempt counted: to the queue a copy is sent first and the old
    message deleted then, so that nothing can be lost; whoever interrupts that may find one twice,
    which does no harm. A letter that somebody else is redriving is left alone: the queue hides it,
    and in the table it is claimed for five minutes. For policy edits every app is compiled once
    more. Malformed hooks can never succeed, and stay: see `purge`. Exit status 1 if any stays.

        wcsctl dead-letter redrive --dry-run
        wcsctl dead-letter redrive --since 1h --yes
    """
    given = command_context(context)
    wanted = _checked(ids or [])
    after = moment(since, time.time()) if since else 0.0
    with WaitingDeadLetters(given.deployment) as waiting:
        if not (wanted or dry_run or yes):
            confirm(
                given.output,
                f"Redrive {'those that fit' if since or method else 'all'} of about "
                f"{_letters(waiting.waiting())}?",
            )
        act = Redrive(given.deployment, waiting)
        results: list[Redriven] = []
        with given.output.progress("Redriving") as advance:
            for letter in _found(waiting, wanted):
                advance(1)
                fits = letter.first_seen >= after and (not method or letter.is_of(method))
                if not fits:
                    continue
                results.append(_would(letter) if dry_run else act(letter))
    given.output.result([one.to_json() for one in results], _redriven(results))
    _print_results(given.output, results)
    _missing(wanted, [one.letter for one in results])
    if any(one.result in {RedriveResult.FAILED, RedriveResult.HOPELESS} for one in results):
        raise typer.Exit(ExitStatus.FAILED)


@app.command()
def purge(
    context: typer.Context,
    ids: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that waits.")] = False,
    yes: Yes = False,
) -> None:
    """Throw dead letters away, for good.

    ```
    wcsctl dead-letter purge 1f0c2a7e
    ```
    """
    given = command_context(context)
    wanted = _checked(ids or [])
    if bool(wanted) == every:
        raise UsageError("Give the IDs of dead letters to purge, or --all.")
    with WaitingDeadLetters(given.deployment) as waiting:
        if every:
            count = waiting.waiting()
            if not yes:
                confirm(given.output, f"Throw away all of about {_letters(count)}?")
            waiting.purge()
            given.output.result({"purged": "all"}, f"Purged about {_letters(count)}.")
            return
        with given.output.progress("Looking"):
            letters = list(_found(waiting, wanted))
        if letters and not yes:
            given.output.preview([one.summary() for one in letters], letters_table(letters))
            confirm(given.output, f"Throw away {_letters(len(letters))}?")
        for letter in letters:
            waiting.delete(letter)
    given.output.result(
        {"purged": [letter.id for letter in letters]}, f"Purged {_letters(len(letters))}."
    )
    _missing(wanted, letters)


def _in_short(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a dead letter says, each fact once and without what is empty."""
    message = {
        name: value
        for name, value in details["message"].items()
        if name not in {*details, "decision", "schema"} and value not in ([], {}, "")
    }
    return {
        name: value
        for name, value in {**details, "message": message}.items()
        if value or name == "attempts"
    }


def _letters(count: int) -> str:
    return counted(count, "dead letter")


def _checked(ids: Sequence[str]) -> Sequence[str]:
    for one in ids:
        if len(one) < _SHORTEST_ID:
            raise UsageError(
                f"{one!r} is too short for an ID: give at least its first 8 characters."
            )
    return ids


def _is_among(letter: DeadLetter, ids: Sequence[str]) -> bool:
    return any(letter.id.startswith(one) or letter.message_id.startswith(one) for one in ids)


def _found(waiting: WaitingDeadLetters, ids: Sequence[str]) -> Iterator[DeadLetter]:
    """The letters with these IDs; all of them if there are none."""
    for letter in waiting.letters():
        if not ids or _is_among(letter, ids):
            yield letter


def _missing(ids: Sequence[str], letters: Iterable[DeadLetter]) -> None:
    handled = list(letters)
    missing = [one for one in ids if not any(_is_among(letter, [one]) for letter in handled)]
    if missing:
        raise NotFoundError(
            f"No dead letter {', '.join(missing)} fits: `wcsctl dead-letter list` lists them."
        )


def _would(letter: DeadLetter) -> Redriven:
    if letter.hopeless:
        return Redriven(letter, RedriveResult.HOPELESS, letter.hopeless)
    return Redriven(letter, RedriveResult.WOULD, f"attempt {letter.attempts + 1}")


def letters_table(letters: Sequence[DeadLetter]) -> Table | str:
    """Letters for people."""
    if not letters:
        return "No dead letters."
    table = Table(box=None, pad_edge=False)
    for name in ("id", "hook", "age", "attempts", "place"):
        table.add_column(name, no_wrap=True)
    table.add_column("error")
    for letter in letters:
        table.add_row(
            one_line(letter.id[:_SHORTEST_ID]),
            one_line(letter.method or letter.kind),
            in_words(time.time() - letter.first_seen),
            str(letter.attempts),
            str(letter.place),
            Text.assemble(
                one_line(letter.error), (" (cannot be redriven)" if letter.hopeless else "", "dim")
            ),
        )
    return table


def _redriven(results: Sequence[Redriven]) -> Table | str:
    if not results:
        return "No dead letters that fit."
    table = Table(box=None, pad_edge=False)
    for name in ("id", "hook", "result"):
        table.add_column(name, no_wrap=True)
    table.add_column("")
    for one in results:
        table.add_row(
            one_line(one.letter.id[:_SHORTEST_ID]),
            one_line(one.letter.method or one.letter.kind),
            Text(one.result, _COLOURS.get(one.result, "")),
            one_line(one.detail),
        )
    return table


def _print_results(output: Output, results: Sequence[Redriven]) -> None:
    counted = {result: sum(one.result is result for one in results) for result in RedriveResult}
    words = [f"{count} {result}" for result, count in counted.items() if count]
    if words:
        kept = counted[RedriveResult.FAILED] + counted[RedriveResult.HOPELESS]
        waits = " What did not succeed still waits." if kept else ""
        output.say(f"{', '.join(words)}.{waits}")
