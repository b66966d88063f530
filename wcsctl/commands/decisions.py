"""The decision log."""

import typer


def decisions(context: typer.Context) -> None:
    """The decision log."""
    raise NotImplementedError
