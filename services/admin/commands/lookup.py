"""``malle map``: what the tables say, and what is wrong with them."""

import asyncio
import sys
from typing import Annotated

import typer

from services.admin.desk import Desk

map_app = typer.Typer(name="map", help="Lookup tables: query.", no_args_is_help=True)


@map_app.callback()
def start() -> None:
    """Lookup tables."""


@map_app.command()
def query(
    context: typer.Context,
    table: Annotated[str, typer.Argument(metavar="TYPE:FILE", help="The table; FILE is relative to the folder of tables.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="What to look up; - reads keys from stdin, one a line.")],
) -> None:
    """Print the value of a key, as postmap -q does; exit status 1 when there is none.

    With - as the key, print a line "key<TAB>value" for each key that is found; with - as the table too, stdin has a table and a key, with a
    tab between, on each line, and the table comes first in what is printed. Lines of the table that are in error are told of on stderr and
    left out, as Postfix does; the services refuse such a table as a whole. When the table cannot be asked, stderr says so (exit status 1).
    """
    from services.admin.query import Query

    asked = Query(context.obj.tables_folder)
    if table == key == "-":
        is_found = asked.print_pairs(sys.stdin.buffer)
    else:
        is_found = asked.print_many(table, sys.stdin.buffer) if key == "-" else asked.print_one(table, key)
    if not is_found:
        raise typer.Exit(1)


@map_app.command()
def check(
    context: typer.Context,
    tables: Annotated[list[str] | None, typer.Argument(metavar="[TYPE:FILE]...", help="Without any: those the configuration names.")] = None,
) -> None:
    """Print file and line of each error, and of each entry that never counts as an earlier one does; exit status 1 when there are errors."""
    from services.admin.configuration import named_tables
    from services.kernel.tables.check import examine
    from services.kernel.tables.collection import Tables

    desk: Desk = context.obj
    opened = Tables(lambda _: None, desk.tables_folder)
    names = tables or named_tables(desk.document)

    async def examine_all() -> dict[str, bool]:
        return {words: is_error for name in names for words, is_error in await examine(name, opened)}

    told = asyncio.run(examine_all())
    for words, is_error in told.items():
        typer.echo(words if is_error else _as_warning(words))
    if any(told.values()):
        raise typer.Exit(1)


def _as_warning(words: str) -> str:
    place, _, text = words.partition(": ")
    return f"{place}: warning: {text}"
