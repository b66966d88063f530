"""Edit, compare, test and roll back policies."""

import typer

app = typer.Typer(no_args_is_help=True, help="Edit, compare, test and roll back policies.")
