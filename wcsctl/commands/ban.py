"""Ban users, lift bans, and list them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from wcs_hooks.core.errors import UnavailableError
from wcsctl.ages import in_words
from wcsctl.context import command_context
from wcsctl.errors import NotFoundError, UsageError, WcsctlError
from wcsctl.lists.ban_reach import ban_reach, cache_seconds, reach_lines
from wcsctl.lists.bans import Ban, UnusableUserError, ban, bans, unban
from wcsctl.lists.cells import CellError
from wcsctl.lists.stored_lists import StoredLists
from wcsctl.local_user import local_user
from wcsctl.permissions import is_access_denied
from wcsctl.since import duration

User = Annotated[str, typer.Argument(metavar="USER", help="As tokens name them: the claim `sub`.")]


def ban_user(
    context: typer.Context,
    user: User,
    lifetime: Annotated[
        str | None,
        typer.Option("--for", help="How long: 1h, 7d; for good by default.", metavar="DURATION"),
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why, for whoever reads the list: not shown to clients.")
    ] = "",
) -> None:
    """Ban a user, and say what that ends, and when.

    It writes a row of the list `bans`, which the active policies look up: the recipe in
    docs/cookbook/bans.md has them. A ban that the user has already is replaced.

        wcsctl ban anna --for 1h --reason "Shouting in chat"

    Connections are refused from the next one on; so are actions in sessions that connected after
    the policy became active: in earlier ones WCS only logs the refusal. A running stream of such a
    session ends at its next keep-alive, if a policy looks up bans for StreamKeepAliveEvent and WCS
    sends keep-alives.
    """
    command = command_context(context)
    lists = StoredLists(command.deployment)
    seconds = None if lifetime is None else duration(lifetime)
    try:
        one = ban(lists, user, reason=reason, by=local_user(), now=time.time(), seconds=seconds)
    except UnusableUserError as error:
        raise UsageError(f"USER {error}.") from None
    except CellError as error:
        raise UsageError(f"This ban cannot be kept: {error}.") from None
    reaches, why_no_reach = _known("policies", lambda: ban_reach(command.deployment))
    delay, why_no_delay = _known(
        "the functions' settings", lambda: cache_seconds(command.deployment)
    )
    result = {
        **one.to_json(),
        "reach": None if reaches is None else [reach.to_json() for reach in reaches],
        "cacheSeconds": delay,
    }
    if reaches is None:
        lines = [f"The ban is written, but what it ends is not known here: {why_no_reach}."]
    else:
        lines = reach_lines(reaches)
    if delay is None:
        lines.append(f"How long functions remember rows is not known here: {why_no_delay}.")
    elif delay:
        lines.append(f"All of it up to {delay:g} s later: functions remember rows that long.")
    command.output.result(result, Text(f"Banned {user} {_until(one)}."), *map(Text, lines))


def unban_user(context: typer.Context, user: User) -> None:
    """Lift a user's ban. Exit status 5: the user is not banned.

    ```
    wcsctl unban anna
    ```
    """
    command = command_context(context)
    one = unban(StoredLists(command.deployment), user, time.time())
    if one is None:
        raise NotFoundError(f"{user} is not banned: `wcsctl bans` lists who is.")
    command.output.result(
        one.to_json(),
        Text(f"Lifted the ban on {user}. What it ended does not come back by itself."),
    )


def list_bans(context: typer.Context) -> None:
    """List who is banned, until when, by whom, and why.

    A row that policies cannot read is listed as damaged: denials that look it up apply, unless
    their `whenError` is skip.

        wcsctl bans
    """
    command = command_context(context)
    with command.output.progress("Reading") as advance:
        found = []
        for one in bans(StoredLists(command.deployment), time.time()):
            found.append(one)
            advance(1)
    rows = [(one.user, _until(one), one.banned_at, one.by, one.reason) for one in found]
    table = command.output.table(("user", "until", "banned at", "by", "reason"), rows)
    command.output.result([one.to_json() for one in found], table if rows else "Nobody is banned.")


def _known[T](what: str, find: Callable[[], T]) -> tuple[T | None, str]:
    """What was found about a ban; or why it was not: the ban is written, whatever comes of this."""
    try:
        return find(), ""
    except ClientError as error:
        why = f"this profile may not read {what}" if is_access_denied(error) else str(error)
    except (BotoCoreError, UnavailableError, WcsctlError, LookupError) as error:
        why = str(error)
    return None, why.removesuffix(".")


def _until(one: Ban) -> str:
    if one.damage:
        return f"damaged: {one.damage}"
    if one.expires_at is None:
        return "for good"
    until = datetime.fromtimestamp(one.expires_at, UTC)
    left = in_words(one.expires_at - time.time() + 1)
    return f"for {left}, until {until:%Y-%m-%d %H:%M:%S} UTC"
