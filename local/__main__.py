"""The command line behind ``make local``, ``make local-stop`` and ``make hook``."""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from rich.console import Console

from local import demonstration, deployment
from local.client_session import with_session
from local.deployment import StackOutputs
from local.emulator import Emulator
from local.errors import LocalRunError
from local.hooks import HookAddress, poster_for
from local.progress import Steps
from local.workspace import DEFAULT_PORT, REPOSITORY, Workspace

_DIRECTORY: Final = REPOSITORY / ".local"
_LOG_WIDTH: Final = 120
"""Columns where there is no terminal to tell."""


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
            case "post":
                return _post(
                    _workspace(), arguments.method, arguments.file, rest_api=arguments.rest_api
                )
    except LocalRunError as error:
        print(error, file=sys.stderr)  # noqa: T201 - one plain line, whatever the terminal
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the emulator, deploy, load the examples, post hooks")
    commands.add_parser("down", help="stop the emulator")
    post = commands.add_parser("post", help="post one signed hook and print the answer")
    post.add_argument("method", help="e.g. publishStream")
    post.add_argument("file", nargs="?", default="-", help="the body; - is standard input")
    post.add_argument(
        "--rest-api",
        action="store_true",
        help="as if the WCS REST API had started it: without the connect that comes before",
    )
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
        outputs = _deploy(workspace, steps)
        demonstration.load_examples(workspace, outputs, steps)
        shown = demonstration.post_hooks(workspace, outputs, steps)
    workspace.write_environment_file(
        POLICIES_TABLE=outputs.policies_table_name, HOOKS_URL=HookAddress.of(outputs, workspace).url
    )
    demonstration.show(console, workspace, outputs, shown)


def _deploy(workspace: Workspace, steps: Steps) -> StackOutputs:
    with steps.step(f"Starting the AWS emulator on 127.0.0.1:{workspace.port}"):
        if Emulator(workspace).start():
            workspace.outputs.unlink(missing_ok=True)
        workspace.write_environment_file()
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
    if Emulator(workspace).stop():
        workspace.outputs.unlink(missing_ok=True)
        console.print("The emulator is stopped, and what was deployed to it is gone.")
    else:
        console.print("No emulator is running from here.")


def _post(workspace: Workspace, method: str, file: str, *, rest_api: bool) -> int:
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise LocalRunError(f"Cannot read the hook's body: {error}.") from None
    poster = poster_for(workspace)
    console = Console(highlight=False, stderr=True)
    connect, body = (None, body) if rest_api else with_session(method, body)
    if connect is not None:
        console.print(f"connected first: {poster.post('connect', connect).status}")
    reply = poster.post(method, body)
    console.print(f"{reply.status} in {reply.seconds * 1000:.0f} ms, decision {reply.decision}")
    sys.stdout.buffer.write(reply.body + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
