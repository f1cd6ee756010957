"""What FETCH asks for (RFC 3501 section 6.4.5)."""

import re
from collections.abc import Mapping

from services.imapd.grammar.requests import BodyItem, Fact, FetchItem, Section, SectionWord
from services.imapd.grammar.responses import astring
from services.imapd.grammar.scanner import BadSyntax, Scanner

MAX_ITEMS = 100
"""Items of one FETCH. Clients ask for a dozen; each may cost the size of the message, so they cannot be without number."""
MAX_FIELDS = 500
"""Field names of one HEADER.FIELDS; clients name up to thirty."""

_FAST = (Fact.FLAGS, Fact.INTERNALDATE, Fact.SIZE)
_MACROS: Mapping[bytes, tuple[Fact, ...]] = {
    b"FAST": _FAST,
    b"ALL": (*_FAST, Fact.ENVELOPE),
    b"FULL": (*_FAST, Fact.ENVELOPE, Fact.BODY),
}
_WHOLE_WORDS: Mapping[bytes, BodyItem] = {
    b"RFC822": BodyItem(b"RFC822", Section(), is_peek=False),
    b"RFC822.HEADER": BodyItem(b"RFC822.HEADER", Section(word=SectionWord.HEADER), is_peek=True),
    b"RFC822.TEXT": BodyItem(b"RFC822.TEXT", Section(word=SectionWord.TEXT), is_peek=False),
}
_PATH = re.compile(rb"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8})*")
_MAX_PATH_BYTES = 1_000
"""More than the depth to which a message is taken apart (``kernel.mail.mime``) can use."""


def parse_items(scanner: Scanner) -> tuple[FetchItem, ...]:
    """Read a macro, one item or a list of items."""
    if not scanner.skip(b"("):
        word = scanner.word()
        return _MACROS[word] if word in _MACROS else (_item(scanner, word),)
    items = [_item(scanner, scanner.word())]
    while scanner.skip(b" "):
        items.append(_item(scanner, scanner.word()))
        if len(items) > MAX_ITEMS:
            raise BadSyntax("Too many items")
    scanner.expect(b")")
    return tuple(dict.fromkeys(items))


def _item(scanner: Scanner, word: bytes) -> FetchItem:
    name, bracket, _ = word.partition(b"[")
    if bracket:
        scanner.at -= len(word) - len(name)  # an atom may hold "[": the section is read below
        return _body(scanner, name)
    if word in _WHOLE_WORDS:
        return _WHOLE_WORDS[word]
    try:
        return Fact(word.decode())
    except ValueError:
        raise BadSyntax("Unknown item") from None


def _body(scanner: Scanner, name: bytes) -> BodyItem:
    if name not in (b"BODY", b"BODY.PEEK"):
        raise BadSyntax("Unknown item")
    scanner.expect(b"[")
    section, text = _section(scanner)
    scanner.expect(b"]")
    partial = _partial(scanner)
    label = b"BODY[%b]" % text + (b"<%d>" % partial[0] if partial else b"")
    return BodyItem(label, section, name == b"BODY.PEEK", partial)


def _section(scanner: Scanner) -> tuple[Section, bytes]:
    """Read what stands between the brackets; also return it as the reply repeats it."""
    path = _path(scanner)
    if path and not scanner.skip(b"."):
        return Section(path.decode()), path
    if scanner.peek(b"]"):
        if path:
            raise BadSyntax("Invalid section")
        return Section(), b""
    text = scanner.word()
    try:
        word = SectionWord(text.decode())
    except ValueError:
        raise BadSyntax("Invalid section") from None
    if word is SectionWord.MIME and not path:  # RFC 3501 section 6.4.5: MIME only with a part number
        raise BadSyntax("Invalid section")
    label = path + b"." + text if path else text
    if word not in (SectionWord.HEADER_FIELDS, SectionWord.HEADER_FIELDS_NOT):
        return Section(path.decode(), word), label
    names = _field_names(scanner)
    fields = frozenset(name.lower() for name in names)
    return Section(path.decode(), word, fields), label + b" (%b)" % b" ".join(map(astring, names))


def _path(scanner: Scanner) -> bytes:
    found = _PATH.match(scanner.rest()[:_MAX_PATH_BYTES])
    if found is None:
        return b""
    scanner.at += found.end()
    return found[0]


def _field_names(scanner: Scanner) -> list[bytes]:
    scanner.expect(b" ")
    scanner.expect(b"(")
    names = [scanner.astring()]
    while scanner.skip(b" "):
        names.append(scanner.astring())
        if len(names) > MAX_FIELDS:
            raise BadSyntax("Too many fields")
    scanner.expect(b")")
    return names


def _partial(scanner: Scanner) -> tuple[int, int] | None:
    if not scanner.skip(b"<"):
        return None
    first = scanner.number()
    scanner.expect(b".")
    count = scanner.number()
    scanner.expect(b">")
    if count == 0:
        raise BadSyntax("Invalid partial")
    return first, count
