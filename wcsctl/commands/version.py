"""Which version this is, which one is deployed, and whether they fit."""

from importlib import metadata
from typing import Annotated, Final

import typer
from rich.text import Text

from wcsctl.context import command_context
from wcsctl.errors import ExitStatus

_PACKAGE: Final = "wcs-hooks"


def version(
    context: typer.Context,
    client: Annotated[
        bool, typer.Option("--client", help="Only wcsctl's own version; needs no deployment.")
    ] = False,
) -> None:
    """Show the version of wcsctl, the deployed one, and whether they are compatible.

    Versions are compatible if their first number is the same, and before 1.0 the second as well
    (Semantic Versioning). Exit status 1 if they are not.

        wcsctl version
        wcsctl version --client
    """
    command = command_context(context)
    own = metadata.version(_PACKAGE)
    if client:
        command.output.result({"client": own}, Text(f"client    {own}"))
        return
    deployment = command.deployment
    deployed = deployment.outputs.get("Version")
    fits = None if deployed is None else compatible(own, deployed)
    if deployed is None:
        verdict = "unknown: the deployment is older than this command. `wcsctl verify` checks it."
    elif fits:
        verdict = "yes"
    else:
        verdict = f"no: install wcsctl {deployed}, or deploy {own} (docs/how-to/upgrade.md)."
    command.output.result(
        {"client": own, "deployed": deployed, "deployment": deployment.name, "compatible": fits},
        Text(
            f"client      {own}\n"
            f"deployed    {deployed or 'unknown'} ({deployment.name})\n"
            f"compatible  {verdict}"
        ),
    )
    if fits is False:
        raise typer.Exit(ExitStatus.FAILED)


def compatible(client: str, deployed: str) -> bool:
    """Whether a version of wcsctl is for a deployed one.

    Examples
    --------
    >>> compatible("0.1.0", "0.1.7"), compatible("0.2.0", "0.1.7"), compatible("1.4.0", "1.9.2")
    (True, False, True)
    """
    return _line(client) == _line(deployed)


def _line(version: str) -> tuple[str, ...]:
    """Return the numbers that versions that fit have in common."""
    major, minor, *_ = [*version.split("."), ""]
    return (major, minor) if major == "0" else (major,)
