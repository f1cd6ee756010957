"""``malle alias``: addresses that stand for others."""

from typing import Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import print_columns, print_json

app = typer.Typer(name="alias", help="Aliases: add, list, delete.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(help="user@domain, or @domain for all that has no mailbox.")]


@app.command()
def add(
    context: typer.Context,
    source: Source,
    targets: Annotated[list[str], typer.Argument(help="Where its mail goes.")],
) -> None:
    """Make an alias, or give it new targets."""
    desk: Desk = context.obj
    was_there = desk.writer().set_alias(source, tuple(targets))
    typer.echo(f"{'changed' if was_there else 'made'} the alias {source.lower()}")


@app.command(name="list")
def list_aliases(context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List aliases."""
    desk: Desk = context.obj
    found = desk.writer().aliases()
    if as_json:
        print_json([{"source": source, "targets": targets} for source, targets in found])
    else:
        print_columns(("SOURCE", "TARGETS"), [(source, ", ".join(targets)) for source, targets in found])


@app.command()
def delete(context: typer.Context, source: Source) -> None:
    """Forget an alias."""
    desk: Desk = context.obj
    desk.writer().delete_alias(source)
    typer.echo(f"deleted the alias {source.lower()}")
