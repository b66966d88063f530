"""What to do on the WCS side."""

import typer


def wcs_setup(context: typer.Context) -> None:
    """What to do on the WCS side."""
    raise NotImplementedError
