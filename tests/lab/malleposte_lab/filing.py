"""Users' filing by IMAP whose outcome is checked while the server is broken: what was answered is so, what was not answered is so or is not.

Each ``Clerk`` gives random commands about messages of its own, in folders that all clerks share, so what it may expect depends on nobody else.
After a lost connection it reads everything and compares: each of its messages must be where its answered commands left it, or, when the last
command had no answer, where that command would have put it. The ``Register`` knows every UID that was ever seen, and which message had it.
"""

import contextlib
import imaplib
import random
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from malleposte_lab.history import KEY_HEADER, message

LOST = (imaplib.IMAP4.abort, OSError, EOFError)
"""What a client gets when the server dies; an error that is no abort is an answer, and fails the test."""
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "Work", "$Forwarded")
_ROW = re.compile(rb"UID (\d+) FLAGS \(([^)]*)\)")
_KEY = re.compile(rb"(?i)" + KEY_HEADER.encode() + rb": (\S+)")
_COPYUID = re.compile(rb"^(\d+) (\S+) (\S+)$")


class Copy(NamedTuple):
    """One message in one folder; a UID of 0 stands for one that no answer has told."""

    folder: str
    uid: int
    flags: frozenset[str]

    def fits(self, seen: "Copy") -> bool:
        """Whether what is seen can be this."""
        return self == seen._replace(uid=seen.uid if self.uid else 0)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder shows."""

    uidvalidity: int
    uidnext: int
    rows: dict[int, tuple[str, frozenset[str]]]
    """UID -> the message's key and its flags."""


@dataclass(slots=True)
class Register:
    """All UIDs that were ever told or seen in the shared folders, with the key of their message. ``faults`` tells what must not be."""

    keys: dict[tuple[str, int], str] = field(default_factory=dict)
    validities: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    commands: int = 0
    unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, folder: str, uidvalidity: int, uids: Iterable[tuple[int, str]]) -> None:
        """Remember; a UID of another message or a changed UIDVALIDITY is a fault."""
        with self._lock:
            if self.validities.setdefault(folder, uidvalidity) != uidvalidity:
                self.faults.append(f"{folder}: UIDVALIDITY {self.validities[folder]} became {uidvalidity}")
            for uid, key in uids:
                if self.keys.setdefault((folder, uid), key) != key:
                    self.faults.append(f"{folder}: UID {uid} was {self.keys[folder, uid]} and is {key}")

    def highest(self, folder: str) -> int:
        """The highest UID that is known; 0 for none."""
        return max((uid for name, uid in list(self.keys) if name == folder), default=0)

    def accuse(self, words: str) -> None:
        """Note a fault."""
        with self._lock:
            self.faults.append(words)


def listing(client: imaplib.IMAP4, folder: str) -> Listing:
    """Read a folder without changing it; again when others expunged something under our hands (RFC 5530, EXPUNGEISSUED)."""
    status = ""
    while status != "OK":
        done(client.select(folder, readonly=True))
        validity, uidnext = (int(told(client, word)) for word in ("UIDVALIDITY", "UIDNEXT"))
        status, parts = client.uid("FETCH", "1:*", f"(UID FLAGS BODY.PEEK[HEADER.FIELDS ({KEY_HEADER})])")
    rows = {}
    for part in parts:
        if isinstance(part, tuple) and (row := _ROW.search(part[0])) and (key := _KEY.search(part[1])):
            flags = frozenset(row[2].decode().split()) - {"\\Recent"}
            rows[int(row[1])] = (key[1].decode(), flags)
    return Listing(validity, uidnext, rows)


class Clerk:
    """One client. ``run`` it in a thread until ``stopping`` is set; then ``check``."""

    def __init__(self, name: str, connect: Callable[[], imaplib.IMAP4], folders: Sequence[str], register: Register, seed: int) -> None:
        self.name = name
        self.copies: dict[str, list[Copy]] = {}
        self._connect = connect
        self._folders = folders
        self._own_folder = ""
        self._register = register
        self._chance = random.Random(seed)
        self._number = 0
        self._pending: dict[str, list[Copy]] = {}
        """What the command that is under way will have made of the messages it names."""

    def run(self, stopping: threading.Event) -> None:
        """Work, and sign in again whenever the server is gone. What goes wrong is in the register."""
        while not stopping.is_set():
            try:
                with self._signed_in() as client:
                    self._compare(client)
                    while not stopping.is_set():
                        self._register.commands += 1
                        self._act(client)
            except LOST:
                stopping.wait(0.05)
            except Exception as fault:  # noqa: BLE001  # root of the thread
                self._register.accuse(f"{self.name}: {fault!r}")
                return

    def check(self) -> None:
        """Compare all once more."""
        with self._signed_in() as client:
            self._compare(client)

    @contextlib.contextmanager
    def _signed_in(self) -> Iterator[imaplib.IMAP4]:
        client = self._connect()
        try:
            yield client
        finally:
            with contextlib.suppress(*LOST):
                client.shutdown()

    def _compare(self, client: imaplib.IMAP4) -> None:
        """Each message must be as expected, or as the unanswered command would have left it; take over which."""
        _, listed = client.list('""', f"{self.name}-*")
        own = [line.split()[-1].decode() for line in listed if isinstance(line, bytes)]
        seen: dict[str, list[Copy]] = {}
        for folder in (*self._folders, *own):
            highest = self._register.highest(folder)
            shown = listing(client, folder)
            if folder in self._folders:
                self._register.note(folder, shown.uidvalidity, ((uid, key) for uid, (key, _) in shown.rows.items()))
                if shown.uidnext <= highest:
                    self._register.accuse(f"{folder}: UIDNEXT {shown.uidnext} is not above UID {highest}")
            for uid, (key, flags) in shown.rows.items():
                seen.setdefault(key, []).append(Copy(folder, uid, flags))
        for key in self.copies.keys() | self._pending.keys():
            found = seen.get(key, [])
            allowed = [self.copies.get(key, []), *([self._pending[key]] if key in self._pending else [])]
            if not any(_fit(expected, found) for expected in allowed):
                self._register.accuse(f"{self.name}: {key}: expected {' or '.join(map(str, allowed))}, found {found}")
            self._settle(key, found)
        self._register.unanswered += bool(self._pending)
        self._pending = {}
        self._own_folder = own[0] if own else ""

    def _settle(self, key: str, copies: list[Copy]) -> None:
        self.copies[key] = copies
        if not copies:
            del self.copies[key]

    def _act(self, client: imaplib.IMAP4) -> None:
        """Give one random command."""
        shared = sorted({copy.folder for copies in self.copies.values() for copy in copies} & set(self._folders))
        if not shared or self._chance.random() < 0.3:
            self._append(client, self._chance.choice(self._folders))
        elif self._chance.random() < 0.15:
            self._file_folders(client)
        else:
            folder = self._chance.choice(shared)
            chosen = [(key, copy) for key, copies in self.copies.items() for copy in copies if copy.folder == folder and copy.uid]
            keys = dict(chosen)  # one copy of each message
            picked = {key: keys[key] for key in self._chance.sample(sorted(keys), min(len(keys), self._chance.randint(1, 4)))}
            client.select(folder)
            self._chance.choice((self._store, self._store, self._copy, self._move, self._move, self._expunge))(client, folder, picked)

    def _append(self, client: imaplib.IMAP4, folder: str) -> None:
        self._number += 1
        key = f"{self.name}.{self._number}"
        flags = frozenset(self._chance.sample(FLAGS, self._chance.randint(0, 3)))
        self._pending = {key: [Copy(folder, 0, flags)]}
        content = message(key, "carol@world.test", ["you@example.test"], b"x" * self._chance.choice((10, 3000, 90_000)) + b"\r\n")
        done(client.append(folder, f"({' '.join(flags)})", "", content))
        validity, uid = (int(word) for word in told(client, "APPENDUID").split())
        self._keep(folder, validity, [(key, Copy(folder, uid, flags))], {})

    def _keep(self, folder: str, validity: int, copies: list[tuple[str, Copy]], instead_of: dict[str, Copy]) -> None:
        """The command is answered: what it made is so, in place of ``instead_of``."""
        for key, copy in instead_of.items():
            self._settle(key, [other for other in self.copies[key] if other != copy])
        for key, copy in copies:
            self.copies.setdefault(key, []).append(copy)
        self._pending = {}
        if validity and folder in self._folders:
            self._register.note(folder, validity, ((copy.uid, key) for key, copy in copies))

    def _expect(self, picked: dict[str, Copy], made: dict[str, Copy], *, instead: bool) -> None:
        self._pending = {
            key: [other for other in self.copies[key] if not (instead and other == picked[key])] + ([made[key]] if key in made else [])
            for key in picked
        }

    def _store(self, client: imaplib.IMAP4, folder: str, picked: dict[str, Copy]) -> None:
        word = self._chance.choice(("FLAGS", "+FLAGS", "-FLAGS.SILENT"))
        flags = frozenset(self._chance.sample(FLAGS, self._chance.randint(1, 3)))
        made = {key: copy._replace(flags=_changed(copy.flags, word, flags)) for key, copy in picked.items()}
        self._expect(picked, made, instead=True)
        done(client.uid("STORE", uid_set(picked), word, f"({' '.join(flags)})"))
        self._keep(folder, 0, list(made.items()), picked)

    def _copy(self, client: imaplib.IMAP4, folder: str, picked: dict[str, Copy]) -> None:
        self._file(client, "COPY", picked)

    def _move(self, client: imaplib.IMAP4, folder: str, picked: dict[str, Copy]) -> None:
        self._file(client, "MOVE", picked)

    def _file(self, client: imaplib.IMAP4, word: str, picked: dict[str, Copy]) -> None:
        target = self._chance.choice(self._folders)
        made = {key: copy._replace(folder=target, uid=0) for key, copy in picked.items()}
        self._expect(picked, made, instead=word == "MOVE")
        done(client.uid(word, uid_set(picked), target))
        found = _COPYUID.match(told(client, "COPYUID"))
        if found is None:
            raise AssertionError(f"{word} of messages that are there had no COPYUID")
        placed = dict(zip(expanded(found[2]), expanded(found[3]), strict=True))
        copies = [(key, made[key]._replace(uid=placed[copy.uid])) for key, copy in picked.items()]
        self._keep(target, int(found[1]), copies, picked if word == "MOVE" else {})

    def _expunge(self, client: imaplib.IMAP4, folder: str, picked: dict[str, Copy]) -> None:
        made = {key: copy._replace(flags=copy.flags | {"\\Deleted"}) for key, copy in picked.items()}
        self._expect(picked, made, instead=True)
        done(client.uid("STORE", uid_set(picked), "+FLAGS.SILENT", "(\\Deleted)"))
        self._keep(folder, 0, list(made.items()), picked)
        self._expect(made, {}, instead=True)
        done(client.uid("EXPUNGE", uid_set(made)))
        self._keep(folder, 0, [], made)

    def _file_folders(self, client: imaplib.IMAP4) -> None:
        """Make a folder of its own with a message in it, rename it, or delete it."""
        inside = {key: copy for key, copies in self.copies.items() for copy in copies if copy.folder == self._own_folder}
        if not self._own_folder:
            self._number += 1
            name = f"{self.name}-{self._number}"
            done(client.create(name))
            self._own_folder = name
            self._append(client, name)
        elif self._chance.random() < 0.5:
            self._number += 1
            name = f"{self.name}-{self._number}"
            made = {key: copy._replace(folder=name) for key, copy in inside.items()}
            self._expect(inside, made, instead=True)
            done(client.rename(self._own_folder, name))
            self._own_folder = name
            self._keep(name, 0, list(made.items()), inside)
        else:
            self._expect(inside, {}, instead=True)
            done(client.delete(self._own_folder))
            self._own_folder = ""
            self._keep("", 0, [], inside)


def done(answer: tuple[str, Sequence[object]]) -> None:
    """A command of a clerk is never refused."""
    if answer[0] != "OK":
        raise AssertionError(f"refused: {answer}")


def told(client: imaplib.IMAP4, code: str) -> bytes:
    """The last response code of this name."""
    (value,) = client.response(code)[1][-1:]
    return value or b""


def uid_set(picked: dict[str, Copy]) -> str:
    """The UIDs as a sequence set."""
    return ",".join(str(copy.uid) for copy in picked.values())


def expanded(numbers: bytes) -> list[int]:
    """``1,3:5`` as numbers, in this order."""
    spans = (part.split(b":") for part in numbers.split(b","))
    return [number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)]


def _changed(old: frozenset[str], word: str, flags: frozenset[str]) -> frozenset[str]:
    return flags if word == "FLAGS" else old | flags if word.startswith("+") else old - flags


def _fit(expected: list[Copy], found: list[Copy]) -> bool:
    if len(expected) != len(found):
        return False
    left = list(found)
    for copy in sorted(expected, key=lambda copy: not copy.uid):
        match = next((seen for seen in left if copy.fits(seen)), None)
        if match is None:
            return False
        left.remove(match)
    return True
