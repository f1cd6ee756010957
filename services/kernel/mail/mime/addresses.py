"""Address lists of a header (RFC 5322 sections 3.4 and 4.4), read as leniently as they are written."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

MAX_FIELD_BYTES = 1 << 18
"""Some 5,000 addresses; Postfix cuts a header field at 102,400 bytes (``header_size_limit``). What is beyond is not read."""
MISSING_MAILBOX = b"MISSING_MAILBOX"
MISSING_DOMAIN = b"MISSING_DOMAIN"
"""Dovecot's words for what an address lacks: ENVELOPE has no other way to say so, since its NIL stands for a group."""

_ATOM = rb'[^][\x00-\x20\x7f"()<>@,:;.\\]++'
_DOTTED = rb"%b(?:\.%b)*+" % (_ATOM, _ATOM)
_PHRASE = rb"%b\.?(?: %b\.?)*+" % (_ATOM, _ATOM)
_USUAL = re.compile(
    rb'[ \t]*+(?:(?:(%b)|"([^"\\]++)")?+[ \t]*+<(%b)@(%b)>|(%b)@(%b))[ \t]*+(?:,|\Z)' % (_PHRASE, _DOTTED, _DOTTED, _DOTTED, _DOTTED), re.DOTALL
)
"""An entry as nearly all are: it takes a tenth of the time to see that it is one."""
_PLAIN = re.compile(rb'[^][ \t"(<>@,:;.]+|[ \t]+|\[[^][]*\]?|.', re.DOTALL)
_QUOTED = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_BINDING = (b".", b" ")
"""No space comes behind these in a name."""
_NO_ATOM = re.compile(rb"[)\\\x00-\x1f\x7f]")
_COMMENT_MARK = re.compile(rb"\\.|[()]", re.DOTALL)


class Address(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One entry of a list as ENVELOPE gives it (RFC 3501 section 7.4.2).

    A group begins with an entry that has only ``mailbox``, its name, and ends with one that has nothing.
    """

    name: bytes | None = None
    route: bytes | None = None
    mailbox: bytes | None = None
    host: bytes | None = None


class _Token(NamedTuple):
    """``kind`` is a special character, ``(`` for a comment, a space for white space, ``w`` for a word.

    A quote comes before the word in quotes, which are already taken off; one that is not closed has itself as its text.
    """

    kind: bytes
    text: bytes


def parse(text: bytes, limit: int = MAX_FIELD_BYTES) -> tuple[Address, ...]:
    """Read an unfolded list of mailboxes and groups. Never raises; empty entries (``obs-addr-list``) are left out.

    No entry begins after ``limit`` (positive) entries; a group that is open there is closed.
    """
    text = text[:MAX_FIELD_BYTES]
    usual = _usual(text, limit)
    return usual if usual is not None else by_tokens(text, limit)


def _usual(text: bytes, limit: int) -> tuple[Address, ...] | None:
    """Read a list whose entries are all as usual; ``None`` for others."""
    found: list[Address] = []
    at = 0
    while at < len(text) and len(found) < limit:
        entry = _USUAL.match(text, at)
        if entry is None:
            return None
        name, quoted, local, domain, bare_local, bare_domain = entry.groups()
        found.append(Address(name or quoted, None, local or bare_local, domain or bare_domain))
        at = entry.end()
    return tuple(found)


def by_tokens(text: bytes, limit: int = MAX_FIELD_BYTES) -> tuple[Address, ...]:
    """Read any list as ``parse`` does."""
    reader = _Reader()
    for token in _tokens(text):
        if not reader.take(token) or len(reader.found) >= limit:
            break
    reader.end_entry()
    reader.end_group()
    return tuple(reader.found)


class _Reader:
    """Cuts the tokens into entries.

    Of the open entry, ``_path`` is what an open ``<`` was followed by (a comma in a route does not end the entry), ``_is_closed`` tells that it had
    its ``>``, ``_is_bare`` that it is an address without. ``_separator`` is what came before the entry. ``_is_over`` tells that there was a ``>``
    that closes nothing, or what no atom has behind a bare address: there Dovecot's list is over.
    """

    def __init__(self) -> None:
        self.found: list[Address] = []
        self._entry: list[_Token] = []
        self._path: bytes | None = None
        self._is_begun = self._has_at = self._is_bare = self._is_closed = False
        self._in_group = self._is_over = False
        self._separator = b""

    def take(self, token: _Token) -> bool:
        """Take the next token; tell whether the list goes on."""
        kind = token.kind
        if kind == b'"':
            return self._goes_on_behind(token)
        if kind in b",;:" and self._ends_entry(kind):
            self._separator = kind
            if kind == b":":
                self._begin_group()
                return True
            self.end_entry()
            if kind == b";":
                self.end_group()
            return True
        self._entry.append(token)
        if kind not in b" (":
            self._note(kind)
        if self._is_bare and kind == b"w" and _NO_ATOM.search(token.text):
            self._is_over = True
        return True

    def _note(self, kind: bytes) -> None:
        self._is_begun = True
        if kind == b"<" and self._path is None:
            self._path = b""
        elif self._path is not None:
            self._path = None if kind == b">" else self._path or kind
            self._is_closed = self._path is None
        elif kind == b"@":
            self._is_bare = not self._is_closed
        elif kind == b">":
            self._is_over = True
        self._has_at = self._has_at or kind == b"@"

    def _goes_on_behind(self, quote: _Token) -> bool:
        """Tell whether the list goes on behind a quote. Dovecot and Cyrus both end it at one behind an address without angle brackets.

        One that is not closed is passed over where the first entry begins, one behind a comma, or what is in angle brackets. Elsewhere it ends the
        list, as in both, and its entry is left out unless that has its address.
        """
        if self._is_bare or not quote.text:
            return not self._is_bare
        if self._path == b"" or not (self._is_begun or self._is_over or self._separator == b";"):
            return True
        if not self._is_closed:
            self._clear()
        return False

    def _ends_entry(self, kind: bytes) -> bool:
        if kind == b",":
            return self._path != b"@"
        return self._path is None and not (kind == b":" and self._has_at)

    def _begin_group(self) -> None:
        self.end_group()
        self.found.append(Address(mailbox=_phrase(self._entry)))
        self._clear()
        self._in_group = True

    def end_entry(self) -> None:
        """Add the entry, unless it is empty but for white space and comments."""
        if self._is_begun:
            self.found.append(_address(self._entry))
        self._clear()

    def end_group(self) -> None:
        """Close a group that is open."""
        if self._in_group:
            self.found.append(Address())
        self._in_group = False

    def _clear(self) -> None:
        self._entry, self._path = [], None
        self._is_begun = self._has_at = self._is_bare = self._is_closed = False


def _tokens(text: bytes) -> Iterator[_Token]:
    at, may_quote = 0, True
    while at < len(text):
        first = text[at : at + 1]
        if first == b"(":
            end = _comment_end(text, at)
            yield _Token(b"(", _ESCAPE.sub(rb"\1", text[at + 1 : end - 1]))
            at = end
            continue
        if first == b'"' and may_quote:
            if quoted := _QUOTED.match(text, at):
                yield _Token(b'"', b"")
                yield _Token(b"w", _ESCAPE.sub(rb"\1", quoted[0][1:-1]))
                at = quoted.end()
                continue
            may_quote = False  # no quoted string ends from here on: do not look for one again
            yield _Token(b'"', b'"')
        plain = _PLAIN.match(text, at)
        word = plain[0] if plain else first
        at += len(word)
        if first in b" \t":
            yield _Token(b" ", b"")
        elif first in b"<>@,:;.":
            yield _Token(first, first)
        elif first != b'"':
            yield _Token(b"w", word)


def _comment_end(text: bytes, start: int) -> int:
    """Return the offset after a comment, which may nest (RFC 5322 section 3.2.2); the end of the text when it does not close."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start):
        depth += (mark[0] == b"(") - (mark[0] == b")")
        if depth == 0:
            return mark.end()
    return len(text) + 1


def _address(entry: list[_Token]) -> Address:
    kinds = [token.kind for token in entry]
    opening = kinds.index(b"<") if b"<" in kinds else len(kinds)
    if opening == len(kinds) or b"@" in kinds[:opening]:
        return _bare(entry)
    closing = kinds.index(b">", opening) if b">" in kinds[opening:] else len(kinds)
    route, path = _split_route(entry[opening + 1 : closing])
    before, after = _split_at(path)
    return Address(_phrase(entry[:opening]) or None, route, *_place(_local(before), _domain(after)))


def _bare(entry: list[_Token]) -> Address:
    """An address without angle brackets; a comment after it is the name, as mail programs once wrote it."""
    before, after = _split_at(entry)
    local, words = _local(before)
    if words > 1:
        return Address(_phrase(before), None, MISSING_MAILBOX, MISSING_DOMAIN)
    kinds = [token.kind for token in entry]
    first = kinds.index(b"w") if b"w" in kinds else len(kinds)
    last = kinds.index(b">") if b">" in kinds else len(kinds)
    comment = next((token.text for token in reversed(entry[first:last]) if token.kind == b"("), b"").strip()
    return Address(comment or None, None, *_place((local, words), _domain(after)))


def _place(local: tuple[bytes, int], domain: bytes) -> tuple[bytes, bytes]:
    """Return mailbox and host, with words for what is missing. An empty quoted string is a mailbox where there is a host."""
    text, words = local
    return text if text or (words and domain) else MISSING_MAILBOX, domain or MISSING_DOMAIN


def _split_route(path: list[_Token]) -> tuple[bytes | None, list[_Token]]:
    """Take ``@host,@host:`` off a path (RFC 5322 ``obs-route``)."""
    kinds = [token.kind for token in path]
    if b":" not in kinds or next(kind for kind in kinds if kind not in b" (") != b"@":
        return None, path
    colon = kinds.index(b":")
    return b"".join(token.text for token in path[:colon] if token.kind not in b" ("), path[colon + 1 :]


def _split_at(tokens: list[_Token]) -> tuple[list[_Token], list[_Token]]:
    at = next((n for n, token in enumerate(tokens) if token.kind == b"@"), len(tokens))
    return tokens[:at], tokens[at + 1 :]


def _phrase(tokens: list[_Token]) -> bytes:
    """Join words with one space, also where a quoted word has it at its edge; a dot stays with the words around it where there was no space."""
    pieces: list[bytes] = []
    is_apart = False
    for kind, word in tokens:
        if kind == b"w":
            if pieces and (is_apart or not (pieces[-1].endswith(_BINDING) or word.startswith(b" "))):
                pieces.append(b" ")
            pieces.append(word)
        elif kind == b".":
            pieces.append(b" ." if pieces and is_apart else b".")
        is_apart = kind in b" ("
    return b"".join(pieces)


def _local(tokens: list[_Token]) -> tuple[bytes, int]:
    """Join words and the dots between them to a local part; also return how many words no dot joins."""
    pieces: list[bytes] = []
    words = 0
    for kind, word in tokens:
        if kind == b"w":
            if pieces and pieces[-1] not in b".:":
                pieces.append(b" ")
                words += 1
            pieces.append(word)
        elif kind in b".:":
            pieces.append(word)
    return b"".join(pieces), words + bool(pieces)


def _domain(tokens: list[_Token]) -> bytes:
    """Join atoms and dots; a second word that no dot joins ends the domain, and so does what no atom has."""
    pieces: list[bytes] = []
    for kind, word in tokens:
        if kind == b"." or (kind == b"w" and (not pieces or pieces[-1] == b".")):
            atom = word if word.startswith(b"[") else _NO_ATOM.split(word, 1)[0]
            pieces.append(atom)
            if atom != word:
                break
        elif kind not in b" (":
            break
    return b"".join(pieces)
