"""Deploys the stack to the emulator with the CDK command line, as one deploys to an account."""

import json
import re
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

from botocore.exceptions import ClientError

from local.errors import DeploymentError, LocalRunError
from local.workspace import ACCOUNT, REGION, REPOSITORY, Workspace

type Report = Callable[[str], None]
"""Is told how far a step is."""

SETTINGS: Final[Mapping[str, str]] = {
    "local": "true",
    "packaging": "host",
    "removal": "destroy",
    # What a hook counted is looked for in the log right behind it, by people and by tests.
    "echoMetricsSeconds": "0",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOutputs:
    """The stack's outputs, under the names that people and programs rely on."""

    hooks_url: str
    policies_table_name: str
    snapshots_table_name: str
    sessions_table_name: str
    dead_letter_queue_url: str
    dead_letter_table_name: str
    signature_secret_arn: str
    dashboard_url: str
    alarm_topic_arn: str
    policy_editor_policy_arn: str
    connect_function_name: str
    direct_function_name: str
    event_function_name: str
    incoming_function_name: str
    compiler_function_name: str

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what ``cdk deploy --outputs-file`` wrote.

        Raises
        ------
        LocalRunError
            Nothing was deployed, or an output is missing.
        """
        try:
            # Whatever the stack's name is: a stage is part of it.
            [outputs] = json.loads(file.read_text()).values()
            return cls(**{field.name: outputs[_output_name(field.name)] for field in fields(cls)})
        except FileNotFoundError:
            raise LocalRunError("Nothing is deployed here: run `make local` first.") from None
        except KeyError as missing:
            raise DeploymentError(f"The stack has no output {missing} in {file}.") from None


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


def deploy(workspace: Workspace, report: Report) -> StackOutputs:
    """Deploy the assembly and read the outputs.

    Parameters
    ----------
    workspace
        Where the assembly is, and the emulator.
    report
        Is told how many resources are done.

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
    return StackOutputs.read(workspace.outputs)


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


def _output_name(field: str) -> str:
    return "".join(word.capitalize() for word in field.split("_"))
