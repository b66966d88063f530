"""The functions that are measured side by side: the baselines, and ours."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final, TypedDict

from bench import packages
from bench.aws_service import POLICIES, SESSIONS, AwsService, aws_service
from bench.function_process import Function, FunctionProcess
from bench.hooks import (
    APP_WITH_LIMITS,
    APP_WITH_TOKENS,
    limit_policies,
    policies_in_force,
    token_policies,
)
from bench.lambda_environment import lambda_environment
from bench.locations import REPOSITORY, WORK
from bench.packages import Package
from wcs_hooks.core.methods import Category
from wcs_hooks.core.policy.reader import EVERY_APP

BASELINE: Final = "baseline"
BASELINE_WITH_READ: Final = "baseline-read"
BASELINE_WITH_WRITE: Final = "baseline-write"
POWERTOOLS: Final = "powertools"
POWERTOOLS_WITHOUT_READ: Final = "powertools-without-read"


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What is measured, and what it is measured in.

    Attributes
    ----------
    functions
        By name: the three no-op baselines, the two Powertools baselines, and each category's value.
    packages
        The packages that they are from, by name.
    lambda_variables
        What Lambda sets for every function.
    ttl
        Seconds for which ours do not ask again what is active.
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
    """Package the functions, and give them an AWS with 100 active policies, while this lasts."""
    WORK.mkdir(parents=True, exist_ok=True)
    deployed = _deployed()
    made = {
        BASELINE: packages.baseline(),
        "baseline-call": packages.baseline_with_call(),
        POWERTOOLS: packages.powertools(),
        "ours": packages.ours(),
    }
    with (
        aws_service(WORK / "aws.log") as aws,
        # X-Ray's daemon: Lambda has one, and takes what the Powertools baseline's tracer sends.
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as xray,
    ):
        aws.put_in_force(EVERY_APP, policies_in_force())
        aws.put_in_force(APP_WITH_TOKENS, token_policies())
        aws.put_in_force(APP_WITH_LIMITS, limit_policies())
        xray.bind(("127.0.0.1", 0))
        ours = _ours(made["ours"], deployed, aws)
        memory = max(function["memorySize"] for function in deployed.values())
        yield Laboratory(
            {
                BASELINE: Function(BASELINE, made[BASELINE].task, "baseline.handler", {}),
                **{
                    name: Function(
                        name, made["baseline-call"].task, handler, {"SESSIONS_TABLE": SESSIONS}
                    )
                    for name, handler in (
                        (BASELINE_WITH_READ, "baseline_call.read"),
                        (BASELINE_WITH_WRITE, "baseline_call.write"),
                    )
                },
                POWERTOOLS: _powertools(made[POWERTOOLS], look_for_policy=True),
                POWERTOOLS_WITHOUT_READ: _powertools(made[POWERTOOLS], look_for_policy=False),
                **ours,
            },
            made,
            lambda_environment(aws.endpoint, xray.getsockname()[1], memory),
            float(ours[Category.DIRECT].variables["SNAPSHOT_TTL_SECONDS"]),
        )


def _powertools(package: Package, *, look_for_policy: bool) -> Function:
    return Function(
        POWERTOOLS if look_for_policy else POWERTOOLS_WITHOUT_READ,
        package.task,
        "powertools.handler",
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
        [sys.executable, "-m", "bench.deployed_functions"],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY / 'functions'}{os.pathsep}{REPOSITORY}"},
        stdout=subprocess.PIPE,
        check=True,
    )
    deployed: _Deployed = json.loads(done.stdout)
    return deployed
