"""Show and rotate the secret that WCS proves itself with, and that of hashed subjects."""

from typing import Annotated, Final

import typer
from rich.text import Text

from wcs_hooks.adapters.cached_secrets import SECRET_TTL
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category
from wcsctl.caller_secret import CallerSecretStore, SubjectSecretStore
from wcsctl.commands.asking import confirm
from wcsctl.context import CommandContext, command_context
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.wcs_side import PLACEHOLDER

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Show and rotate the secret that WCS proves itself with.",
)

Reveal = Annotated[bool, typer.Option("--reveal", help="Print the secret itself.")]
OfSubjects = Annotated[
    bool, typer.Option("--subject", help="The secret that subjects are hashed with, instead.")
]


@app.command()
def show(context: typer.Context, reveal: Reveal = False, subject: OfSubjects = False) -> None:
    """Show whether there is a secret, and whether a rotation is under way.

    ```
    wcsctl secret show
    ```
    """
    given = command_context(context)
    valid = _store(given.deployment, of_subjects=subject).read()
    rotating = bool(valid.previous)
    value: dict[str, object] = {"length": len(valid.current), "rotating": rotating}
    lines = [f"current:  {valid.current if reveal else _hidden(valid.current)}"]
    if rotating:
        lines.append(f"previous: {valid.previous if reveal else _hidden(valid.previous)}")
        end = "wcsctl secret finish --subject" if subject else "wcsctl secret finish"
        lines.append(f"A rotation is under way: both are valid until `{end}`.")
    if reveal:
        value |= {"current": valid.current} | ({"previous": valid.previous} if rotating else {})
    given.output.result(value, *map(Text, lines))


@app.command()
def rotate(context: typer.Context, reveal: Reveal = False, subject: OfSubjects = False) -> None:
    """Begin a rotation: a new secret becomes current, and the old one stays valid for now.

    No hook is rejected meanwhile: functions that meet the new secret read it at once. Give WCS the
    new one, on every server, then end the rotation with `wcsctl secret finish`. There is no second
    rotation before that.

    With `--subject` new lines and events hash subjects with the new secret, within a minute.
    `wcsctl decisions --user` finds both these and those of the previous secret.

        wcsctl secret rotate --reveal
    """
    given = command_context(context)
    if subject:
        _rotate_subject_secret(given)
        return
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
        *([] if reveal else [Text("<current> is shown by: wcsctl secret show --reveal")]),
        Text("When every WCS server uses it: wcsctl secret finish"),
    )


@app.command()
def finish(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    subject: OfSubjects = False,
) -> None:
    """End a rotation: the previous secret is valid no more.

    A WCS server that still uses it has its hooks rejected from then on: watch
    `wcsctl decisions -f` for `rejected`. Functions remember secrets, so that the previous one may
    be accepted for a minute more.

    With `--subject` nobody's decisions from before the rotation are found any more.

        wcsctl secret finish
    """
    given = command_context(context)
    store = _store(given.deployment, of_subjects=subject)
    if not yes and store.read().previous:
        confirm(given.output, _FOUND_NO_MORE if subject else _REJECTED)
    store.finish()
    if subject:
        given.output.result({"rotating": False}, "The previous secret is removed.")
        return
    given.output.result(
        {"rotating": False},
        f"The previous secret is removed; functions may accept it for another {SECRET_TTL:.0f} s.",
    )


_REJECTED: Final = "Does every WCS server use the current secret? Hooks of others will be rejected."
_FOUND_NO_MORE: Final = (
    "Have the lines of the log from before the rotation expired? "
    "`wcsctl decisions --user` will not find them any more."
)


def _store(deployment: Deployment, *, of_subjects: bool) -> CallerSecretStore:
    return SubjectSecretStore(deployment) if of_subjects else CallerSecretStore(deployment)


def _rotate_subject_secret(given: CommandContext) -> None:
    SubjectSecretStore(given.deployment).rotate()
    given.output.result(
        {"rotating": True},
        f"A new secret is current; functions hash subjects with it within {SECRET_TTL:.0f} s.",
        "When the lines of the log from before have expired: wcsctl secret finish --subject",
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
            return "This stack checks no callers (auth: none): WCS needs no secret."
