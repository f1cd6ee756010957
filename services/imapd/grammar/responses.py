"""The words of replies (RFC 3501 sections 7 and 9)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from services.kernel.mailbox import names

SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
"""Flags that every folder keeps (RFC 3501 section 2.3.2)."""

_BARE = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\[~0-9][^\x00-\x20\x7f-\xff(){%*"\\[]*')
"""Less than an atom may be: ImapFlow takes ``3:00pm`` for numbers, ``~`` for a literal and ``BODY[x]`` for a section, and misses the folder."""
_QUOTABLE = re.compile(rb"[^\x00\r\n\x80-\xff]*")
_SPECIAL = re.compile(rb'["\\]')
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


class Condition(StrEnum):
    """How a command ended."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Reply:
    """The tagged end of a command. ``code`` stands in brackets before the text (RFC 3501 section 7.1, RFC 5530)."""

    condition: Condition
    text: str
    code: bytes = b""

    def line(self, tag: bytes) -> bytes:
        """Write the reply, line end included."""
        code = b"[%b] " % self.code if self.code else b""
        return b"%b %b %b%b\r\n" % (tag, self.condition.encode(), code, printable(self.text))


def ok(text: str, code: bytes = b"") -> Reply:
    """Return a success."""
    return Reply(Condition.OK, text, code)


def no(text: str, code: bytes = b"") -> Reply:
    """Return a refusal."""
    return Reply(Condition.NO, text, code)


def bad(text: str, code: bytes = b"") -> Reply:
    """Return a complaint about the command itself."""
    return Reply(Condition.BAD, text, code)


def printable(text: str) -> bytes:
    """Return text fit for a line: what is not printable ASCII is replaced."""
    return _UNPRINTABLE.sub("?", text).encode("ascii")


def string(text: bytes) -> bytes:
    """Write a quoted string, or a literal for what that cannot hold."""
    if _QUOTABLE.fullmatch(text):
        return b'"%b"' % (_SPECIAL.sub(rb"\\\g<0>", text) if b'"' in text or b"\\" in text else text)
    return b"{%d}\r\n%b" % (len(text), text)


def string8(text: bytes) -> bytes:
    """Write a string, as a ``literal8`` when it holds NUL (RFC 3516 section 7)."""
    return b"~{%d}\r\n%b" % (len(text), text) if b"\0" in text else string(text)


def astring(text: bytes) -> bytes:
    """Write an atom where that is clear, else a string. ``NIL`` is quoted, for readers who would take it for none."""
    return text if _BARE.fullmatch(text) and text.upper() != b"NIL" else string(text)


def mailbox(name: str) -> bytes:
    """Write a mailbox name in modified UTF-7."""
    return astring(names.encode(name).encode("ascii", "replace"))


def utf8_mailbox(name: str) -> bytes:
    """Write a mailbox name in UTF-8 (RFC 9051 section 9, ``quoted``): no name holds what cannot stand between quotes."""
    return astring(name.encode()) if name.isascii() else b'"%b"' % _SPECIAL.sub(rb"\\\g<0>", name.encode())


@lru_cache(maxsize=1024)
def flag_list(flags: frozenset[str]) -> bytes:
    """Write flags in a stable order: system flags first, then keywords."""
    return b"(%b)" % " ".join(sorted(flags, key=_flag_order)).encode("ascii", "replace")


def _flag_order(flag: str) -> tuple[bool, str]:
    return not flag.startswith("\\"), flag
