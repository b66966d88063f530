"""What to do on the WCS side."""

from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.text import Text

from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import APP_KEYS, Category
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.completion import Completed
from wcsctl.context import command_context
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.policies.wcs_switches import switches_of
from wcsctl.wcs_side import PLACEHOLDER, WcsSide

_SHOWN: Final = 5


def wcs_setup(
    context: typer.Context,
    app: Annotated[
        str,
        typer.Argument(metavar="APP", help="The WCS application's `appKey`."),
        Completed.APPS,
    ],
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the secret itself, ready to be pasted.")
    ] = False,
) -> None:
    """Print what to do on the WCS side so that an application's hooks come here.

    These are the lines of `flashphoner.properties` and the commands of WCS's own command line, for
    the way in which this stack checks its callers. Among the lines are those without which WCS
    never asks the application's active policies, or keeps no stream alive that they limit: WCS
    calls StreamKeepAliveEvent, playHLS and playRTSP only if they are switched on.

        wcsctl wcs-setup school
        wcsctl wcs-setup school --reveal
    """
    given = command_context(context)
    deployment = given.deployment
    configuration = FunctionConfigurations(deployment).for_function(Category.CONNECT)
    auth = configuration.auth
    secret = PLACEHOLDER
    if reveal and auth is not Auth.NONE:
        secret = CallerSecretStore(deployment).read().current
    side = WcsSide(
        app,
        deployment.url,
        configuration.reply_timeout,
        auth,
        configuration.basic_user,
        secret,
        switches_of(deployment, app),
    )
    value = {
        "app": app,
        "url": side.url,
        "auth": str(auth),
        "properties": side.properties,
        "commands": side.commands,
        "neededBy": {method: list(by) for method, by in side.switches.needed_by.items()},
    }
    given.output.result(value, Text("\n".join(_lines(side, revealed=reveal))))
    if deployment.endpoint is not None:
        given.output.say(
            "This is the deployment on this machine: only a WCS on this machine reaches it."
        )


def _why_switched_on(side: WcsSide) -> Iterator[str]:
    needed_by = side.switches.needed_by
    if needed_by:
        yield ""
        yield "By default WCS does not call these methods, which these policies need:"
    for method, policies in needed_by.items():
        more = f" and {len(policies) - _SHOWN:,} more" if len(policies) > _SHOWN else ""
        yield f"  {method}: {', '.join(policies[:_SHOWN])}{more}"
    if STREAM_KEEP_ALIVE in needed_by:
        yield (
            f"{APP_KEYS} lists every application whose streams WCS asks about: add those that have "
            "no policies of their own, if policies of every app are to cut their streams."
        )
    if side.switches.stream_limits:
        names = ", ".join(side.switches.stream_limits[:_SHOWN])
        yield (
            f"Streams are limited by {names}: one that is not kept alive gives its place back "
            "after about 90 s, though it goes on."
        )
    if "playHLS" in needed_by:
        yield (
            "hls_auth_token_cache is for how many seconds WCS does not ask again about a token: a "
            "changed policy acts that much later."
        )


def _lines(side: WcsSide, *, revealed: bool) -> list[str]:
    lines = ["In flashphoner.properties, then restart WCS:", ""]
    lines += [f"  {line}" for line in side.properties]
    lines += list(_why_switched_on(side))
    lines += ["", "In its command line (ssh -p 2001 admin@<wcs>):", ""]
    lines += [f"  {line}" for line in side.commands]
    lines += [
        "",
        "A new application needs `add app` first. Without the second command WCS calls nothing:",
        "a method that was not added is never called. connect must be among them: the reply to it",
        "says which refusals and overrides WCS must obey.",
        "rest_request_timeout is in seconds; a client waits that long at worst (default: 15).",
    ]
    if not revealed and side.auth is not Auth.NONE:
        lines += ["", f"{PLACEHOLDER} is the secret: --reveal prints it."]
    if side.auth is Auth.NONE:
        lines += [
            "",
            "This stack checks no callers (auth: none).",
        ]
    return lines
