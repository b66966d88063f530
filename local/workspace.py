"""Where one local deployment keeps what it needs and what it leaves behind."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import boto3

REPOSITORY: Final = Path(__file__).resolve().parent.parent
STACK: Final = "WcsHooks"
REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
KEY: Final = "test"
"""Both halves of the emulator's root credentials; any other key is checked against its IAM."""
DEFAULT_PORT: Final = 4566

_PASSED_ON: Final = ("PATH", "HOME", "USER", "LANG", "LC_ALL")


@dataclass(frozen=True, slots=True)
class Workspace:
    """One directory and one port: all that distinguishes two local deployments.

    Attributes
    ----------
    directory
        Holds the emulator's state, logs, the cloud assembly and the outputs.
    port
        Where the emulator listens, on 127.0.0.1.

    Examples
    --------
    >>> Workspace(Path(".local"), 4566).endpoint
    'http://127.0.0.1:4566'
    """

    directory: Path
    port: int

    @property
    def endpoint(self) -> str:
        """The URL of every AWS service in the emulator."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def emulator_log(self) -> Path:
        """What the emulator and the functions print."""
        return self.directory / "emulator.log"

    @property
    def assembly(self) -> Path:
        """The cloud assembly: what ``cdk synth`` makes and ``cdk deploy`` takes."""
        return self.directory / "cdk.out"

    @property
    def outputs(self) -> Path:
        """The stack's outputs, as ``cdk deploy --outputs-file`` writes them."""
        return self.directory / "outputs.json"

    @property
    def environment_file(self) -> Path:
        """Read by wcsctl, and by a shell for the AWS command line: where the emulator is."""
        return self.directory / "env"

    def cdk_log(self, command: str) -> Path:
        """Return where one command of the CDK command line prints to."""
        return self.directory / f"cdk-{command}.log"

    def aws_environment(self) -> dict[str, str]:
        """Return the variables that point any AWS tool at the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def process_environment(self) -> dict[str, str]:
        """Return the whole environment for a tool that speaks to the emulator.

        A developer's AWS profiles and keys are left out, so that a slip cannot reach their account.
        """
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        tools = [REPOSITORY / ".venv" / "bin", REPOSITORY / "node_modules" / ".bin"]
        search = [*map(str, tools), environment.get("PATH", os.defpath)]
        nowhere = str(self.directory / "no-aws-profile")
        return environment | {
            "PATH": os.pathsep.join(search),
            "NO_PROXY": "127.0.0.1,localhost",
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            **self.aws_environment(),
        }

    def session(self) -> boto3.Session:
        """Return a boto3 session with the emulator's keys; clients still need its endpoint."""
        return boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name=REGION)

    def write_environment_file(self, **more: str) -> None:
        """Write ``env``, for ``. .local/env``: where AWS is, and what else is worth a name."""
        variables = self.aws_environment() | more
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
        # In one step: a command may read it meanwhile.
        new = self.directory / "env.new"
        new.write_text("".join(lines))
        new.replace(self.environment_file)


def plain_environment() -> dict[str, str]:
    """Return what the emulator and the functions in it get from this process: next to nothing."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
