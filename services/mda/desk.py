"""Answers the mailbox hop: what the operator wants to know of mailboxes, and mail that moves in."""

import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from services.kernel.directory.account import MailboxFormat
from services.kernel.directory.reader import Directory
from services.kernel.mailbox import acl, attributes, checking, moving, uids
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.look import TREE_PREFIX
from services.kernel.mailbox.names import normalize
from services.kernel.mailbox.scripts import (
    ACTIVE,
    DIRECTORY,
    SUFFIX,
    UNMANAGED,
    BadScriptName,
    ScriptLimits,
    ScriptQuota,
    Scripts,
    read_script,
)
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import BadAcl, MailboxTrouble, NoSuchMessage, Refusal, mapped
from services.kernel.mailbox.user import UserMail
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire import mailboxes as ask

_BATCH = re.compile(r"[a-z0-9]{1,40}")
_LEVELS = 10
"""Of a path in a tree: deeper ones are no mailbox."""
_WANTED = ("dovecot-uidlist", "dovecot-keywords", "subscriptions", acl.NAME, attributes.NAME, attributes.SERVER_NAME)


class Desk:
    """One for all connections. Only mailboxes of the directory's accounts are opened."""

    def __init__(
        self,
        store: MailStore,
        disk: Disk,
        directory: Directory,
        limits: ScriptLimits,
        on_sharing: Callable[[str, str, acl.Change], None] = lambda *_: None,
    ) -> None:
        """``on_sharing`` hears, from any thread, of rights that were changed in whose folder."""
        self._store = store
        self._disk = disk
        self._directory = directory
        self._limits = limits
        self._on_sharing = on_sharing

    async def answer(self, request: ask.Request) -> ask.Response:
        """Do what is asked; every trouble is an answer."""
        try:
            account = await self._directory.account(request.address)
            if account is None:
                return ask.Failed(f"there is no account {request.address}")
            if account.mailbox_format is not MailboxFormat.MAILDIR:
                return ask.Failed(f"{account.address} is stored as {account.mailbox_format}: only a Maildir can be asked and moved")
            return await self._store.run(self._answer, account.address, request)
        except (LookupTrouble, MailboxTrouble, Refusal) as trouble:
            return ask.Failed(str(trouble))

    def _answer(self, address: str, request: ask.Request) -> ask.Response:
        user = self._store.user(address)
        match request:
            case ask.Folders():
                return _folders(user)
            case ask.Annotations(folder=folder):
                return ask.AnnotationList(dict(user.annotations(folder)))
            case ask.Acl(folder=folder):
                return _acl(user, folder)
            case ask.SetAcl(folder=folder):
                return _set_acl(user, request, lambda change: self._on_sharing(user.address, normalize(folder), change))
            case ask.Scripts():
                return _scripts(self._store.scripts(address, self._limits))
            case ask.Messages(folder=folder, after=after):
                return _messages(user, folder, after)
            case ask.Read(folder=folder, uid=uid, offset=offset):
                return _read(user, folder, uid, offset)
            case ask.Stage(batch=batch, files=files):
                with mapped():
                    return self._stage(_tree(user, batch), files)
            case ask.MoveIn(batch=batch):
                tree = _tree(user, batch)
                if not tree.is_dir():
                    return ask.MovedIn([], [])
                with mapped():
                    refused = _take_scripts(self._store.scripts(address, self._limits), tree, self._limits.script_bytes)
                return _move_in(user, tree, refused)
            case ask.Check():
                return _check(user)

    def _stage(self, tree: Path, files: Iterable[ask.File]) -> ask.Response:
        for file in files:
            path = _place(tree, file.path)
            if path is None:
                return ask.Failed(f"{file.path}: no file of a Maildir")
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC) if file.is_more else self._disk.create(str(path))
            try:
                self._disk.write(handle, [file.data])
                if file.mtime:
                    os.utime(handle, (file.mtime, file.mtime))
            finally:
                os.close(handle)
        if tree.is_dir():
            os.utime(tree)  # it is no litter while more comes
        return ask.Done()


def _acl(user: UserMail, folder: str) -> ask.Response:
    try:
        return ask.AclEntries({identifier: acl.form(rights) for identifier, rights in user.acl(folder).entries.items()})
    except BadAcl as trouble:
        return ask.AclEntries({}, str(trouble))


def _set_acl(user: UserMail, request: ask.SetAcl, tell: Callable[[acl.Change], None]) -> ask.Response:
    identifier = acl.meant(request.identifier, user.address)
    if identifier is None:
        return ask.Failed(f"{request.identifier}: an address, anyone, authenticated or owner expected, with - in front or without")
    try:
        rights = acl.parse(request.letters)
    except ValueError:
        return ask.Failed(f"{request.letters}: letters of {acl.form(acl.ALL)} expected")
    user.change_acl(request.folder, identifier, lambda _: rights, tell)
    return ask.Done()


def _tree(user: UserMail, batch: str) -> Path:
    if not _BATCH.fullmatch(batch):
        raise Refusal("a batch is named by small letters and digits")
    return user.home.maildir / "tmp" / f"{TREE_PREFIX}{batch}"


def _place(tree: Path, path: str) -> Path | None:
    """Where a file goes; ``None`` for what is no message and not one of the files beside them."""
    parts = PurePosixPath(path).parts
    if not parts or len(parts) > _LEVELS or any(part in ("..", "/") or "\0" in part or len(os.fsencode(part)) > 255 for part in parts):
        return None
    is_message = len(parts) > 1 and parts[-2] in ("cur", "new") and not parts[-1].startswith(".")
    is_script = parts == (ACTIVE,) or (len(parts) == 2 and parts[0] == DIRECTORY and parts[1].endswith(SUFFIX))
    return tree.joinpath(*parts) if is_message or is_script or parts[-1] in _WANTED else None


def _folders(user: UserMail) -> ask.Response:
    entries = []
    for info in user.folders():
        if info.exists:
            folder = user.folder(info.name)
            status = folder.status()
            figures = (status.messages, status.unseen, status.size_bytes)
            entries.append(ask.FolderEntry(info.name, status.uidvalidity, status.uidnext, *figures, list(folder.keywords())))
    return ask.FolderList(entries, sorted(user.subscriptions()))


def _messages(user: UserMail, name: str, after: int) -> ask.Response:
    folder = user.folder(name)
    wanted = [uid for uid in folder.uids() if uid > after][: ask.PAGE_MESSAGES]
    stems = folder.stems(wanted)
    return ask.MessageList(
        [
            ask.MessageEntry(message.uid, uids.unique(stems[message.uid]), sorted(message.flags), message.internaldate, message.size)
            for message in folder.messages(wanted)
            if message.uid in stems
        ]
    )


def _read(user: UserMail, name: str, uid: int, offset: int) -> ask.Response:
    try:
        content = user.folder(name).content(uid)
    except NoSuchMessage:
        return ask.Block(b"", is_gone=True)
    return ask.Block(bytes(content[offset : offset + ask.BLOCK_BYTES]))


def _scripts(scripts: Scripts) -> ask.Response:
    """An active one that nobody manages has the name that it would get here."""
    found, unmanaged = {name: scripts.read(name) for name in scripts.names()}, scripts.unmanaged()
    if unmanaged is None:
        return ask.ScriptList(found, scripts.active_name())
    return ask.ScriptList({**found, UNMANAGED: unmanaged}, UNMANAGED)


def _take_scripts(scripts: Scripts, tree: Path, most_bytes: int) -> list[str]:
    """Take the scripts that are not here, and make the tree's active one active if none is; ``ACTIVE`` holds its name here.

    Returns those that cannot be here, each with why. Raises ``OSError``.
    """
    known, refused = scripts.names(), []
    for path in sorted((tree / DIRECTORY).glob(f"[!.]*{SUFFIX}")):
        name = path.name.removesuffix(SUFFIX)
        if name in known:
            continue
        try:
            scripts.write(name, read_script(path, most_bytes))
        except (BadScriptName, ScriptQuota) as refusal:
            refused.append(f"{DIRECTORY}/{os.fsencode(path.name).decode('utf-8', 'replace')}: {refusal}")
    wanted = (tree / ACTIVE).read_text(encoding="utf-8", errors="replace") if (tree / ACTIVE).exists() else ""
    if wanted in scripts.names() and scripts.active() is None:
        scripts.activate(wanted)
    return refused


def _move_in(user: UserMail, tree: Path, refused_scripts: list[str]) -> ask.Response:
    moved = moving.move_in(user, tree)
    shutil.rmtree(tree, ignore_errors=True)
    return ask.MovedIn(list(map(_moved_folder, moved.folders)), list(moved.passed_over), refused_scripts)


def _moved_folder(one: moving.MovedIn) -> ask.MovedFolder:
    keywords = list(one.lost_keywords)
    return ask.MovedFolder(one.folder, one.uidvalidity, one.taken, one.known, one.keeps_uids, keywords, one.lost_acl, one.renumbered)


def _check(user: UserMail) -> ask.Response:
    report = checking.check(user)
    folders = [ask.CheckedFolder(f.folder, f.uidvalidity, f.messages, f.found, f.lost, f.changed, f.renumbered) for f in report.folders]
    return ask.Checked(folders, report.trouble)
