"""Run the tests next to policies."""

import typer


def test(context: typer.Context) -> None:
    """Run the tests next to policies."""
    raise NotImplementedError
