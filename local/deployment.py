"""Deploys the stack to the emulator with the CDK command line, as one deploys to an account."""

import re
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from local.errors import DeploymentError
from local.workspace import ACCOUNT, REGION, REPOSITORY, Workspace
from wcsctl.deployment import Deployment

type Report = Callable[[str], None]
"""Called with the progress of a step."""

SETTINGS: Final[Mapping[str, str]] = {
    "local": "true",
    "packaging": "host",
    "removal": "destroy",
    # What a hook counted is looked for in the log right behind it, by people and by tests.
    "echoMetricsSeconds": "0",
    # So that `wcsctl explain` and `decisions --where` can be tried.
    "explainDecisions": "true",
    "loggedFields": "name,callee",
}
"""What differs from a deployment to an account."""

_BOOTSTRAP_STACK: Final = "CDKToolkit"
_DEPLOYED: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_SHOWN_LINES: Final = 15
_EVENT: Final = re.compile(
    r"^\S+ \|\s*(?P<done>\d+)/(?P<total>\d+) \|.*\| [A-Z_]+ +\| (?P<type>AWS::\S+)"
)
_QUIET: Final = {
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    "NODE_NO_WARNINGS": "1",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
}


def synthesise(workspace: Workspace, settings: Mapping[str, str] = SETTINGS) -> None:
    """Make the cloud assembly.

    Raises
    ------
    DeploymentError
        The CDK application failed.
    """
    context = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    _cdk(workspace, "synth", "--quiet", "--output", str(workspace.assembly), *context)


def bootstrap(workspace: Workspace) -> None:
    """Make the CLI's staging bucket, unless this emulator has it.

    Raises
    ------
    DeploymentError
        The CDK command line failed.
    """
    cloudformation = workspace.session().client("cloudformation", endpoint_url=workspace.endpoint)
    try:
        stacks = cloudformation.describe_stacks(StackName=_BOOTSTRAP_STACK)["Stacks"]
    except ClientError:
        stacks = []
    if not any(stack["StackStatus"] in _DEPLOYED for stack in stacks):
        # Away from cdk.json: with it the CLI would first synthesise the application.
        _cdk(workspace, "bootstrap", f"aws://{ACCOUNT}/{REGION}", directory=workspace.directory)


def deploy(workspace: Workspace, report: Report) -> Deployment:
    """Deploy the assembly, and write down where it is for people, programs and wcsctl.

    Parameters
    ----------
    workspace
        Where the assembly is, and the emulator.
    report
        Called with how many resources are done.

    Raises
    ------
    DeploymentError
        The CDK command line failed.
    """
    _cdk(
        workspace,
        "deploy",
        "--all",
        "--app",
        str(workspace.assembly),
        "--require-approval",
        "never",
        "--progress",
        "events",
        "--outputs-file",
        str(workspace.outputs),
        report=report,
    )
    workspace.write_environment_file()
    deployment = Deployment.local(workspace.directory)
    workspace.write_environment_file(
        POLICIES_TABLE=deployment.output("PoliciesTableName"), HOOKS_URL=deployment.url
    )
    return deployment


def _cdk(
    workspace: Workspace,
    command: str,
    *arguments: str,
    directory: Path = REPOSITORY,
    report: Report | None = None,
) -> None:
    last: deque[str] = deque(maxlen=_SHOWN_LINES)
    log_file = workspace.cdk_log(command)
    with (
        log_file.open("w") as log,
        subprocess.Popen(
            [REPOSITORY / "node_modules" / ".bin" / "cdk", command, "--no-notices", *arguments],
            cwd=directory,
            env=workspace.process_environment() | _QUIET,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            if line.strip():
                last.append(line.rstrip())
            event = _EVENT.match(line)
            if event is not None and report is not None:
                report(f"{event['done']} of {event['total']}, {event['type']}")
    if process.returncode:
        said = "\n".join(f"  {line}" for line in last)
        raise DeploymentError(f"cdk {command} failed; its whole output is in {log_file}:\n{said}")
