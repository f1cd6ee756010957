"""``malle map query`` and ``malle explain``: what the tables say, and what is made of it."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import print_columns

if TYPE_CHECKING:
    from services.kernel.routing import Acceptance, Explanation

map_app = typer.Typer(name="map", help="Lookup tables: query.", no_args_is_help=True)


@map_app.callback()
def start() -> None:
    """Lookup tables."""


@map_app.command()
def query(
    context: typer.Context,
    table: Annotated[str, typer.Argument(metavar="TYPE:FILE", help="The table; FILE is relative to the folder of tables.")],
    key: Annotated[str, typer.Argument(metavar="KEY")],
) -> None:
    """Print the value of a key; exit status 1 when there is none."""
    desk: Desk = context.obj
    found = asyncio.run(desk.tables().open(table).lookup(key))
    if found is None:
        raise typer.Exit(1)
    typer.echo(found.value)


def explain(
    context: typer.Context,
    recipient: Annotated[str, typer.Argument(metavar="RECIPIENT")],
    sender: Annotated[str, typer.Option("--from", help="The envelope sender.")] = "",
    may_relay: Annotated[bool, typer.Option("--signed-in", help="As if a signed-in user had sent it.")] = False,
) -> None:
    """Say what becomes of a recipient, and which lookup decided it."""
    told = asyncio.run(_explain(context.obj, recipient, sender, may_relay=may_relay))
    rows = [(step.table, step.key, "-" if step.hit is None else step.hit, f"{step.file}:{step.line}" if step.line else "") for step in told.steps]
    print_columns(("TABLE", "KEY", "VALUE", "PLACE"), rows)
    typer.echo()
    for line in _verdict(told.acceptance):
        typer.echo(line)
    for address, destination in told.destinations:
        typer.echo(f"{address} -> {getattr(destination, 'reply', destination)}")


async def _explain(desk: Desk, recipient: str, sender: str, *, may_relay: bool) -> "Explanation":
    from services.kernel.directory import Directory
    from services.kernel.routing import Router, RoutingSettings

    directory = Directory(desk.directory_settings, desk.site.recipient_delimiter)
    router = Router(desk.document.section(RoutingSettings, "routing"), desk.site, directory, desk.tables())
    return await router.explain(recipient, sender, may_relay=may_relay)


def _verdict(acceptance: "Acceptance") -> list[str]:
    from services.kernel.routing import Accepted

    if isinstance(acceptance, Accepted):
        return [f"accepted, {acceptance.domain_class}: {', '.join(acceptance.final)}"]
    return [f"refused: {acceptance.reply}"]
