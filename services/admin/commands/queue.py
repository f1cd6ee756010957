"""``malle queue``: what waits in the queue, by way of qmgr."""

import asyncio
import re
import sys
import time
from typing import Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import age, local_time, plural, print_columns, print_json
from services.admin.sizes import format_size
from services.admin.trouble import ControlError
from services.kernel.wire.control import Delete, Done, Entry, Flush, Hold, Release, Request, Requeue, Selection, Show, Shown, Stat, Stats

app = typer.Typer(
    name="queue",
    help="The queue: list, show, cat, hold, release, requeue, delete, flush, stat. ALL in place of an id means every message.",
    no_args_is_help=True,
)

_AGE = re.compile(r"(\d+)([smhdw]?)")
DIALOGUES = 3
"""The newest dialogues that ``show`` prints; ``--json`` has all that are kept."""
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

Ids = Annotated[list[str] | None, typer.Argument(metavar="[QUEUE-ID]...", help="Queue ids, or ALL.")]
From = Annotated[str, typer.Option("--from", help="Part of the sender.")]
To = Annotated[str, typer.Option("--to", help="Part of a recipient.")]
Client = Annotated[str, typer.Option(help="Part of the client's address or name.")]
Reason = Annotated[str, typer.Option(help="Part of what was last heard.")]
Site = Annotated[str, typer.Option(help="Part of the next hop.")]
State = Annotated[list[str] | None, typer.Option(help="incoming, active, deferred, hold or corrupt; may be repeated.")]
Older = Annotated[str, typer.Option(help="Arrived longer ago than this: 90s, 30m, 12h, 5d.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _select(ids: list[str] | None, sender: str, recipient: str, **facts: str) -> Selection:
    """``ALL`` among the ids, as in postsuper(1), means that ids do not matter."""
    named = [] if ids is None or "ALL" in ids else ids
    states = facts["states"].split() if facts.get("states") else []
    older = _parse_age(facts.get("older", ""))
    return Selection(named, states, sender, recipient, facts.get("client", ""), facts.get("reason", ""), facts.get("site", ""), older)


def _parse_age(text: str) -> float:
    match = _AGE.fullmatch(text or "0")
    if match is None:
        raise typer.BadParameter(f"{text!r} is no age; write 90s, 30m, 12h or 5d")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


@app.command(name="list")
def list_messages(  # noqa: PLR0913  # the parameters of a command are its options
    context: typer.Context,
    ids: Ids = None,
    sender: From = "",
    recipient: To = "",
    client: Client = "",
    reason: Reason = "",
    site: Site = "",
    state: State = None,
    older: Older = "",
    as_json: Json = False,
) -> None:
    """List messages, one a line, oldest first."""
    selection = _select(ids, sender, recipient, client=client, reason=reason, site=site, states=" ".join(state or ()), older=older)
    entries = asyncio.run(_entries(context.obj, selection))
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(entries))
        return
    now = time.time()
    print_columns(("QUEUE-ID", "STATE", "AGE", "SIZE", "SENDER", "RECIPIENTS"), [_row(entry, now) for entry in entries])


async def _entries(desk: Desk, selection: Selection) -> list[Entry]:
    async with desk.control() as control:
        return [entry async for entry in control.entries(selection)]


def _row(entry: Entry, now: float) -> tuple[str, ...]:
    waiting = [f"{recipient.address} ({recipient.reason})" if recipient.reason else recipient.address for recipient in entry.recipients]
    return (
        entry.queue_id,
        entry.state,
        age(now - entry.arrived),
        format_size(entry.size_bytes),
        entry.sender or "<>",
        ", ".join(waiting).replace("\n", " "),
    )


@app.command()
def show(context: typer.Context, queue_id: Annotated[str, typer.Argument(metavar="QUEUE-ID")], as_json: Json = False) -> None:
    """Show all about one message but its content."""
    shown = asyncio.run(_show(context.obj, queue_id))
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(shown))
        return
    entry, envelope = shown.entry, shown.envelope
    client = " ".join(part for part in (envelope.client.name, f"[{envelope.client.address}]" if envelope.client.address else "") if part)
    facts = [
        ("queue id", entry.queue_id),
        ("state", entry.state),
        ("message id", envelope.message_id),
        ("sender", envelope.sender or "<>"),
        ("arrived", local_time(envelope.arrived)),
        ("size", format_size(entry.size_bytes)),
        ("client", client),
        ("login", envelope.client.login),
        ("trace", envelope.trace_id),
        ("next attempt", local_time(entry.next_attempt)),
        *((f"recipient ({word})", recipient.address) for recipient, word in shown.done),
        *((f"recipient {_last_heard(shown, recipient.address)}", recipient.address) for recipient in shown.pending),
        *((local_time(a.time), f"{a.outcome} {a.recipient} {a.remote} {a.reply}".replace("\n", " ")) for a in shown.history),
    ]
    for name, value in facts:
        if value:
            typer.echo(f"{name}: {value}")
    for said in shown.dialogues[-DIALOGUES:]:
        typer.echo(f"\n{local_time(said.time)} {said.server}")
        for line in said.lines:
            typer.echo(f"    {line}")


def _last_heard(shown: Shown, address: str) -> str:
    reasons = [recipient.reason for recipient in shown.entry.recipients if recipient.address == address]
    return f"(waiting: {reasons[0]})".replace("\n", " ") if reasons and reasons[0] else "(waiting)"


async def _show(desk: Desk, queue_id: str) -> Shown:
    async with desk.control() as control:
        try:
            return await control.ask(Show(queue_id), Shown)
        except ControlError as error:
            raise ControlError(f"{queue_id}: {error}") from None


@app.command()
def cat(context: typer.Context, queue_id: Annotated[str, typer.Argument(metavar="QUEUE-ID")]) -> None:
    """Print the content of one message."""
    asyncio.run(_cat(context.obj, queue_id))


async def _cat(desk: Desk, queue_id: str) -> None:
    async with desk.control() as control:
        try:
            async for block in control.content(queue_id):
                sys.stdout.buffer.write(block)
        except ControlError as error:
            raise ControlError(f"{queue_id}: {error}") from None
    sys.stdout.buffer.flush()


@app.command()
def hold(context: typer.Context, ids: Ids = None, sender: From = "", recipient: To = "", reason: Reason = "") -> None:
    """Put messages aside until they are released."""
    _act(context, Hold(_chosen(ids, sender, recipient, reason)), "held")


@app.command()
def release(context: typer.Context, ids: Ids = None, sender: From = "", recipient: To = "", reason: Reason = "") -> None:
    """Put held messages back into the schedule."""
    _act(context, Release(_chosen(ids, sender, recipient, reason)), "released")


@app.command()
def requeue(context: typer.Context, ids: Ids = None, sender: From = "", recipient: To = "", reason: Reason = "") -> None:
    """Route messages again and try them at once."""
    _act(context, Requeue(_chosen(ids, sender, recipient, reason)), "requeued")


@app.command()
def delete(context: typer.Context, ids: Ids = None, sender: From = "", recipient: To = "", reason: Reason = "") -> None:
    """Remove messages; nobody is told."""
    selection = _chosen(ids, sender, recipient, reason)
    if not selection.ids and sys.stdin.isatty():
        typer.confirm("Delete all that is selected? Nobody will be told.", abort=True)
    _act(context, Delete(selection), "deleted")


@app.command()
def flush(context: typer.Context, ids: Ids = None, recipient: To = "", site: Site = "") -> None:
    """Try deferred messages now; all of them when none is named."""
    selection = _select(ids, "", recipient, site=site)
    _act(context, Flush(selection), "flushed", needs_one=bool(selection.ids))


def _chosen(ids: list[str] | None, sender: str, recipient: str, reason: str) -> Selection:
    if not (ids or sender or recipient or reason):
        raise typer.BadParameter("name queue ids, ALL, or what to select by")
    return _select(ids, sender, recipient, reason=reason)


def _act(context: typer.Context, request: Request, word: str, *, needs_one: bool = True) -> None:
    count = asyncio.run(_ask_done(context.obj, request))
    if count == 0 and needs_one:
        raise ControlError("no such message in the queue")
    typer.echo(f"{word} {plural(count, 'message')}")


async def _ask_done(desk: Desk, request: Request) -> int:
    async with desk.control() as control:
        return (await control.ask(request, Done)).count


@app.command()
def stat(context: typer.Context, as_json: Json = False) -> None:
    """Count messages by state, and show the busiest sites."""
    stats = asyncio.run(_stat(context.obj))
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(stats))
        return
    rows = [(state, str(count), age(stats.oldest_seconds[state]) if count else "-") for state, count in stats.states.items()]
    print_columns(("STATE", "MESSAGES", "OLDEST"), rows)
    now = time.time()
    sites = [
        (
            site.nexthop,
            str(site.waiting + site.deferred),
            f"{site.in_flight}/{site.concurrency}",
            f"{site.rate:g}/s" if site.rate else "-",
            "-" if site.eta_seconds is None or not site.waiting + site.deferred else age(site.eta_seconds),
            f"for {age(site.dead_until - now)}" if site.dead_until > now else "-",
            site.reason,
        )
        for site in stats.sites
    ]
    if sites:
        typer.echo()
    print_columns(("SITE", "WAITING", "IN FLIGHT", "RATE", "EMPTY IN", "DOWN", "REASON"), sites)


async def _stat(desk: Desk) -> Stats:
    async with desk.control() as control:
        return await control.ask(Stat(), Stats)
