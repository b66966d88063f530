"""The functions that are measured side by side: the floor, the documented way, and ours."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final, TypedDict

from bench import packages
from bench.aws_service import POLICIES, SESSIONS, AwsService, aws_service
from bench.function_process import Function, FunctionProcess
from bench.hooks import policies_in_force
from bench.lambda_environment import lambda_environment
from bench.locations import ENVIRONMENT, REPOSITORY, TOOLS_PYTHON
from bench.packages import Package
from wcs_hooks.core.methods import Category
from wcs_hooks.core.policy import EVERY_APP

FLOOR: Final = "floor"
FLOOR_WITH_READ: Final = "floor-read"
FLOOR_WITH_WRITE: Final = "floor-write"
DOCUMENTED: Final = "documented"
DOCUMENTED_WITHOUT_READ: Final = "documented-without-read"


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What is measured, and what it is measured in.

    Attributes
    ----------
    functions
        By name: the three floors, the two documented ones, and each category's value.
    packages
        The packages that they are from, by name.
    lambda_variables
        What Lambda sets for every function.
    ttl
        Seconds for which ours do not ask again what is in force.
    """

    functions: Mapping[str, Function]
    packages: Mapping[str, Package]
    lambda_variables: Mapping[str, str]
    ttl: float

    def start(self, name: str, *options: str, errors: IO[bytes] | None = None) -> FunctionProcess:
        """Start a function; the options are the interpreter's."""
        return FunctionProcess(self.functions[name], self.lambda_variables, options, errors)


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Package the functions, and give them an AWS with 100 policies in force, while this lasts."""
    ENVIRONMENT.mkdir(exist_ok=True)
    deployed = _deployed()
    made = {
        FLOOR: packages.floor(),
        "floor-call": packages.floor_with_call(),
        DOCUMENTED: packages.documented(),
        "ours": packages.ours(),
    }
    with (
        aws_service(ENVIRONMENT / "aws.log") as aws,
        # X-Ray's daemon: Lambda has one, and takes what the documented way's tracer sends.
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as xray,
    ):
        aws.put_in_force(EVERY_APP, policies_in_force())
        xray.bind(("127.0.0.1", 0))
        ours = _ours(made["ours"], deployed, aws)
        memory = max(function["memorySize"] for function in deployed.values())
        yield Laboratory(
            {
                FLOOR: Function(FLOOR, made[FLOOR].task, "floor.handler", {}),
                **{
                    name: Function(
                        name, made["floor-call"].task, handler, {"SESSIONS_TABLE": SESSIONS}
                    )
                    for name, handler in (
                        (FLOOR_WITH_READ, "floor_call.read"),
                        (FLOOR_WITH_WRITE, "floor_call.write"),
                    )
                },
                DOCUMENTED: _documented(made[DOCUMENTED], look_for_policy=True),
                DOCUMENTED_WITHOUT_READ: _documented(made[DOCUMENTED], look_for_policy=False),
                **ours,
            },
            made,
            lambda_environment(aws.endpoint, xray.getsockname()[1], memory),
            float(ours[Category.DIRECT].variables["SNAPSHOT_TTL_SECONDS"]),
        )


def _documented(package: Package, *, look_for_policy: bool) -> Function:
    return Function(
        DOCUMENTED if look_for_policy else DOCUMENTED_WITHOUT_READ,
        package.task,
        "documented.handler",
        {
            "POLICIES_TABLE": POLICIES,
            "LOOK_FOR_POLICY": str(look_for_policy).lower(),
            "POWERTOOLS_SERVICE_NAME": "bench",
            "POWERTOOLS_METRICS_NAMESPACE": "Bench",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        },
    )


def _ours(package: Package, deployed: "_Deployed", aws: AwsService) -> dict[str, Function]:
    functions: dict[str, Function] = {}
    for category in Category:
        set_by_stack = deployed[category]["variables"]
        known = {name: value for name, value in set_by_stack.items() if value is not None}
        variables = known | aws.variables()
        unknown = set_by_stack.keys() - variables.keys()
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"the stack sets {names}, which the benchmark has nothing for")
        functions[category] = Function(
            category.value, package.task, deployed[category]["handler"], variables
        )
    return functions


class _Configuration(TypedDict):
    """How the stack configures a function. What only CloudFormation knows is none."""

    memorySize: int
    handler: str
    variables: dict[str, str | None]


type _Deployed = dict[str, _Configuration]


def _deployed() -> _Deployed:
    """How the stack configures the functions, by category."""
    done = subprocess.run(
        [TOOLS_PYTHON, "-m", "bench.deployed_functions"],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY / 'functions'}{os.pathsep}{REPOSITORY}"},
        stdout=subprocess.PIPE,
        check=True,
    )
    deployed: _Deployed = json.loads(done.stdout)
    return deployed
