"""Rewriting the addresses of a header section, and nothing else of it.

Two steps, so that whoever knows the new addresses may ask tables in between: ``find_mentions`` says where which address stands,
``rewrite`` puts others there. Names, comments, groups, folding and every other byte stay. A field that is no address list of RFC 5322
section 3.4 (with the obsolete forms of section 4.4) has no mentions, so it stays as it is.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.kernel.mail.path import PathError, parse_forward_path

SENDER_FIELDS = (
    "disposition-notification-to",
    "errors-to",
    "from",
    "mail-followup-to",
    "reply-to",
    "resent-from",
    "resent-sender",
    "return-receipt-to",
    "sender",
)
"""Fields whose addresses are senders to Postfix (cleanup(8), ``header_opts``); not Return-Path, which is not the author's."""
RECIPIENT_FIELDS = ("apparently-to", "bcc", "cc", "resent-bcc", "resent-cc", "resent-reply-to", "resent-to", "to")
"""Fields whose addresses are recipients to Postfix."""
FIELD_OCTETS = 102_400
"""A longer field is left alone (Postfix ``header_size_limit``)."""

_FIELD = re.compile(
    rf"(?:(?<=\n)|\A)(?:({'|'.join(SENDER_FIELDS)})|{'|'.join(RECIPIENT_FIELDS)})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)".encode(), re.IGNORECASE
)
_TOKEN = re.compile(
    rb"(?P<blank>(?:[ \t]|\r?\n[ \t]|\r?\Z)+)"
    rb'|(?P<quoted>"[^"\\\r\n]*(?:(?:\\.|\r?\n[ \t])[^"\\\r\n]*)*")'
    rb"|(?P<literal>\[[^\[\]\\\r\n]*\])"
    rb"|(?P<special>[<>,;:@.])"
    rb'|(?P<atom>[^\s()<>@,;:\\".\[\]\x00-\x20\x7f]+)'
)
_COMMENT_MARK = re.compile(rb"\\.|[()]", re.DOTALL)


class Mention(NamedTuple):
    """One address in a header section, at ``start`` to ``end``. Without a domain when it was written so."""

    start: int
    end: int
    address: str
    is_sender: bool


class _Token(NamedTuple):
    """``kind`` is a special character, or ``quoted``, ``literal`` or ``atom``."""

    kind: str
    start: int
    end: int


def find_mentions(head: bytes) -> list[Mention]:
    """The addresses of all address fields, in the order in which they stand."""
    found = list[Mention]()
    for field in _FIELD.finditer(head):
        start, end = field.span(2)
        if end - start <= FIELD_OCTETS:
            try:
                found += _Reader(head, list(_tokens(head, start, end)), is_sender=field[1] is not None).read()
            except ValueError:
                continue
    return found


def rewrite(head: bytes, changes: Iterable[tuple[Mention, str]]) -> bytes:
    """Put another address in the place of each mention; ``changes`` are in the order of ``find_mentions``."""
    parts, done = list[bytes](), 0
    for mention, address in changes:
        if address != mention.address:
            parts += (head[done : mention.start], address.encode())
            done = mention.end
    return b"".join((*parts, head[done:])) if parts else head


def _tokens(head: bytes, start: int, end: int) -> Iterator[_Token]:
    """What stands between blanks and comments. Raises ``ValueError`` for characters that cannot stand there."""
    at = start
    while at < end:
        if head[at] == ord("("):
            at = _comment_end(head, at, end)
            continue
        match = _TOKEN.match(head, at, end)
        if match is None or match.lastgroup is None:
            raise ValueError(f"octet {at} cannot stand in an address list")
        if match.lastgroup != "blank":
            kind = match[0].decode() if match.lastgroup == "special" else match.lastgroup
            yield _Token(kind, at, match.end())
        at = match.end()


def _comment_end(head: bytes, start: int, end: int) -> int:
    """Comments nest (RFC 5322 section 3.2.2)."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(head, start, end):
        depth += (mark[0] == b"(") - (mark[0] == b")")
        if depth == 0:
            return mark.end()
    raise ValueError("a comment does not end")


class _Reader:
    """Reads one field: ``address-list`` with ``obs-addr-list``. Raises ``ValueError`` where it is none."""

    def __init__(self, head: bytes, tokens: list[_Token], *, is_sender: bool) -> None:
        self._head = head
        self._tokens = tokens
        self._is_sender = is_sender
        self._at = 0

    def read(self) -> list[Mention]:
        found = list[Mention]()
        is_in_group = False
        while self._at < len(self._tokens):
            kind = self._tokens[self._at].kind
            if kind == "," or (kind == ";" and is_in_group):
                is_in_group = is_in_group and kind != ";"
                self._at += 1
                continue
            words = self._words()
            ending = self._peek()
            if ending == ":" and words and not is_in_group:
                is_in_group = True
                self._at += 1
            elif ending == "<":
                found += self._in_brackets()
            else:
                found.append(self._mention(words))
            if self._peek() not in ("", ",", ";") and not (ending == ":"):
                raise ValueError("a comma is expected after an address")
        if is_in_group:
            raise ValueError("a group does not end")
        return found

    def _peek(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _words(self) -> list[_Token]:
        """A phrase, or an address: all up to what ends either."""
        start = self._at
        while self._peek() not in ("", "<", ">", ",", ";", ":"):
            self._at += 1
        return self._tokens[start : self._at]

    def _in_brackets(self) -> list[Mention]:
        """``<address>``, with a route before it perhaps, that goes with it (RFC 5322 section 4.4); ``<>`` is no address."""
        self._at += 1
        start = self._at
        while self._peek() in ("@", ".", "atom", "literal", ",") and self._tokens[start].kind == "@":
            self._at += 1
        if self._at > start:
            if self._peek() != ":":
                raise ValueError("a route without an address")
            self._at += 1
        words = self._words()
        if self._peek() != ">":
            raise ValueError("a bracket does not close")
        self._at += 1
        if not words and self._at == start + 1:
            return []
        mention = self._mention(words)
        return [mention._replace(start=self._tokens[start].start)]

    def _mention(self, words: list[_Token]) -> Mention:
        """``local@domain``, or a local part alone: words with dots between them, in each (``obs-local-part``, ``obs-domain``)."""
        kinds = [word.kind for word in words]
        sign = kinds.index("@") if "@" in kinds else len(kinds)
        local, domain = kinds[:sign], kinds[sign + 1 :]
        if not _is_dotted(local, ("atom", "quoted")) or not (sign == len(kinds) or domain == ["literal"] or _is_dotted(domain, ("atom",))):
            raise ValueError("no address")
        address = b"".join(self._head[word.start : word.end] for word in words).decode()
        if '"' in address:
            address = _plain(address)
        return Mention(words[0].start, words[-1].end, address, self._is_sender)


def _is_dotted(kinds: list[str], words: tuple[str, ...]) -> bool:
    """Words and dots in turn, a word at both ends."""
    return len(kinds) % 2 == 1 and all(kind in words if place % 2 == 0 else kind == "." for place, kind in enumerate(kinds))


def _plain(address: str) -> str:
    """Without quotes that need not be (RFC 5321 section 4.1.2), as tables have their keys."""
    try:
        return parse_forward_path(f"<{address}>")[0]
    except PathError:
        return address
