"""What would happen to a hook now, and why."""

import typer


def try_hook(context: typer.Context) -> None:
    """What would happen to a hook now, and why."""
    raise NotImplementedError
