"""``malle verify``: what is known of addresses, by way of verify."""

import asyncio
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from services.admin.desk import Desk
from services.admin.output import age, local_time, plural, print_columns, print_json
from services.admin.trouble import ControlError
from services.kernel.wire.verdict import Done, Expire, Known, Probe, Request, Show, State, Verdict

app = typer.Typer(name="verify", help="Verified addresses: list, show, probe, expire, load.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_GOOD_WORDS = ("", "ok", "good", State.DELIVERABLE.value)
_BAD_WORDS = ("bad", "reject", State.UNDELIVERABLE.value)


@app.command(name="list")
def list_addresses(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="deliverable, undeliverable or unknown.")] = "",
    domain: Annotated[str, typer.Option(help="Only addresses of this domain.")] = "",
    as_json: Json = False,
) -> None:
    """List the addresses that are known."""
    if state and state not in tuple(State):
        raise typer.BadParameter(f"{state!r} is none of {', '.join(State)}")
    verdicts = asyncio.run(_list(context.obj, state, domain))
    if as_json:
        print_json([_plain(verdict) for verdict in verdicts])
        return
    print_columns(("ADDRESS", "STATE", "SOURCE", "AGE", "EXPIRES IN", "REPLY"), map(_row, verdicts))


async def _list(desk: Desk, state: str, domain: str) -> list[Verdict]:
    async with desk.verifier() as verifier:
        return [verdict async for verdict in verifier.verdicts(state, domain)]


@app.command()
def show(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Show what is known of an address. Nobody is asked."""
    _print(_ask(context.obj, Show(address)), as_json=as_json)


@app.command()
def probe(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Ask the server of an address now, and remember what it says."""
    _print(_ask(context.obj, Probe(address)), as_json=as_json)


@app.command()
def expire(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="[ADDRESS|DOMAIN]")] = "",
    is_all: Annotated[bool, typer.Option("--all", help="Everything that is known.")] = False,
) -> None:
    """Forget an address, the addresses of a domain, or everything."""
    if bool(what) == is_all:
        raise typer.BadParameter("name an address or a domain, or say --all")
    count = asyncio.run(_expire(context.obj, "*" if is_all else what))
    if not count and not is_all:
        raise ControlError(f"nothing is known of {what}")
    typer.echo(f"forgot {_addresses(count)}")


@app.command()
def load(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A line for each address: ADDRESS [deliverable|undeliverable]; - for standard input.")],
) -> None:
    """Make addresses known without a probe, as if they had just been verified."""
    known = _parse((sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")).splitlines(), file)
    typer.echo(f"loaded {_addresses(asyncio.run(_load(context.obj, known)))}")


def _parse(lines: Iterable[str], name: str) -> list[Known]:
    """Comments and white space as in Postfix's tables. Raises ``ControlError`` for the first line that says nothing we know."""
    known = []
    for number, line in enumerate(lines, 1):
        address, *words = line.split()[:2] or [""]
        if not address or address.startswith("#"):
            continue
        word = words[0].lower() if words else ""
        if "@" not in address or word not in _GOOD_WORDS + _BAD_WORDS:
            raise ControlError(f"{name}:{number}: expected ADDRESS [deliverable|undeliverable], not {line.strip()!r}")
        known.append(Known(address, State.DELIVERABLE if word in _GOOD_WORDS else State.UNDELIVERABLE))
    return known


def _ask(desk: Desk, request: Request) -> Verdict:
    async def ask() -> Verdict:
        async with desk.verifier() as verifier:
            return await verifier.ask(request, Verdict)

    return asyncio.run(ask())


async def _expire(desk: Desk, what: str) -> int:
    async with desk.verifier() as verifier:
        return (await verifier.ask(Expire(what), Done)).count


async def _load(desk: Desk, known: list[Known]) -> int:
    async with desk.verifier() as verifier:
        return await verifier.load(known)


def _print(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        print_json(_plain(verdict))
        return
    facts = [
        ("address", verdict.address),
        ("state", verdict.state.value),
        ("source", verdict.source.value),
        ("reply", str(verdict.reply) if verdict.reply else ""),
        ("next hop", verdict.nexthop),
        ("server", verdict.remote),
        ("found out", local_time(verdict.updated)),
        ("last probe", local_time(verdict.probed)),
        ("expires", local_time(verdict.expires)),
    ]
    for name, value in facts:
        if value:
            typer.echo(f"{name}: {value}")


def _row(verdict: Verdict) -> tuple[str, ...]:
    now = time.time()
    reply = str(verdict.reply) if verdict.reply else ""
    return verdict.address, verdict.state.value, verdict.source.value, age(now - verdict.updated), age(verdict.expires - now), reply


def _plain(verdict: Verdict) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(verdict)
    del plain["type"]
    return plain | {"age_seconds": round(max(0.0, time.time() - verdict.updated), 1) if verdict.updated else None}


def _addresses(count: int) -> str:
    return plural(count, "address") if count == 1 else f"{count} addresses"
