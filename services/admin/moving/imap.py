"""An IMAP account elsewhere as a source. Nothing is changed there: folders are opened to read, and messages stay unread."""

import hashlib
import imaplib
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from services.admin.moving.hop import in_blocks
from services.admin.trouble import ControlError
from services.kernel.mailbox import flags, names
from services.kernel.mailbox.trouble import BadFolderName
from services.kernel.wire.mailboxes import BLOCK_BYTES, File

TIMEOUT_SECONDS = 120.0
"""A server that says nothing for longer is gone."""
FACTS = 500
"""Messages asked for flags, date and size at once."""
_LISTED = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?P<separator>\\?.)"|NIL) (?P<name>.*)', re.DOTALL)
_LENGTH = re.compile(rb"\{\d+\}$")
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_SYSTEM = {flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")}


@dataclass(frozen=True, slots=True)
class Account:
    """Where to sign in, from ``imaps://login@host[:port]`` or ``imap://...`` for STARTTLS."""

    host: str
    port: int
    login: str
    is_implicit_tls: bool

    @staticmethod
    def parse(url: str) -> "Account":
        """Raises ``ControlError``."""
        parts = urlsplit(url)
        if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username or parts.path.strip("/"):
            raise ControlError(f"{url}: write imaps://login@host, or imap://login@host for STARTTLS")
        if parts.password is not None:
            raise ControlError("a password in the address could be seen by others: it is asked for, or read with --password-file")
        implicit = parts.scheme == "imaps"
        return Account(parts.hostname, parts.port or (993 if implicit else 143), unquote(parts.username), implicit)


class RemoteFolder(NamedTuple):
    """A folder there: its name as it goes over the wire, and what it is called here."""

    wire: bytes
    name: str


class _Facts(NamedTuple):
    uid: int
    size: int
    flags: frozenset[str]
    internaldate: int


class Remote:
    """A session. All methods block and raise ``ControlError``."""

    def __init__(self, account: Account, password: str, context: ssl.SSLContext) -> None:
        self._account = account
        try:
            if account.is_implicit_tls:
                self._imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(account.host, account.port, ssl_context=context, timeout=TIMEOUT_SECONDS)
            else:
                self._imap = imaplib.IMAP4(account.host, account.port, timeout=TIMEOUT_SECONDS)
                self._imap.starttls(context)
            self._imap.login(account.login, password)
        except (imaplib.IMAP4.error, OSError) as error:
            raise ControlError(f"{account.host}: {_text(error)}") from None

    def close(self) -> None:
        """Sign out, whatever comes of it."""
        try:
            self._imap.logout()
        except (imaplib.IMAP4.error, OSError):
            return

    def folders(self) -> list[RemoteFolder]:
        """The folders that hold messages, those with all of an account's mail (``\\All``, ``\\Flagged``) left out."""
        found = []
        for line in self._ask("LIST", self._imap.list):
            # a name that came as a literal stands in a part of its own, behind its length
            match = _LISTED.match(_LENGTH.sub(b"", line[0]) + line[1] if isinstance(line, tuple) else line)
            if match is None:
                continue
            attributes = match["flags"].lower().split()
            if not {b"\\noselect", b"\\nonexistent", b"\\all", b"\\flagged"}.intersection(attributes):
                found.append(_named(match["name"], (match["separator"] or b"").lstrip(b"\\")))
        return found

    def open(self, folder: RemoteFolder) -> "RemoteMessages":
        """Open a folder to read."""
        self._ask("EXAMINE", lambda: self._imap.select(_wire(folder.wire), readonly=True))
        uidvalidity, uidnext = (int(self._imap.response(word)[1][0] or b"0") for word in ("UIDVALIDITY", "UIDNEXT"))
        # a line each: the answer to SEARCH is one line, too long for imaplib in a large folder
        lines = self._ask("FETCH", lambda: self._imap.uid("FETCH", "1:*", "(UID)"))
        uids = sorted(int(found[1]) for line in lines if isinstance(line, bytes) and (found := _UID.search(line)))
        key = hashlib.sha256(f"{self._account.host}\n{self._account.login}".encode() + b"\n" + folder.wire).hexdigest()[:12]
        return RemoteMessages(self, folder, f"I{key}V{uidvalidity}", uids, f"3 V{uidvalidity} N{max([uidnext, *(uid + 1 for uid in uids)])}")

    def facts(self, uids: Sequence[int]) -> list[_Facts]:
        """Size, flags and date of messages, by UID."""
        lines = self._ask("FETCH", lambda: self._imap.uid("FETCH", ",".join(map(str, uids)), "(UID FLAGS INTERNALDATE RFC822.SIZE)"))
        return sorted(facts for line in lines if isinstance(line, bytes) and (facts := _facts(line)))

    def contents(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Messages by UID; one that is gone meanwhile is missing."""
        found: dict[int, bytes] = {}
        lines = self._ask("FETCH", lambda: self._imap.uid("FETCH", ",".join(map(str, uids)), "(UID BODY.PEEK[])"))
        for place, line in enumerate(lines):
            if isinstance(line, tuple):
                after = lines[place + 1] if place + 1 < len(lines) else b""
                uid = _UID.search(line[0]) or (_UID.search(after) if isinstance(after, bytes) else None)
                if uid is not None:
                    found[int(uid[1])] = line[1]
        return found

    def _ask(self, what: str, command: Callable[[], tuple[str, Any]]) -> list[Any]:
        try:
            status, lines = command()
        except (imaplib.IMAP4.error, OSError) as error:
            raise ControlError(f"{self._account.host}: {what}: {_text(error)}") from None
        if status != "OK":
            raise ControlError(f"{self._account.host}: {what}: {_text(lines[0] if lines else status)}")
        return [line for line in lines if line is not None]


class RemoteMessages:
    """The messages of a folder there, as files of a Maildir folder here; ``names`` begin with ``prefix`` and are the same at every run."""

    def __init__(self, remote: Remote, folder: RemoteFolder, prefix: str, uids: Sequence[int], head: str) -> None:
        self._remote = remote
        self._directory = names.directory(folder.name)
        self._prefix = prefix
        self._head = head
        self.uids = uids
        self._keywords: tuple[str, ...] = ()

    def is_here(self, unique: str) -> int:
        """The UID of a message there by the unique name that it has here; 0 for one from elsewhere."""
        _, found, uid = unique.partition(f".{self._prefix}U")
        return int(uid) if found and uid.isdecimal() else 0

    def files(self, uids: Sequence[int]) -> Iterator[File]:
        """The files of some messages, with what is known of the folder. Blocks."""
        lines: list[str] = []
        for group in _groups(self._remote.facts(uids)):
            contents = self._remote.contents([facts.uid for facts in group])
            for facts in group:
                if facts.uid in contents:
                    unique = f"{facts.internaldate}.{self._prefix}U{facts.uid}"
                    lines.append(f"{facts.uid} :{unique}\n")
                    yield from in_blocks(f"{self._directory}/cur/{unique}:2,{self._letters(facts.flags)}", contents[facts.uid], facts.internaldate)
        yield File(f"{self._directory}/dovecot-uidlist", "".join([f"{self._head}\n", *lines]).encode())
        yield File(f"{self._directory}/dovecot-keywords", "".join(f"{number} {word}\n" for number, word in enumerate(self._keywords)).encode())

    def _letters(self, found: frozenset[str]) -> str:
        known = {word.lower() for word in self._keywords}
        fresh = sorted(word for word in found if not word.startswith("\\") and word.lower() not in known)
        self._keywords = (*self._keywords, *fresh)[: flags.KEYWORD_LIMIT]
        return flags.letters(flags.to_bits(found, self._keywords))


def _groups(facts: Sequence[_Facts]) -> Iterator[list[_Facts]]:
    """Messages to fetch at once: as many as fit into one request, or a single larger one."""
    group: list[_Facts] = []
    for one in facts:
        if group and sum(other.size for other in group) + one.size > BLOCK_BYTES:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _facts(line: bytes) -> _Facts | None:
    uid, size, found = _UID.search(line), _SIZE.search(line), _FLAGS.search(line)
    if uid is None or size is None or found is None:
        return None
    words = (word.decode("utf-8", "replace") for word in found[1].split())
    kept = frozenset(_SYSTEM.get(word.lower(), word) for word in words if not word.startswith("\\") or word.lower() in _SYSTEM)
    date = imaplib.Internaldate2tuple(line)
    return _Facts(int(uid[1]), int(size[1]), kept, int(time.mktime(date)) if date else int(time.time()))


def _named(wire: bytes, separator: bytes) -> RemoteFolder:
    """A folder's name here: levels between dots, a dot within a level becomes ``_``. Raises ``ControlError``."""
    if wire.startswith(b'"') and wire.endswith(b'"'):
        wire = re.sub(rb"\\\\(.)", rb"\1", wire[1:-1])
    text = wire.decode("utf-8", "replace")
    with suppress(ValueError):  # a server may write UTF-8 as it is
        text = names.decode(text)
    levels = text.split(separator.decode("utf-8", "replace")) if separator else [text]
    try:
        return RemoteFolder(wire, names.check(names.SEPARATOR.join(level.replace(names.SEPARATOR, "_") for level in levels)))
    except BadFolderName as error:
        raise ControlError(f"folder {text} cannot be one here: {error}") from None


def _wire(name: bytes) -> str:
    quoted = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').decode("utf-8", "surrogateescape")
    return f'"{quoted}"'


def _text(error: object) -> str:
    if isinstance(error, bytes):
        return error.decode("utf-8", "replace")
    first = error.args[0] if isinstance(error, imaplib.IMAP4.error) and error.args else error
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
