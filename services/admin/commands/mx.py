"""``malle mx``: the domains that this site backs up, and how their primaries are."""

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import print_columns, print_json
from services.admin.trouble import ControlError, DirectoryError
from services.kernel.mail.domainclass import Domain, DomainClass

if TYPE_CHECKING:
    from services.kernel.wire import standby
    from services.kernel.wire.delivery import NextHop, TrialResponse

app = typer.Typer(name="mx", help="Backup MX: add, remove, list, status, back, sync, check, identity.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="DOMAIN")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    context: typer.Context,
    name: _Name,
    subdomains: Annotated[bool, typer.Option("--subdomains", help="All domains below it too.")] = False,
    via: Annotated[str, typer.Option(metavar="NEXTHOP", help="The primary as [host]:port, instead of the domain's better MX hosts.")] = "",
) -> None:
    """Back a domain up: its mail is taken, kept while the primary is away, and handed to it alone."""
    desk: Desk = context.obj
    writer = desk.writer()
    for wanted in (name, f".{name}") if subdomains else (name,):
        writer.add_domain(Domain(wanted, DomainClass.BACKUP, via))
    typer.echo(f"{name.lower()} is backed up" + (" with all below it" if subdomains else ""))


@app.command()
def remove(context: typer.Context, name: _Name) -> None:
    """Back a domain up no more; what is in the queue for it then goes the way of all mail."""
    desk: Desk = context.obj
    writer = desk.writer()
    known = {domain.name for domain in writer.domains() if domain.domain_class is DomainClass.BACKUP}
    wanted = [found for found in (name.lower(), f".{name.lower()}") if found in known]
    if not wanted:
        raise DirectoryError(f"{name} is not backed up")
    for found in wanted:
        writer.delete_domain(found)
    typer.echo(f"{name.lower()} is backed up no more")


@app.command(name="list")
def list_domains(context: typer.Context, as_json: _Json = False) -> None:
    """List the domains that are backed up."""
    desk: Desk = context.obj
    known = {domain.name: domain for domain in desk.writer().domains() if domain.domain_class is DomainClass.BACKUP}
    names = sorted({name.removeprefix(".") for name in known})
    rows = [(name, known.get(name, known.get(f".{name}")), f".{name}" in known) for name in names]
    if as_json:
        print_json([{"name": name, "via": domain.target if domain else "", "subdomains": is_wide} for name, domain, is_wide in rows])
    else:
        shown = [(name, domain.target if domain and domain.target else "its better MX", "yes" if wide else "") for name, domain, wide in rows]
        print_columns(("DOMAIN", "GOES TO", "SUBDOMAINS"), shown)


@app.command()
def status(context: typer.Context, as_json: _Json = False) -> None:
    """Show whether the primaries answer and how old their recipients are here."""
    from services.kernel.wire import standby

    _show(_ask(context.obj, standby.Status()), as_json=as_json)


@app.command()
def sync(
    context: typer.Context,
    primary: Annotated[str, typer.Argument(metavar="[PRIMARY]", help="Its name in the configuration; all without one.")] = "",
    as_json: _Json = False,
) -> None:
    """Fetch the recipients of primaries now; exit status 1 when one cannot be asked."""
    from services.kernel.wire import standby

    state = _ask(context.obj, standby.Sync(primary))
    _show(state, as_json=as_json)
    wanted = [known for known in state.primaries if primary in ("", known.name)]
    if not wanted or any(known.fault for known in wanted):
        raise typer.Exit(1)


@app.command()
def back(context: typer.Context, name: Annotated[str, typer.Argument(metavar="[DOMAIN]", help="All domains without one.")] = "") -> None:
    """Say that a primary is back: what waits for it is tried now, oldest first."""
    from services.kernel.wire.control import Done, Flush, Selection

    desk: Desk = context.obj
    backed_up = [domain.name.removeprefix(".") for domain in desk.writer().domains() if domain.domain_class is DomainClass.BACKUP]
    names = [name] if name else sorted(set(backed_up))

    async def ask() -> int:
        async with desk.control() as control:
            return sum([(await control.ask(Flush(Selection(recipient=found), only_ours=True), Done)).count for found in names])

    count = asyncio.run(ask())
    typer.echo("1 message is tried now" if count == 1 else f"{count} messages are tried now")


@app.command()
def check(
    context: typer.Context,
    name: _Name,
    from_outside: Annotated[bool, typer.Option("--from-outside", help="As a host that has no part in it: no message is sent.")] = False,
    as_json: _Json = False,
) -> None:
    """Validate the set-up of a domain: its MX records, each host, and that mail crosses over. Exit status 1 when something is wrong."""
    from services.admin.mxcheck import Check, Grade, Tools
    from services.kernel.dns.resolver import Resolver
    from services.kernel.dns.upstream import Upstream

    desk: Desk = context.obj
    tools = Tools(Resolver(Upstream(), time.monotonic), partial(_try, desk), partial(_arrived, desk), partial(_standby, desk))
    found = Check(name.lower(), "" if from_outside else desk.site.hostname, tools)
    found.run()
    if as_json:
        print_json([{"grade": finding.grade, "what": finding.what, "words": finding.words} for finding in found.findings])
    else:
        print_columns(("", "WHAT", "FOUND"), [(finding.grade, finding.what, finding.words) for finding in found.findings])
    if any(finding.grade is Grade.WRONG for finding in found.findings):
        raise typer.Exit(1)


def _try(desk: Desk, nexthop: "NextHop", recipient: str) -> "TrialResponse":
    from services.admin.relay import run_trial
    from services.kernel.wire.delivery import TrialRequest

    return asyncio.run(run_trial(desk.settings.relay, TrialRequest(nexthop, "", recipient)))


def _standby(desk: Desk) -> "standby.State | None":
    from services.kernel.wire import standby

    try:
        return _ask(desk, standby.Status())
    except ControlError:
        return None


def _arrived(desk: Desk, message_id: str) -> str:
    """What this site knows of a message: that it was stored, or handed on by SMTP."""
    import json

    from services.admin.trace.index import Index

    index = Index(desk.settings.events_directory)
    try:
        index.catch_up()
        events = [json.loads(line) for lines in index.find(message_id, 1) for line in lines]
    finally:
        index.close()
    if any(event.get("kind") == "stored" for event in events):
        return "stored in a mailbox here"
    handed = next((event for event in events if event.get("kind") == "delivered" and not event.get("nexthop", "").startswith("lmtp")), None)
    return f"handed to {handed['remote']}, which said {handed['reply']}" if handed else ""


@app.command()
def identity(context: typer.Context) -> None:
    """Print the certificate of this site, for the configuration of a partner."""
    desk: Desk = context.obj
    typer.echo(desk.settings.mirror.certificate_file.read_text(), nl=False)


def _ask(desk: Desk, request: "standby.Request") -> "standby.State":
    from services.admin.standby import ask

    return asyncio.run(ask(desk.settings.standby, request))


def _show(state: "standby.State", *, as_json: bool) -> None:
    if as_json:
        from msgspec import to_builtins

        print_json(to_builtins(state))
        return
    now = time.time()
    rows = [
        (known.name, _age(now, known.confirmed), str(sum(max(count, 0) for count in known.domains.values())), " ".join(known.domains), known.fault)
        for known in state.primaries
    ]
    print_columns(("PRIMARY", "MIRROR", "RECIPIENTS", "DOMAINS", "FAULT"), rows)
    typer.echo()
    words = {None: "not looked at", True: "up", False: "down"}
    seen = [(domain.name, words[domain.is_up], _age(now, domain.since), domain.words) for domain in state.domains]
    print_columns(("DOMAIN", "PRIMARY IS", "SINCE", "LAST HEARD"), seen)


def _age(now: float, time_then: float) -> str:
    return f"{round(now - time_then)} s ago" if time_then else "never"
