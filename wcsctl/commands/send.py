"""Send a hook as WCS does, and show the answer."""

import sys
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from simulated_wcs.transport import Exchange
from wcs_hooks.core.payload import encode
from wcs_hooks.core.reply import OK
from wcsctl.caller_authentication import caller_authentication
from wcsctl.completion import Completed
from wcsctl.context import command_context
from wcsctl.errors import ExitStatus, UsageError
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.hook_sender import answer_to, as_of_client, fields_of
from wcsctl.hook_sender import send as send_hook
from wcsctl.output import Output, one_line, visible
from wcsctl.trial import note_on, read_bytes, read_payload, with_app

_SHORT_ID: Final = 8


def send(  # noqa: PLR0913, PLR0917 - the options of a command
    context: typer.Context,
    method: Annotated[
        str, typer.Argument(help="As WCS sends it: publishStream, connect …"), Completed.METHODS
    ],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD]...", help="The body: name=text, name:=JSON."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="The body, JSON; - for standard input.")
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(help="Put this appKey into the body, instead of its own."),
        Completed.APPS,
    ] = None,
    connect: Annotated[
        list[str] | None,
        typer.Option("--connect", "-c", metavar="FIELD", help="A field of the connect before it."),
    ] = None,
    no_connect: Annotated[
        bool,
        typer.Option("--no-connect", help="No connect before, as if the WCS REST API started it."),
    ] = False,
) -> None:
    """Send a hook as WCS does, and show the answer.

    ```
    wcsctl send publishStream name=lesson
    wcsctl send publishStream name=lesson --app school --connect custom.role=teacher
    wcsctl send call callee=100 hasVideo:=true
    wcsctl send StreamKeepAliveEvent -f hook.json --no-connect
    ```

    It is signed like WCS's own. A hook of a client comes after a connect, in a session of its own,
    unless the body names a session; of the app `defaultApp`, unless it or --app says another. The
    hook is real: it is counted, logged, and recorded.
    """
    given = command_context(context)
    if file is not None and fields:
        raise UsageError("Give the body as fields or as --file, not both.")
    if no_connect and connect:
        raise UsageError("--connect and --no-connect exclude each other.")
    if file is None:
        body = encode(fields_of(fields or ())).encode()
    else:
        body = sys.stdin.buffer.read() if str(file) == "-" else read_bytes(file)
    if app is not None:
        body = with_app(read_payload(body, "the body"), app).text.encode()
    before = None
    if not no_connect:
        before, body = as_of_client(method, body, fields_of(connect) if connect else None)
    if note := note_on(method):
        given.output.say(note)
    deployment = given.deployment
    authentication = caller_authentication(deployment, FunctionConfigurations(deployment))
    sent = send_hook(deployment.target, authentication, method, body, before)
    if given.output.as_json:
        result = {
            "connect": None if sent.connect is None else _facts(sent.connect),
            "hook": None if sent.hook is None else _facts(sent.hook),
        }
        given.output.result(result)
    else:
        _show(given.output, sent.connect, sent.hook)
    if sent.hook is None:
        raise typer.Exit(ExitStatus.FAILED)


def _show(output: Output, connect: Exchange | None, hook: Exchange | None) -> None:
    if connect is not None:
        output.aside.show(f"connect: {one_line(_summary(connect))}")
    if hook is None:
        output.aside.show("WCS declines such a client, so its hook was not sent.")
        return
    output.aside.show(one_line(f"{hook.method}: {_summary(hook)}"))
    reply = answer_to(hook)
    body = reply.body
    if output.width is not None:
        # Not folded: what is copied from the terminal is the reply.
        text = Text(visible(body.decode("utf-8", "backslashreplace")))
        output.people.print(text, soft_wrap=True)
    else:
        sys.stdout.buffer.write(body + b"\n")
    if reply.status != OK and reply.decision:
        output.aside.show(f"Why: wcsctl explain {reply.decision[:_SHORT_ID]}")


def _summary(exchange: Exchange) -> str:
    facts = _facts(exchange)
    text = f"{facts['status']} in {facts['milliseconds']} ms, decision {facts['decision']}"
    error = answer_to(exchange).error
    if error:
        by = error.get("policy")
        failed = facts["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR
        refused = f"refused by policy {by}" if by else "refused by the endpoint"
        text += f", {'failed' if failed else refused}: {error.get('reason')}"
    return text


def _facts(exchange: Exchange) -> dict[str, Any]:
    reply = answer_to(exchange)
    return {
        "method": exchange.method,
        "status": reply.status,
        "decision": reply.decision,
        "milliseconds": round(exchange.seconds * 1000),
        "sent": exchange.body.decode("utf-8", "replace"),
        "reply": reply.body.decode("utf-8", "replace"),
    }
