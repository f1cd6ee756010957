"""``malle init`` and ``malle health``: the site as a whole."""

import asyncio
import datetime
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import print_columns, print_json
from services.admin.trouble import ControlError, DirectoryError


def init(context: typer.Context) -> None:
    """Make what a site needs before it can start and is missing: certificate, directory, the postmaster's mailbox."""
    from services.admin.certificates import Wish, ensure
    from services.admin.identity import ensure_identity

    desk: Desk = context.obj
    settings = desk.settings.certificates
    names = tuple(dict.fromkeys((desk.site.hostname, *settings.names)))
    wish = Wish(names, datetime.timedelta(days=settings.days), datetime.timedelta(days=settings.renew_days))
    for name in ensure(settings.directory, wish, datetime.datetime.now(datetime.UTC)):
        typer.echo(f"made {settings.directory / name}")
    for name in ensure_identity(settings.directory, desk.site.hostname, datetime.datetime.now(datetime.UTC)):
        typer.echo(f"made {settings.directory / name}")
    _init_directory(desk)


def _init_directory(desk: Desk) -> None:
    writer = desk.writer()
    if writer.prepare():
        typer.echo("made the directory's tables")
    postmaster = desk.site.postmaster.lower()
    known = {account.address for account in writer.accounts()} | {source for source, _ in writer.aliases()}
    if postmaster and postmaster not in known and _is_ours(desk, postmaster):
        writer.add_account(postmaster, "")  # no password: nobody can sign in before one is set
        typer.echo(f"made the account {postmaster} without a password; set one with: malle account passwd {postmaster}")


def _is_ours(desk: Desk, address: str) -> bool:
    """A postmaster of a domain that is somebody else's, or passed on, has a mailbox elsewhere; an unknown domain becomes hosted."""
    name = address.rpartition("@")[2]
    domains = {domain.name: domain for domain in desk.writer().domains()}
    if not name:
        raise DirectoryError(f"site.postmaster: {address!r} is no full address")
    return name not in domains or domains[name].domain_class == "hosted"


def health(context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Ask every service for one real exchange; exit status 1 when one fails."""
    results = asyncio.run(_examine(context.obj))
    if as_json:
        print_json([{"what": what, "fault": fault, "milliseconds": milliseconds} for what, fault, milliseconds in results])
    else:
        print_columns(("WHAT", "TIME", "STATE"), [(what, f"{ms} ms", fault or "well") for what, fault, ms in results])
    if any(fault for _, fault, _ in results):
        raise typer.Exit(1)


Result = tuple[str, str, int]
Check = Callable[[], None]


async def _examine(desk: Desk) -> list[Result]:
    checks: list[tuple[str, Check]] = [("directory", partial(_read_directory, desk)), ("qmgr", partial(_ask_qmgr, desk))]
    checks += [(probe, partial(_probe, probe)) for probe in desk.settings.probes]
    return list(await asyncio.gather(*(asyncio.to_thread(_timed, what, check) for what, check in checks)))


def _timed(what: str, check: Check) -> Result:
    from services.kernel.tables.lookup import LookupTrouble

    start, fault = time.monotonic(), ""
    try:
        check()
    except (OSError, LookupTrouble, ControlError, ValueError, KeyError) as error:
        fault = str(error)
    return what, fault, round((time.monotonic() - start) * 1000)


def _probe(probe: str) -> None:
    from services.kernel.runtime.probe import examine

    word, _, address = probe.partition(" ")
    examine(word, address)


def _read_directory(desk: Desk) -> None:
    from services.kernel.directory import Directory

    asyncio.run(Directory(desk.directory_settings).version())


def _ask_qmgr(desk: Desk) -> None:
    from services.kernel.wire.control import Stat, Stats

    async def ask() -> None:
        async with desk.control() as control:
            await control.ask(Stat(), Stats)

    asyncio.run(ask())
