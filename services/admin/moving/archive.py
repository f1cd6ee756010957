"""A mailbox as a tar archive of its Maildir, with UIDs and keywords as Dovecot keeps them: a backup, and a way out to Dovecot."""

import io
import tarfile
from collections.abc import Mapping
from typing import IO

from services.admin.moving.hop import Mailboxes
from services.kernel.mailbox import acl, attributes, flags, names
from services.kernel.mailbox.scripts import ACTIVE, DIRECTORY, SUFFIX
from services.kernel.mailbox.trouble import TooManyEntries
from services.kernel.wire.mailboxes import AclEntries, FolderEntry, MessageEntry

ROOT = "Maildir"


class Archive:
    """Writes one mailbox to a stream, compressed unless told otherwise.

    ``made_at``, in seconds since the epoch, is the time of the files that are no messages: Dovecot takes one from 1970 for one it knows already.
    """

    def __init__(self, stream: IO[bytes], made_at: float, *, compressed: bool = True) -> None:
        self._made_at = int(made_at)
        self._tar = tarfile.open(fileobj=stream, mode="w|gz" if compressed else "w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed by ``close``
        self.messages = 0
        """How many were written."""
        self.lost_acls: list[str] = []
        """Folders whose ACL could not be read, each with why."""

    async def write(self, mailboxes: Mailboxes, address: str, only: str = "") -> None:
        """Write all folders, or one, with the subscriptions. Raises ``ControlError``, ``OSError``."""
        listed = await mailboxes.folders(address)
        self._add(f"{ROOT}/subscriptions", "".join(f"{names.encode(name)}\n" for name in listed.subscribed).encode())
        self._annotate(f"{ROOT}/{attributes.SERVER_NAME}", await mailboxes.annotations(address, ""))
        if not only:
            await self._write_scripts(mailboxes, address)
        for folder in listed.folders:
            if only in ("", folder.name):
                await self._write_folder(mailboxes, address, folder)

    def close(self) -> None:
        """End the archive. Raises ``OSError``."""
        self._tar.close()

    async def _write_folder(self, mailboxes: Mailboxes, address: str, folder: FolderEntry) -> None:
        directory = f"{ROOT}/{names.directory(folder.name)}".removesuffix("/.")
        entries = [entry async for entry in mailboxes.messages(address, folder.name)]
        keywords = _keywords(folder, entries)
        self._add(f"{directory}/maildirfolder", b"")
        self._add(f"{directory}/dovecot-uidlist", _uidlist(folder, entries, keywords).encode())
        if keywords:
            self._add(f"{directory}/dovecot-keywords", "".join(f"{number} {word}\n" for number, word in enumerate(keywords)).encode())
        self._annotate(f"{directory}/{attributes.NAME}", await mailboxes.annotations(address, folder.name))
        self._write_acl(f"{directory}/{acl.NAME}", await mailboxes.acl(address, folder.name), folder.name)
        for entry in entries:
            content = await mailboxes.content(address, folder.name, entry.uid)
            if content is not None:
                self._add(f"{directory}/cur/{_name(entry, keywords)}", content, entry.internaldate)
                self.messages += 1

    def _write_acl(self, path: str, found: AclEntries, folder: str) -> None:
        trouble = found.trouble
        try:
            text = acl.Acl({identifier: acl.parse(letters) for identifier, letters in found.entries.items()}).text()
        except TooManyEntries as refusal:
            text, trouble = "", str(refusal)
        if trouble:
            self.lost_acls.append(f"{folder}: {trouble}")
        if text:
            self._add(path, text.encode(), 0)

    async def _write_scripts(self, mailboxes: Mailboxes, address: str) -> None:
        """Beside the Maildir, as they lie in a home."""
        listed = await mailboxes.scripts(address)
        for name, source in listed.scripts.items():
            self._add(f"{DIRECTORY}/{name}{SUFFIX}", source)
        if listed.active:
            link = tarfile.TarInfo(ACTIVE)
            link.type, link.linkname = tarfile.SYMTYPE, f"{DIRECTORY}/{listed.active}{SUFFIX}"
            self._tar.addfile(link)

    def _annotate(self, path: str, values: Mapping[str, bytes]) -> None:
        if values:
            self._add(path, attributes.form(values).encode())

    def _add(self, path: str, content: bytes, mtime: int | None = None) -> None:
        member = tarfile.TarInfo(path)
        member.size, member.mode = len(content), 0o600
        member.mtime = self._made_at if mtime is None else mtime
        self._tar.addfile(member, io.BytesIO(content))


def _keywords(folder: FolderEntry, entries: list[MessageEntry]) -> tuple[str, ...]:
    """The folder's keywords, with those that came after it was listed."""
    used = {word for entry in entries for word in entry.flags if not word.startswith("\\")}
    return (*folder.keywords, *sorted(used.difference(folder.keywords)))


def _uidlist(folder: FolderEntry, entries: list[MessageEntry], keywords: tuple[str, ...]) -> str:
    uidnext = max(folder.uidnext, entries[-1].uid + 1 if entries else 0)
    lines = [f"{entry.uid} :{_name(entry, keywords)}\n" for entry in entries]
    return "".join([f"3 V{folder.uidvalidity} N{uidnext}\n", *lines])


def _name(entry: MessageEntry, keywords: tuple[str, ...]) -> str:
    letters = flags.letters(flags.to_bits(entry.flags, keywords))
    return f"{entry.unique},S={entry.size_bytes},W={entry.size_bytes}:2,{letters}"
