"""What WCS did with refusals."""

import typer


def outcomes(context: typer.Context) -> None:
    """What WCS did with refusals."""
    raise NotImplementedError
