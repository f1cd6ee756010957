"""``malle relay test``: the way to a server, step by step."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import print_json

if TYPE_CHECKING:
    from services.kernel.wire.delivery import NextHop, TrialStep

app = typer.Typer(name="relay", help="Outgoing mail: test.", no_args_is_help=True)


@app.callback()
def start() -> None:
    """Outgoing mail."""


@app.command(name="test")
def go_the_way(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="HOST|DOMAIN|TRANSPORT:NEXTHOP", help="A server, or a domain whose MX is used.")],
    sender: Annotated[str | None, typer.Option("--from", help="The envelope sender; the postmaster of this site by default.")] = None,
    recipient: Annotated[str, typer.Option("--to", help="The recipient; the postmaster of the domain by default.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Go the way of a message up to RCPT and print each step; nothing is sent. Exit status 1 when a step failed."""
    import msgspec

    from services.admin.relay import run_trial
    from services.kernel.wire.delivery import TrialRequest

    desk: Desk = context.obj
    known_sender = desk.site.postmaster if sender is None else sender.strip("<>")
    nexthop = _read_target(desk, target, known_sender)
    request = TrialRequest(nexthop, known_sender, recipient or _postmaster(desk, nexthop))
    steps = asyncio.run(run_trial(desk.settings.relay, request)).steps
    if as_json:
        print_json(msgspec.to_builtins(steps))
    else:
        _print(steps)
    if not all(step.is_ok for step in steps):
        raise typer.Exit(1)


def _read_target(desk: Desk, target: str, sender: str) -> "NextHop":
    """A word before a colon is a transport if there is one of this name; ``[host]``, a port or a transport make a way that the operator names."""
    from services.kernel.routing import RoutingSettings
    from services.kernel.routing.nexthop import parse_lmtp, parse_nexthops
    from services.kernel.routing.options import BUILTIN
    from services.kernel.wire.delivery import NextHop, Protocol, Server

    routing = desk.document.section(RoutingSettings, "routing")
    transports = {**BUILTIN, **routing.transports}
    word, _, rest = target.partition(":")
    name = word if word in transports else "smtp"
    text = rest if word in transports else target
    transport = transports[name]
    try:
        first, *others = parse_lmtp(text) if transport.program == "lmtp" else parse_nexthops(text)
    except ValueError as error:
        raise typer.BadParameter(f"{target}: {error}") from None
    own = transport.sender_dependent_authentication
    is_by_sender = routing.sender_dependent_authentication if own is None else own
    is_smarthost = first.is_literal or bool(first.port) or word in transports or text == routing.relayhost
    return NextHop(
        protocol=Protocol.LMTP if transport.program == "lmtp" else Protocol.SMTP,
        host=first.host,
        port=first.port,
        is_literal=first.is_literal,
        transport=name,
        others=tuple(Server(other.host, other.port, other.is_literal) for other in others),
        is_smarthost=is_smarthost,
        sender=sender if is_smarthost and is_by_sender else "",
    )


def _postmaster(desk: Desk, nexthop: "NextHop") -> str:
    """Of the domain (RFC 5321 section 4.5.1), or where the target is a way out for all domains, of this site."""
    return desk.site.postmaster if nexthop.is_smarthost else f"postmaster@{nexthop.host}"


def _print(steps: "list[TrialStep]") -> None:
    server = ""
    for step in steps:
        if step.server != server:
            server = step.server
            typer.echo(server)
        first, *more = step.lines or [""]
        typer.echo(f"  {'ok' if step.is_ok else 'FAILED':<6} {step.seconds * 1000:7.1f} ms  {step.name:<9} {first}".rstrip())
        for line in more:
            typer.echo(f"{'':31}{line}")
