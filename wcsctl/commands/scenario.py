"""Play scenarios with the simulated WCS."""

import typer

app = typer.Typer(no_args_is_help=True, help="Play scenarios with the simulated WCS.")
