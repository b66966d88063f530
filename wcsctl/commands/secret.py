"""Show and rotate the secret that WCS proves itself with."""

import typer

app = typer.Typer(
    no_args_is_help=True, help="Show and rotate the secret that WCS proves itself with."
)
