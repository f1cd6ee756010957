"""``malle domain``: the domains of the site."""

from enum import StrEnum
from typing import Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import print_columns, print_json
from services.admin.sizes import format_size, parse_size
from services.kernel.mail.domainclass import Domain, DomainClass

app = typer.Typer(name="domain", help="Domains: add, list, quota, delete.", no_args_is_help=True)


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
        print_json([_facts(domain) for domain in found])
    else:
        rows = [(d.name, d.domain_class, d.target, format_size(d.quota_bytes) if d.quota_bytes else "-", str(d.quota_messages or "-")) for d in found]
        print_columns(("DOMAIN", "CLASS", "TARGET", "QUOTA", "MESSAGES"), rows)


def _facts(domain: Domain) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"name": domain.name, "class": domain.domain_class, "target": domain.target}
    return facts | {"quota_bytes": domain.quota_bytes, "quota_messages": domain.quota_messages}


@app.command()
def quota(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The domain.")],
    size: Annotated[str, typer.Argument(help="Most bytes of each mailbox, such as 500M or 2G; 0 for no limit.")],
    messages: Annotated[int | None, typer.Option(help="Most messages of each mailbox; 0 for no limit.", min=0)] = None,
) -> None:
    """Set the quota of each mailbox of a domain that has none of its own (malle account quota)."""
    desk: Desk = context.obj
    limits = {"quota_bytes": parse_size(size)} | ({} if messages is None else {"quota_messages": messages})
    desk.writer().change_domain(name, **limits)
    typer.echo(f"changed the quota of the mailboxes of {name.lower()}")


@app.command()
def delete(context: typer.Context, name: Annotated[str, typer.Argument(help="The domain.")]) -> None:
    """Forget a domain without mailboxes; its aliases go with it."""
    desk: Desk = context.obj
    desk.writer().delete_domain(name)
    typer.echo(f"deleted the domain {name.lower()}")
