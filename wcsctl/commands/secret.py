"""Show and rotate the secret that WCS proves itself with."""

from typing import Annotated

import typer
from rich.text import Text

from wcs_hooks.adapters.cached_secrets import SECRET_TTL
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.context import command_context
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.wcs_side import PLACEHOLDER

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Show and rotate the secret that WCS proves itself with.",
)

Reveal = Annotated[bool, typer.Option("--reveal", help="Print the secret itself.")]


@app.command()
def show(context: typer.Context, reveal: Reveal = False) -> None:
    """Show whether there is a secret, and whether a rotation is under way."""
    given = command_context(context)
    valid = CallerSecretStore(given.deployment).read()
    rotating = bool(valid.previous)
    value: dict[str, object] = {"length": len(valid.current), "rotating": rotating}
    lines = [f"current:  {valid.current if reveal else _hidden(valid.current)}"]
    if rotating:
        lines.append(f"previous: {valid.previous if reveal else _hidden(valid.previous)}")
        lines.append("A rotation is under way: both are valid until `wcsctl secret finish`.")
    if reveal:
        value |= {"current": valid.current} | ({"previous": valid.previous} if rotating else {})
    given.output.result(value, *map(Text, lines))


@app.command()
def rotate(context: typer.Context, reveal: Reveal = False) -> None:
    """Begin a rotation: a new secret becomes current, and the old one stays valid for now.

    No hook is rejected meanwhile: functions that meet the new secret read it at once. Tell WCS the
    new one, on every server, then end the rotation with `wcsctl secret finish`. There is no second
    rotation before that.
    """
    given = command_context(context)
    auth = FunctionConfigurations(given.deployment).for_function(Category.CONNECT).auth
    valid = CallerSecretStore(given.deployment).rotate()
    shown = valid.current if reveal else PLACEHOLDER
    value: dict[str, object] = {"rotating": True, "auth": str(auth)}
    if reveal:
        value["current"] = valid.current
    given.output.result(
        value,
        Text("A new secret is current; the previous one is valid, too.\n"),
        Text(_todo(auth, shown)),
        *([] if reveal else [Text("<current> is told by: wcsctl secret show --reveal")]),
        Text("When every WCS server uses it: wcsctl secret finish"),
    )


@app.command()
def finish(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End a rotation: the previous secret is valid no more.

    A WCS server that still uses it has its hooks rejected from then on: watch
    `wcsctl decisions -f` for `rejected`. Functions remember secrets, so that the previous one may
    be accepted for a minute more.
    """
    given = command_context(context)
    store = CallerSecretStore(given.deployment)
    if not yes and store.read().previous:
        typer.confirm(
            "Does every WCS server use the current secret? Hooks of others will be rejected.",
            abort=True,
        )
    store.finish()
    given.output.result(
        {"rotating": False},
        f"The previous secret is removed; functions may accept it for another {SECRET_TTL:.0f} s.",
    )


def _hidden(secret: str) -> str:
    return f"{len(secret)} characters (--reveal prints them)"


def _todo(auth: Auth, secret: str) -> str:
    match auth:
        case Auth.HMAC:
            return (
                "Put into flashphoner.properties of every WCS server, and restart it:\n"
                f"  rest_hook_secret_key={secret}"
            )
        case Auth.BASIC:
            return (
                "Give it to every application that posts here, in WCS's command line; "
                "`wcsctl wcs-setup APP` has the whole command:\n"
                f"  update app ... -p {secret} ..."
            )
        case _:
            return "This stack checks no callers (auth: none): WCS needs to be told nothing."
