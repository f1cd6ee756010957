"""``malle directory``: the whole directory as YAML."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from services.admin.desk import Desk

app = typer.Typer(name="directory", help="The whole directory: export, import.", no_args_is_help=True)


@app.command()
def export(context: typer.Context) -> None:
    """Print domains, accounts and aliases as YAML. Password hashes are in it: keep it as you keep them."""
    from services.admin.exchange import dump

    desk: Desk = context.obj
    writer = desk.writer()
    typer.echo(dump((writer.domains(), writer.accounts(), writer.aliases())), nl=False)


@app.command(name="import")
def import_directory(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The YAML file; - for standard input.")],
    replace: Annotated[bool, typer.Option("--replace", help="Forget everything that is not in the file.")] = False,
) -> None:
    """Put in what `export` printed, in one transaction: added to what is there, or instead of it."""
    from services.admin.exchange import parse

    desk: Desk = context.obj
    content = parse(sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8"))
    desk.writer().load(content, replaces=replace)
    domains, accounts, aliases = content
    typer.echo(f"imported {len(domains)} domains, {len(accounts)} accounts, {len(aliases)} aliases")
