"""Calls, denials and latency."""

import typer


def stats(context: typer.Context) -> None:
    """Calls, denials and latency."""
    raise NotImplementedError
