"""The command line behind ``make local`` and ``make local-stop``."""

import argparse
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from rich.console import Console

from local import demonstration, deployment
from local.emulator import Emulator
from local.errors import LocalRunError
from local.progress import Steps
from local.workspace import DEFAULT_PORT, REPOSITORY, Workspace
from wcsctl import saved_contexts
from wcsctl.deployment import Deployment
from wcsctl.errors import WcsctlError

_DIRECTORY: Final = REPOSITORY / ".local"
_INTERRUPTED: Final = 128 + signal.SIGINT
_LOG_WIDTH: Final = 120
"""Columns where there is no terminal to ask."""


def main() -> int:
    """Run one command; return the exit status."""
    arguments = _parser().parse_args()
    # boto3 reads a developer's AWS settings in this process as well: none may get through.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    try:
        match arguments.command:
            case "up":
                _up(_workspace())
            case "down":
                _down(_workspace())
    except (LocalRunError, WcsctlError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - one plain line, whatever the terminal
        return 1
    except KeyboardInterrupt:
        print("Interrupted: `make local` starts where this ended.", file=sys.stderr)  # noqa: T201
        return _INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the emulator, deploy, load the examples, post hooks")
    commands.add_parser("down", help="stop the emulator")
    return parser


def _workspace() -> Workspace:
    chosen = os.environ.get("LOCAL_PORT", "")
    running = Emulator(Workspace(_DIRECTORY, DEFAULT_PORT)).running_port()
    if not chosen:
        return Workspace(_DIRECTORY, running or DEFAULT_PORT)
    if not (chosen.isdecimal() and 0 < int(chosen) <= 65535):  # noqa: PLR2004 - the last TCP port
        raise LocalRunError(f"LOCAL_PORT={chosen} is not a port: choose one from 1 to 65535.")
    return Workspace(_DIRECTORY, int(chosen))


def _up(workspace: Workspace) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    workspace.directory.mkdir(exist_ok=True)
    with Steps(console) as steps:
        deployed = _deploy(workspace, steps)
        demonstration.load_examples(deployed, steps)
        answers = demonstration.post_hooks(deployed, steps)
    demonstration.show(console, deployed, answers)
    console.print(select_context(workspace), markup=False)
    console.print("\nLook at it all, and edit policies, on a page: .venv/bin/wcsctl console")


def select_context(workspace: Workspace) -> str:
    """Have wcsctl use this deployment from now on; return what to print about it."""
    try:
        place = saved_contexts.DeploymentPlace(directory=workspace.directory.resolve())
        saved_contexts.save(saved_contexts.load().use(saved_contexts.LOCAL, place))
    except WcsctlError as error:
        return f"wcsctl needs --local, since no context can be selected: {error}"
    return "wcsctl uses this deployment (context `local`) until `make local-stop`."


def deselect_context(workspace: Workspace) -> None:
    """Have wcsctl forget this deployment."""
    try:
        contexts = saved_contexts.load()
        place = contexts.places.get(saved_contexts.LOCAL)
        if place is not None and place.directory == workspace.directory.resolve():
            saved_contexts.save(contexts.without(saved_contexts.LOCAL))
    except WcsctlError as error:
        print(error, file=sys.stderr)  # noqa: T201 - as above


def _deploy(workspace: Workspace, steps: Steps) -> Deployment:
    with steps.step(f"Starting the AWS emulator on 127.0.0.1:{workspace.port}"):
        if Emulator(workspace).start():
            workspace.outputs.unlink(missing_ok=True)
    with ThreadPoolExecutor() as threads:
        # The application takes seconds to synthesise; cdk bootstrap has nothing to do with it.
        synthesis = threads.submit(_synthesise, workspace, steps)
        with steps.step("Bootstrapping the emulated account"):
            deployment.bootstrap(workspace)
        synthesis.result()
    with steps.step("Deploying the stack") as step:
        return deployment.deploy(workspace, step.detail)


def _synthesise(workspace: Workspace, steps: Steps) -> None:
    with steps.step("Synthesising the stack and packaging the functions"):
        deployment.synthesise(workspace)


def _down(workspace: Workspace) -> None:
    console = Console(highlight=False)
    deselect_context(workspace)
    if Emulator(workspace).stop():
        workspace.outputs.unlink(missing_ok=True)
        console.print("The emulator is stopped, and what was deployed to it is gone.")
    else:
        console.print("No emulator is running from here.")


if __name__ == "__main__":
    sys.exit(main())
