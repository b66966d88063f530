"""What the account allows, and which code it runs."""

import math
from pathlib import Path
from typing import Final

import wcs_hooks
from function_sources import sources_digest
from wcs_hooks.telemetry.catalogue import COMPILER
from wcsctl.function_configuration import CATEGORIES, FUNCTIONS
from wcsctl.verification.check import DeploymentCheck, Sighting, failed, not_possible, passed
from wcsctl.verification.run import VerificationRun

REQUESTS_OF_AN_EXECUTION: Final = 10
"""Requests a second that Lambda allows per unit of concurrency:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"""

_COMPILERS: Final = 1
_BURST_SECONDS: Final = 1.0
_SHOWN: Final = 12


def _look_at_deployed_code(run: VerificationRun) -> Sighting:
    outputs = run.deployment.outputs
    hooks, compiler = outputs.get("CodeSha256"), outputs.get("CompilerCodeSha256")
    if hooks is None or compiler is None:
        return not_possible(_NO_VERSION)
    deployed = dict.fromkeys(CATEGORIES, hooks) | {COMPILER: compiler}
    other = [
        function
        for function in FUNCTIONS
        if run.configurations.for_function(function).code_sha256 != deployed[function]
    ]
    if other:
        return failed(f"other code in {', '.join(other)}: somebody changed it manually")
    return passed(f"SHA-256 {hooks[:_SHOWN]}… in {len(CATEGORIES)}, {compiler[:_SHOWN]}… in 1")


def _look_at_sources(run: VerificationRun) -> Sighting:
    deployed = run.deployment.outputs.get("CodeSources")
    if deployed is None:
        return not_possible(_NO_VERSION)
    directory = Path(wcs_hooks.__file__).resolve().parents[1]
    try:
        own = sources_digest(directory)
    except FileNotFoundError:
        return not_possible("wcsctl does not run from a clone of the repository")
    if own != deployed:
        return failed(f"sources {deployed[:_SHOWN]} are deployed, {own[:_SHOWN]} are here")
    return passed(f"sources {own[:_SHOWN]} here and there")


def _look_at_concurrency(run: VerificationRun) -> Sighting:
    limit = run.deployment.client("lambda").get_account_settings()["AccountLimit"]
    free = limit["UnreservedConcurrentExecutions"]
    rate = run.options.hooks_per_second
    needed = math.ceil(rate / REQUESTS_OF_AN_EXECUTION) + _COMPILERS
    detail = (
        f"{free:,} of {limit['ConcurrentExecutions']:,} unreserved; {rate:g} hooks/s need {needed}"
    )
    return (passed if free >= needed else failed)(detail)


def _look_at_gateway(run: VerificationRun) -> Sighting:
    # REST and HTTP APIs share the account's rate, which only the former's API can be asked for.
    account = run.deployment.client("apigateway").get_account()
    rate, burst = (account["throttleSettings"][name] for name in ("rateLimit", "burstLimit"))
    needed = run.options.hooks_per_second
    detail = f"{rate:,.0f} requests/s, burst {burst:,}; {needed:g} hooks/s are to come"
    enough = rate >= needed and burst >= needed * _BURST_SECONDS
    return (passed if enough else failed)(detail)


_NO_VERSION: Final = "the stack says nothing of its code: an application of your own deployed it"

CHECKS: Final = (
    DeploymentCheck("code", "each function runs what the stack deployed", _look_at_deployed_code),
    DeploymentCheck("version", "the sources of this clone", _look_at_sources),
    DeploymentCheck("concurrency", "enough for the hooks to come", _look_at_concurrency),
    DeploymentCheck("gateway rate", "enough for the hooks to come", _look_at_gateway),
)
