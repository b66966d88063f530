"""What to do on the WCS side."""

from typing import Annotated

import typer
from rich.text import Text

from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.context import of
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.wcs_side import PLACEHOLDER, WcsSide


def wcs_setup(
    context: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="The WCS application's `appKey`.")],
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the secret itself, ready to be pasted.")
    ] = False,
) -> None:
    """Print what to do on the WCS side so that an application's hooks come here.

    These are the lines of `flashphoner.properties` and the commands of WCS's own command line, for
    the way in which this stack checks its callers.
    """
    given = of(context)
    deployment = given.deployment
    configuration = FunctionConfigurations(deployment).of(Category.CONNECT)
    auth = configuration.auth
    secret = PLACEHOLDER
    if reveal and auth is not Auth.NONE:
        secret = CallerSecretStore(deployment).read().current
    side = WcsSide(
        app, _url(deployment), configuration.reply_timeout, auth, configuration.basic_user, secret
    )
    value = {
        "app": app,
        "url": side.url,
        "auth": str(auth),
        "properties": side.properties,
        "commands": side.commands,
    }
    given.output.result(value, Text("\n".join(_told(side, revealed=reveal))))
    if deployment.endpoint is not None:
        given.output.say(
            "This is the deployment on this machine: only a WCS on this machine reaches it."
        )


def _url(deployment: Deployment) -> str:
    target = deployment.target
    if deployment.endpoint is None:
        return target.url.rstrip("/")
    # The emulator tells APIs apart by a host name, which few systems resolve, or by the path.
    api = target.host_header().partition(".")[0]
    return f"{deployment.endpoint}/_aws/execute-api/{api}/$default"


def _told(side: WcsSide, *, revealed: bool) -> list[str]:
    lines = ["In flashphoner.properties, then restart WCS:", ""]
    lines += [f"  {line}" for line in side.properties]
    lines += ["", "In its command line (ssh -p 2001 admin@<wcs>):", ""]
    lines += [f"  {line}" for line in side.commands]
    lines += [
        "",
        "A new application needs `add app` first. Without the second command WCS calls nothing:",
        "a method that was not added is never called. connect must be among them: the reply to it",
        "tells WCS which refusals and overrides to heed.",
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
