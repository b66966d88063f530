"""Show who holds the places that limits count, and give them back."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wcsctl.ages import in_words
from wcsctl.commands.asking import ask
from wcsctl.commands.policy.arguments import AppOption, Yes
from wcsctl.context import command_context
from wcsctl.errors import NotFoundError, UsageError
from wcsctl.limits.deployed_budgets import stored_budgets
from wcsctl.limits.stored_budgets import HeldPlace, StoredBudget, StoredBudgets
from wcsctl.output import Output, one_line

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Show who holds the places that limits count, and give them back.",
)

_SHOWN: Final = 100
_SHORTEST: Final = 8
_KEY_DIGITS: Final = 32
_HOLDER_DIGITS: Final = 16
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999: Python has no later one, an item that was edited may."""

_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+", re.ASCII)

Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="The budget's key, as `list` has it; the first 8 characters will do."
    ),
]


@app.command("list")
def list_budgets(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="Show no more budgets than that.")] = _SHOWN,
    app_key: AppOption = None,
    policy: Annotated[str, typer.Option(help="Only of the policy with this id.")] = "",
) -> None:
    """List the budgets in use: whose they are, and how many of their places are held.

    A policy with a `limit` has a budget for each value of its `by`. Places that have run out are
    not counted.

        wcsctl limits list --policy two-streams
    """
    command = command_context(context)
    now = time.time()
    budgets = stored_budgets(command.deployment)
    with command.output.progress("Reading"):
        found = [
            one
            for one in budgets.all()
            if one.live(now) and app_key in {None, one.app} and policy in {"", one.policy}
        ]
    shown = found[:limit]
    rows = [
        (
            one.key[:_SHORTEST],
            one.app,
            one.policy,
            one.by,
            f"{len(one.live(now))} of {one.most}",
            one.held,
        )
        for one in shown
    ]
    table = command.output.table(("key", "app", "policy", "by", "held", "holds"), rows)
    command.output.result(
        [_to_json(one, now) for one in shown], table if rows else "No place is held."
    )
    if len(found) > limit:
        command.output.say(f"There are {len(found):,}: see --limit, --app and --policy.")


@app.command()
def show(context: typer.Context, key: Key) -> None:
    """Show who holds the places of a budget, and until when unless that is renewed.

    A holder is a hash of the stream, call or session that holds the place, or of the hook that a
    rate counts: `wcsctl decisions` has the same hashes in `limit`. Exit status 5: there is no such
    budget.

        wcsctl limits show 3f0c81d2
    """
    command = command_context(context)
    now = time.time()
    budget = _budget(stored_budgets(command.deployment), key)
    places = budget.live(now)
    value = {
        **_to_json(budget, now),
        "places": [{"holder": place.holder, "until": _iso(place.until)} for place in places],
    }
    table = command.output.table(
        ("holder", "until", "in"),
        ((place.holder, _moment(place.until), in_words(place.until - now)) for place in places),
    )
    each = "hook, until its time is over" if budget.held == "rate" else budget.held
    said = f"{_name(budget)}: {len(places)} of {budget.most} held, each by a {each}"
    command.output.result(value, Text(said), *([table] if places else []))


@app.command()
def release(
    context: typer.Context,
    key: Key,
    holder: Annotated[
        str,
        typer.Argument(metavar="HOLDER", help="As `show` has it; the first 8 characters will do."),
    ],
    yes: Yes = False,
) -> None:
    """Give back a place whose holder is gone, although WCS never reported its end.

    It ends nothing: a stream, call or session that still exists goes on, and is not counted any
    more. Exit status 5: there is no such budget, or the holder has no place of it.

        wcsctl limits release 3f0c81d2 9ab1c044
    """
    command = command_context(context)
    budgets = stored_budgets(command.deployment)
    budget = _budget(budgets, key)
    place = _place(budget, holder)
    if not yes:
        _ask(command.output, budget, place)
    if not budgets.release(budget.key, place.holder):
        raise NotFoundError(f"{place.holder} does not hold a place of {_name(budget)} any more.")
    command.output.result(
        {"key": budget.key, "holder": place.holder, "released": True},
        Text(f"Gave back the place that {place.holder} held of {_name(budget)}."),
    )


def _ask(output: Output, budget: StoredBudget, place: HeldPlace) -> None:
    output.say(
        f"{place.holder} holds one of {budget.most} of {_name(budget)}, until "
        f"{_moment(place.until)}. If it still exists it goes on uncounted."
    )
    ask(output, "Give its place back?")


def _budget(budgets: StoredBudgets, key: str) -> StoredBudget:
    wanted = _checked(key, "KEY", _KEY_DIGITS)
    if len(wanted) == _KEY_DIGITS:
        whole = budgets.budget(wanted)
        found = [] if whole is None else [whole]
    else:
        found = [one for one in budgets.all() if one.key.startswith(wanted)]
    if not found:
        raise NotFoundError(f"No budget has the key {key}: `wcsctl limits list` lists them.")
    if len(found) > 1:
        raise UsageError(f"{len(found)} budgets have keys that begin with {key}: give more of it.")
    return found[0]


def _place(budget: StoredBudget, holder: str) -> HeldPlace:
    wanted = _checked(holder, "HOLDER", _HOLDER_DIGITS)
    found = [place for place in budget.live(time.time()) if place.holder.startswith(wanted)]
    if not found:
        raise NotFoundError(
            f"{holder} holds no place of {_name(budget)}: `wcsctl limits show {budget.key}` lists "
            "who does."
        )
    if len(found) > 1:
        raise UsageError(f"{len(found)} holders begin with {holder}: give more of it.")
    return found[0]


def _checked(text: str, name: str, longest: int) -> str:
    """A key, or how it begins, in lower case."""
    key = text.lower()
    if not _SHORTEST <= len(key) <= longest or not _HEXADECIMAL.fullmatch(key):
        raise UsageError(
            f"{name} {text!r:.60} must be {_SHORTEST} to {longest} hexadecimal digits, as "
            "`wcsctl limits` shows them."
        )
    return key


def _name(budget: StoredBudget) -> str:
    return one_line(f"{budget.app}/{budget.policy} for {budget.by}")


def _to_json(budget: StoredBudget, now: float) -> dict[str, Any]:
    return {
        "key": budget.key,
        "app": budget.app,
        "policy": budget.policy,
        "by": budget.by,
        "held": len(budget.live(now)),
        "most": budget.most,
        "holds": budget.held,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(min(seconds, _LATEST), UTC).isoformat()


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(min(seconds, _LATEST), UTC):%Y-%m-%d %H:%M:%S} UTC"
