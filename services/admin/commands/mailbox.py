"""``malle mailbox``: what is in mailboxes, and moving mail in and out, by way of mda."""

import asyncio
import io
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import plural, print_columns, print_json
from services.admin.sizes import format_size
from services.admin.trouble import ControlError
from services.kernel.directory.account import MailboxFormat

if TYPE_CHECKING:
    from services.admin.moving.imap import Remote, RemoteFolder
    from services.kernel.wire.mailboxes import Checked, CheckedFolder, File, FolderList, MovedFolder, MovedIn

app = typer.Typer(name="mailbox", help="Mailboxes: list, import, export, backup, restore, check, acl.", no_args_is_help=True)

PROGRESS = 100
"""Messages of one step of an import from IMAP: what is lost when it is broken off."""

Address = Annotated[str, typer.Argument(help="The full address.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OnlyFolder = Annotated[str, typer.Option("--folder", help="Only this folder.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Write to this file; - is standard output.")]


@app.command(name="list")
def list_folders(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """List the folders of a mailbox with their figures."""
    listed = asyncio.run(_folders(context.obj, address))
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(listed))
        return
    rows = [
        (folder.name, str(folder.messages), str(folder.unseen), format_size(folder.size_bytes), str(folder.uidvalidity), str(folder.uidnext))
        for folder in listed.folders
    ]
    print_columns(("FOLDER", "MESSAGES", "UNSEEN", "SIZE", "UIDVALIDITY", "UIDNEXT"), rows)


async def _folders(desk: Desk, address: str) -> "FolderList":
    async with desk.mailboxes() as mailboxes:
        return await mailboxes.folders(address)


@app.command(name="import")
def import_mail(  # noqa: PLR0913  # the parameters of a command are its options
    context: typer.Context,
    address: Address,
    source: Annotated[str, typer.Argument(help="An mbox, a Maildir, a tar archive of one, - for standard input, or imaps://login@host.")],
    folder: Annotated[str, typer.Option("--folder", help="The folder for an mbox, or the only one to take from IMAP.")] = "",
    password_file: Annotated[Path | None, typer.Option("--password-file", help="The password of an IMAP account.")] = None,
    ca_file: Annotated[Path | None, typer.Option("--ca-file", help="Trust the certificates of this authority too.")] = None,
) -> None:
    """Move mail in. What is there already is passed over, so an import can be broken off and begun again."""
    if source.startswith(("imap://", "imaps://")):
        failed = asyncio.run(_import_imap(context.obj, address, _sign_in(source, password_file, ca_file), folder))
    else:
        failed = asyncio.run(_import_files(context.obj, address, source, folder or "INBOX"))
    raise typer.Exit(1 if failed else 0)


async def _import_files(desk: Desk, address: str, source: str, folder: str) -> bool:
    from services.admin.moving.hop import Mover

    async with desk.mailboxes() as mailboxes:
        mover = Mover(mailboxes, address)
        await mover.add(_files(source, folder))
        return _tell_moved(await mover.finish())


def _files(source: str, folder: str) -> "Iterable[File]":
    """What kind of source it is shows in itself: a directory, a ``From `` line, or else an archive."""
    from services.admin.moving.mbox import files_of_mbox
    from services.admin.moving.trees import files_of_archive, files_of_directory

    if source != "-" and Path(source).is_dir():
        yield from files_of_directory(Path(source))
        return
    with _opened(source) as stream:
        start = stream.peek(5)[:5]
        yield from files_of_mbox(stream, folder) if start in (b"From ", b"") else files_of_archive(stream)


def _opened(source: str) -> io.BufferedReader:
    return io.BufferedReader(sys.stdin.buffer) if source == "-" else Path(source).open("rb")  # type: ignore[arg-type]  # it reads, which is all


def _sign_in(url: str, password_file: Path | None, ca_file: Path | None) -> "Remote":
    import ssl

    from services.admin.moving.imap import Account, Remote

    account = Account.parse(url)
    password = password_file.read_text().rstrip("\r\n") if password_file else typer.prompt(f"Password of {account.login}", hide_input=True)
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return Remote(account, password, context)


async def _import_imap(desk: Desk, address: str, remote: "Remote", only: str) -> bool:
    try:
        folders = [found for found in await asyncio.to_thread(remote.folders) if only in ("", found.name)]
        if not folders:
            raise ControlError(f"there is no folder {only} there" if only else "there are no folders there")
        return any([await _import_folder(desk, address, remote, found) for found in folders])
    finally:
        await asyncio.to_thread(remote.close)


async def _import_folder(desk: Desk, address: str, remote: "Remote", folder: "RemoteFolder") -> bool:
    """Move one folder in, some messages at a time."""
    from services.admin.moving.hop import Mover

    source = await asyncio.to_thread(remote.open, folder)
    failed = False
    async with desk.mailboxes() as mailboxes:
        is_known = any(entry.name == folder.name for entry in (await mailboxes.folders(address)).folders)
        known = [entry async for entry in mailboxes.messages(address, folder.name)] if is_known else []
        here = {source.is_here(entry.unique) for entry in known}
        wanted = [uid for uid in source.uids if uid not in here]
        typer.echo(f"{folder.name}: {plural(len(source.uids), 'message')}, {len(wanted)} to fetch", err=True)
        for start in range(0, len(wanted), PROGRESS):
            mover = Mover(mailboxes, address)
            await mover.add(await asyncio.to_thread(lambda part: list(source.files(part)), wanted[start : start + PROGRESS]))
            moved = await mover.finish()
            failed |= _tell_moved(moved, quietly=True)
            typer.echo(f"{folder.name}: {min(start + PROGRESS, len(wanted))} of {len(wanted)}", err=True)
    return failed


def _tell_moved(moved: "MovedIn", *, quietly: bool = False) -> bool:
    """Say what became of it; return whether something was left out."""
    for folder in moved.folders:
        if not quietly:
            typer.echo(f"{folder.folder}: {_taken(folder)}, {folder.known} were there already")
        elif folder.renumbered:
            typer.echo(f"{folder.folder}: {_taken(folder)}", err=True)
        for keyword in folder.lost_keywords:
            typer.echo(f"{folder.folder}: no room for the keyword {keyword}: its messages came without it", err=True)
        if folder.lost_acl:
            typer.echo(f"{folder.folder}: its rights for others were left out: {folder.lost_acl}", err=True)
    for directory in moved.passed_over:
        typer.echo(f"{directory}: cannot be a folder here: its messages were left out", err=True)
    for script in moved.refused_scripts:
        typer.echo(f"{script}: the script was left out", err=True)
    return bool(moved.passed_over or moved.refused_scripts)


def _taken(folder: "MovedFolder") -> str:
    """How many messages came, and whether clients that know the folder know them."""
    if not folder.keeps_uids:
        return f"{plural(folder.taken, 'message')} moved in under new UIDs"
    told = f"{plural(folder.taken - folder.renumbered, 'message')} moved in with their UIDs"
    return f"{told}, {folder.renumbered} under new ones" if folder.renumbered else told


@app.command()
def export(context: typer.Context, address: Address, folder: OnlyFolder = "INBOX", output: Output = Path("-")) -> None:
    """Write one folder as an mbox."""
    count = asyncio.run(_export(context.obj, address, folder, output))
    typer.echo(f"{folder}: {plural(count, 'message')} written", err=True)


async def _export(desk: Desk, address: str, folder: str, output: Path) -> int:
    from services.admin.moving.mbox import written

    count = 0
    async with desk.mailboxes() as mailboxes:
        entries = [entry async for entry in mailboxes.messages(address, folder)]
        with _writing(output) as stream:
            for entry in entries:
                content = await mailboxes.content(address, folder, entry.uid)
                if content is not None:
                    stream.write(written(content, entry.flags, entry.internaldate))
                    count += 1
    return count


@app.command()
def backup(context: typer.Context, address: Address, output: Output = Path("-"), folder: OnlyFolder = "") -> None:
    """Write a mailbox as a compressed tar archive of its Maildir, while mail flows; Dovecot reads what is in it too."""
    count = asyncio.run(_backup(context.obj, address, output, folder))
    typer.echo(f"{address}: {plural(count, 'message')} written", err=True)


async def _backup(desk: Desk, address: str, output: Path, folder: str) -> int:
    from services.admin.moving.archive import Archive

    async with desk.mailboxes() as mailboxes:
        with _writing(output) as stream:
            archive = Archive(stream, time.time())
            await archive.write(mailboxes, address, folder)
            archive.close()
            stream.flush()
        for folder_and_why in archive.lost_acls:
            typer.echo(f"{folder_and_why}: the backup is without its rights for others", err=True)
        return archive.messages


def _writing(output: Path) -> IO[bytes]:
    if str(output) != "-":
        return output.open("wb")
    if sys.stdout.isatty():
        raise typer.BadParameter("mail is not written to a terminal: send it to a file, or name one with --output")
    return sys.stdout.buffer


@app.command()
def restore(context: typer.Context, address: Address, source: Annotated[str, typer.Argument(help="The archive; - is standard input.")] = "-") -> None:
    """Put back from a backup what is not there any more; what is there stays as it is."""
    raise typer.Exit(1 if asyncio.run(_import_files(context.obj, address, source, "INBOX")) else 0)


@app.command(name="acl")
def acl_of_folder(
    context: typer.Context,
    address: Address,
    folder: Annotated[str, typer.Argument(help="The folder, as its owner calls it.")],
    identifier: Annotated[str, typer.Argument(help="Whose rights to set: an address, anyone, authenticated or owner; - in front takes.")] = "",
    rights: Annotated[str, typer.Argument(help="Letters of RFC 4314, such as lrs; none take the entry away.")] = "",
) -> None:
    """Show who may do what in a folder (IMAP ACL), or set it for one."""
    entries = asyncio.run(_acl(context.obj, address, folder, identifier, rights))
    if not identifier:
        from services.kernel.mailbox import acl

        print_columns(("IDENTIFIER", "RIGHTS"), [(acl.said(name, address.lower()), letters) for name, letters in entries.items()])


async def _acl(desk: Desk, address: str, folder: str, identifier: str, rights: str) -> Mapping[str, str]:
    from services.kernel.wire.mailboxes import Done, SetAcl

    async with desk.mailboxes() as mailboxes:
        if identifier:
            await mailboxes.ask(SetAcl(address, folder, identifier, rights), Done)
        found = await mailboxes.acl(address, folder)
        if found.trouble:
            raise ControlError(found.trouble)
        return found.entries


@app.command()
def check(
    context: typer.Context,
    addresses: Annotated[list[str] | None, typer.Argument(metavar="[ADDRESS]...", help="Mailboxes.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All mailboxes that are a Maildir.")] = False,
    as_json: Json = False,
) -> None:
    """Make the index of a mailbox anew from its files, and say what was different. UIDs stay; sessions go on."""
    desk: Desk = context.obj
    accounts = desk.writer().accounts() if every else []
    wanted = addresses or [account.address for account in accounts if account.mailbox_format is MailboxFormat.MAILDIR]
    if not (addresses or every):
        raise typer.BadParameter("name a mailbox, or say --all")
    reports = asyncio.run(_check(desk, wanted))
    if as_json:
        import msgspec

        print_json({address: msgspec.to_builtins(report) for address, report in zip(wanted, reports, strict=True)})
    else:
        for address, report in zip(wanted, reports, strict=True):
            _tell_checked(address, report)


async def _check(desk: Desk, addresses: Sequence[str]) -> "list[Checked]":
    from services.kernel.wire.mailboxes import Check, Checked

    async with desk.mailboxes() as mailboxes:
        return [await mailboxes.ask(Check(address), Checked) for address in addresses]


def _tell_checked(address: str, report: "Checked") -> None:
    if report.trouble:
        typer.echo(f"{address}: the old index could not be read: {report.trouble}")
    for folder in report.folders:
        typer.echo(f"{address}: {folder.folder}: {plural(folder.messages, 'message')}, {_findings(folder)}")


def _findings(folder: "CheckedFolder") -> str:
    found = (
        (folder.found, "were not in the index"),
        (folder.lost, "in the index had no file"),
        (folder.changed, "had other flags"),
        (folder.renumbered, "got a new UID"),
    )
    return ", ".join(f"{count} {what}" for count, what in found if count) or "index and files agree"
