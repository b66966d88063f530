"""See, redrive and purge what could not be processed."""

import typer

app = typer.Typer(no_args_is_help=True, help="See, redrive and purge what could not be processed.")
