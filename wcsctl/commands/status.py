"""Whether all is well: endpoint, policies, dead letters, alarms."""

import typer


def status(context: typer.Context) -> None:
    """Whether all is well: endpoint, policies, dead letters, alarms."""
    raise NotImplementedError
