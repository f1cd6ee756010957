"""``malle domain``: the domains of the site."""

from enum import StrEnum
from typing import Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import print_columns, print_json
from services.kernel.mail.domainclass import Domain, DomainClass

app = typer.Typer(name="domain", help="Domains: add, list, delete.", no_args_is_help=True)


class Kind(StrEnum):
    """The classes that a domain of ours can have."""

    HOSTED = "hosted"
    ALIAS = "alias"
    RELAY = "relay"
    BACKUP = "backup"


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The domain.")],
    kind: Annotated[Kind, typer.Option("--class", help="What it is to this site.")] = Kind.HOSTED,
    target: Annotated[str, typer.Option(help="For alias the domain it stands for; for relay and backup the next hop, if not its MX.")] = "",
) -> None:
    """Add a domain, or change its class and target."""
    desk: Desk = context.obj
    desk.writer().add_domain(Domain(name, DomainClass(kind), target))
    typer.echo(f"{name.lower()} is {kind}" + (f" to {target.lower()}" if target else ""))


@app.command(name="list")
def list_domains(context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List domains."""
    desk: Desk = context.obj
    found = desk.writer().domains()
    if as_json:
        print_json([{"name": domain.name, "class": domain.domain_class, "target": domain.target} for domain in found])
    else:
        print_columns(("DOMAIN", "CLASS", "TARGET"), [(domain.name, domain.domain_class, domain.target) for domain in found])


@app.command()
def delete(context: typer.Context, name: Annotated[str, typer.Argument(help="The domain.")]) -> None:
    """Forget a domain without mailboxes; its aliases go with it."""
    desk: Desk = context.obj
    desk.writer().delete_domain(name)
    typer.echo(f"deleted the domain {name.lower()}")
