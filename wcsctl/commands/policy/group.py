"""The group of policy commands, in the order of their help."""

import typer

from wcsctl.commands.policy import editing, pinning, reading, testing

app = typer.Typer(no_args_is_help=True, help="Edit, compare, test and roll back policies.")

app.command()(editing.new)
app.command("list")(reading.list_policies)
app.command()(reading.get)
app.command()(editing.put)
app.command()(editing.delete)
app.command()(editing.edit)
app.command()(reading.lint)
app.command()(reading.diff)
app.command()(editing.apply)
app.command()(reading.export)
app.command()(reading.history)
app.command()(reading.show)
app.command()(editing.rollback)
app.command()(pinning.pin)
app.command()(pinning.unpin)
app.command()(reading.schema)
app.command()(testing.test)
