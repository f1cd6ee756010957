"""Who may do what in a folder (RFC 4314), kept as Dovecot keeps it: ``dovecot-acl`` in the folder's directory.

A line is an identifier and letters: ``user=bob@example.test lrs``. Other identifiers are ``owner``, ``anyone`` and ``authenticated``, which here are
the same, and groups, which nobody is in here; ``-`` in front takes rights away. Of the lines that fit a user the most specific one counts, among
those that give and among those that take (Dovecot's rule). Without a line for him the owner has all rights; he always has ``l`` and ``a``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from services.kernel.mail.address import fold, split
from services.kernel.mailbox.trouble import BadAcl, TooManyEntries

NAME = "dovecot-acl"
ENTRIES = 200
"""Of one folder; its file is read with every command that names the folder."""
FILE_BYTES = 65_536
"""A file that is larger is none of ours."""
IDENTIFIER_BYTES = 320
"""An address has 254 octets (RFC 5321 section 4.5.3.1.3)."""


class Right(StrEnum):
    """RFC 4314 section 2.1, in Dovecot's order."""

    LOOKUP = "l"
    READ = "r"
    WRITE = "w"
    SEEN = "s"
    DELETED = "t"
    INSERT = "i"
    POST = "p"
    EXPUNGE = "e"
    CREATE = "k"
    DELETE = "x"
    ADMIN = "a"


Rights = frozenset[Right]
ALL: Rights = frozenset(Right)
NONE: Rights = frozenset()
ALWAYS: Rights = frozenset({Right.LOOKUP, Right.ADMIN})
"""What the owner cannot take from himself."""
OLD: Mapping[str, Rights] = {"c": frozenset({Right.CREATE, Right.DELETE}), "d": frozenset({Right.DELETED, Right.EXPUNGE})}
"""The rights of RFC 2086 that RFC 4314 section 2.1.1 splits."""

_FLAG_RIGHTS = {"\\seen": Right.SEEN, "\\deleted": Right.DELETED}
OF_FLAGS: Rights = frozenset({Right.WRITE, Right.SEEN, Right.DELETED})
"""Those that flags need."""

OWNER = "owner"
ANYONE = "anyone"
AUTHENTICATED = "authenticated"
USER = "user="
_GROUPS = {"group-override=": "!$", "group=": "$"}
"""How groups are said by clients of Dovecot."""
_WORDS = {
    "lookup": Right.LOOKUP,
    "read": Right.READ,
    "write": Right.WRITE,
    "write-seen": Right.SEEN,
    "write-deleted": Right.DELETED,
    "insert": Right.INSERT,
    "post": Right.POST,
    "expunge": Right.EXPUNGE,
    "create": Right.CREATE,
    "delete": Right.DELETE,
    "admin": Right.ADMIN,
}
_LINE = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^\s"]\S*))(?:[ \t]+([A-Za-z]*)[ \t]*(?::(.*))?)?')
_ESCAPED = re.compile(r"\\(.)")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTED = re.compile(r'["\\]')


def parse(letters: str) -> Rights:
    """The rights that letters stand for, ``c`` and ``d`` among them. Raises ``ValueError`` for an unknown one."""
    found: set[Right] = set()
    for letter in letters:
        found |= OLD[letter] if letter in OLD else {Right(letter)}
    return frozenset(found)


def form(rights: Rights) -> str:
    """The letters of rights."""
    return "".join(right for right in Right if right in rights)


def told(rights: Rights) -> str:
    """The letters of rights as clients hear them, with the old ones that hold one of them (RFC 4314 section 2.1.1)."""
    return form(rights) + "".join(letter for letter, parts in OLD.items() if rights & parts)


def settable(flags: frozenset[str], rights: Rights) -> frozenset[str]:
    """Those of IMAP flags that these rights set and clear (RFC 4314 section 2.1)."""
    if rights >= OF_FLAGS:
        return flags
    return frozenset(flag for flag in flags if _FLAG_RIGHTS.get(flag.lower(), Right.WRITE) in rights)


def is_identifier(name: str) -> bool:
    """Tell whether a line can begin with ``name``, with or without ``-``."""
    bare = name.removeprefix("-")
    is_known = bare in (OWNER, ANYONE, AUTHENTICATED) or any(bare.startswith(kind) and bare != kind for kind in (USER, *_GROUPS))
    return is_known and len(name.encode(errors="replace")) <= IDENTIFIER_BYTES and not _UNFIT.search(name)


def meant(said: str, owner: str) -> str | None:
    """The identifier of the file for one that people say; the owner's address is ``owner``. ``None`` for what can be nobody's."""
    sign, bare = _signed(said)
    if bare in (OWNER, ANYONE, AUTHENTICATED):
        return said
    for kind, mark in _GROUPS.items():
        if bare.startswith(mark):
            return sign + kind + bare.removeprefix(mark)
    identifier = sign + (OWNER if fold(bare) == owner else USER + fold(bare))
    return identifier if all(split(bare)) and is_identifier(identifier) else None


def said(identifier: str, owner: str) -> str:
    """What people say for an identifier of the file."""
    sign, bare = _signed(identifier)
    if bare == OWNER:
        return sign + owner
    for kind, mark in _GROUPS.items():
        if bare.startswith(kind):
            return sign + mark + bare.removeprefix(kind)
    return sign + bare.removeprefix(USER)


def is_group(identifier: str) -> bool:
    """Tell whether an identifier is that of a group, which nobody is in."""
    return _signed(identifier)[1].startswith(tuple(_GROUPS))


def _signed(identifier: str) -> tuple[str, str]:
    bare = identifier.removeprefix("-")
    return identifier[: len(identifier) - len(bare)], bare


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one identifier's line: the rights that it gave before and gives now, or those that its identifier has without one."""

    identifier: str
    before: Rights
    after: Rights

    def __bool__(self) -> bool:
        return self.before != self.after

    def words(self, owner: str) -> str:
        """For the operator: whose rights, before and after."""
        return f"{said(self.identifier, owner)}: {form(self.before) or 'none'} -> {form(self.after) or 'none'}"


@dataclass(frozen=True, slots=True)
class Acl:
    """The lines of one folder: rights by identifier, ``user=bob@example.test`` or ``-anyone``."""

    entries: Mapping[str, Rights] = field(default_factory=dict)

    def rights(self, who: str, *, is_owner: bool) -> Rights:
        """What ``who``, a folded address, may do."""
        if not is_owner:
            return self._last((ANYONE, AUTHENTICATED, USER + who)) - self._last(("-" + ANYONE, "-" + AUTHENTICATED, f"-{USER}{who}"))
        given = self._last((OWNER, USER + who)) if self._has_own(who) else ALL
        return given - self._last(("-" + ANYONE, "-" + AUTHENTICATED, "-" + OWNER, f"-{USER}{who}")) | ALWAYS

    def _has_own(self, who: str) -> bool:
        return OWNER in self.entries or USER + who in self.entries

    def _last(self, identifiers: Iterable[str]) -> Rights:
        found = [self.entries[identifier] for identifier in identifiers if identifier in self.entries]
        return found[-1] if found else NONE

    def changed(self, identifier: str, rights: Rights) -> "Acl":
        """The lines with this one for ``identifier``, or without one where no right is left. Raises ``TooManyEntries``."""
        after = {**self.entries, identifier: rights}
        if not rights:
            del after[identifier]
        if len(after) > max(ENTRIES, len(self.entries)):
            raise TooManyEntries(f"a folder has room for {ENTRIES} entries")
        return Acl(after)

    def given(self, identifier: str) -> Rights:
        """The rights in the line of an identifier, or those that it has without one."""
        return self.entries.get(identifier, ALL if identifier == OWNER else NONE)

    def grantees(self) -> frozenset[str]:
        """The addresses of those who have a right, and ``anyone`` if that has one."""
        given = {identifier for identifier, rights in self.entries.items() if rights}
        users = {identifier.removeprefix(USER) for identifier in given if identifier.startswith(USER)}
        return frozenset(users | ({ANYONE} if given & {ANYONE, AUTHENTICATED} else set()))

    def of_owner(self, owner: str) -> "Acl":
        """The lines with those for the address of the owner said of ``owner``, which they are more specific than."""
        entries = dict(self.entries)
        for identifier in (OWNER, f"-{OWNER}"):
            own = identifier.replace(OWNER, USER + owner)
            if own in entries:
                entries[identifier] = entries.pop(own)
        return Acl(entries)

    def text(self) -> str:
        """What ``read`` reads. Raises ``TooManyEntries`` for what it would not."""
        text = "".join(f"{_spelled(identifier)} {form(rights)}\n" for identifier, rights in self.entries.items())
        if len(text.encode()) > FILE_BYTES:
            raise TooManyEntries(f"a folder has room for {FILE_BYTES} bytes of entries")
        return text


def read(path: Path) -> Acl:
    """The lines of a file; none when it is missing. Raises ``BadAcl``, which names the line, and ``OSError``."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        return Acl()
    except (PermissionError, IsADirectoryError) as error:
        raise BadAcl(str(error)) from None  # it stays so until somebody mends it
    if len(content) > FILE_BYTES:
        raise BadAcl(f"{path}: more than {FILE_BYTES} bytes")
    entries: dict[str, Rights] = {}
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        text = line.strip(" \t\r")
        if text and not text.startswith("#"):
            try:
                identifier, rights = _line(text)
            except ValueError as fault:
                raise BadAcl(f"{path}:{number}: {fault}") from None
            entries[identifier] = entries.get(identifier, NONE) | rights
    return Acl(entries)


def _line(line: str) -> tuple[str, Rights]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("identifier and rights expected")
    quoted, bare, letters, words = found.groups()
    identifier = bare if quoted is None else _ESCAPED.sub(r"\1", quoted)
    if not is_identifier(identifier):
        raise ValueError("unknown identifier")
    unknown = [word for word in (words or "").split() if word not in _WORDS]
    if unknown:
        raise ValueError(f"unknown right {unknown[0]!a}")
    return fold(identifier), parse(letters or "") | {_WORDS[word] for word in (words or "").split()}


def _spelled(identifier: str) -> str:
    """Between quotes where the identifier has a space or a quote in it."""
    plain = not any(letter.isspace() or letter in '"\\' for letter in identifier) and not identifier.startswith("#")
    return identifier if plain else '"' + _QUOTED.sub(r"\\\g<0>", identifier) + '"'
