"""Name deployments, and select the one that commands are about."""

from typing import Annotated

import typer
from rich.text import Text

from wcsctl import saved_contexts
from wcsctl.command_line import global_options
from wcsctl.completion import Completed
from wcsctl.context import command_context
from wcsctl.saved_contexts import STACK

app = typer.Typer(no_args_is_help=True, help="Name deployments, and select one.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The context's name."), Completed.CONTEXTS
]


@app.command("list")
def list_contexts(context: typer.Context) -> None:
    """List the contexts; `*` marks the selected one.

    WCSCTL_CONTEXT, WCSCTL_STACK and the options of a command outweigh what is selected.

    ```
    wcsctl context list
    ```
    """
    output = command_context(context).output
    contexts = saved_contexts.load()
    rows = [
        ("*" if name == contexts.selected else "", name, str(place))
        for name, place in contexts.places.items()
    ]
    output.result(
        [
            {"name": name, "selected": name == contexts.selected, **place.to_json()}
            for name, place in contexts.places.items()
        ],
        output.table(("", "context", "deployment"), rows)
        if rows
        else "There are no contexts: `wcsctl context use NAME --stack …` makes one.",
    )


@app.command()
def use(context: typer.Context, name: Name) -> None:
    """Select a context. With --stack, --profile, --region or --local it is made, or replaced.

    `make local` makes and selects the context `local`. The contexts are in
    `~/.config/wcsctl/contexts.json` (XDG_CONFIG_HOME).

        wcsctl context use test --stack WcsHooks-test --profile dev --region eu-central-1
        wcsctl context use local
    """
    place = saved_contexts.named_place(global_options.given(context))
    contexts = saved_contexts.load().use(name, place)
    saved_contexts.save(contexts)
    chosen = contexts.place(name)
    command_context(context).output.result(
        {"name": name, "selected": True, **chosen.to_json()}, Text(f"Using {name}: {chosen}.")
    )


@app.command()
def delete(context: typer.Context, name: Name) -> None:
    """Forget a context. The deployment stays.

    ```
    wcsctl context delete test
    ```
    """
    contexts = saved_contexts.load().without(name)
    saved_contexts.save(contexts)
    message = f"Forgot {name}."
    if contexts.selected is None:
        message += f" None is selected: commands are about the stack {STACK}."
    command_context(context).output.result({"deleted": name}, Text(message))
