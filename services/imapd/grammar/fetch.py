"""What FETCH asks for (RFC 3501 section 6.4.5, modifiers of RFC 7162)."""

import re
from collections.abc import Mapping

from services.imapd.grammar.paging import Page, read_page
from services.imapd.grammar.requests import BinaryItem, BodyItem, Fact, Fetch, FetchItem, Section, SectionWord
from services.imapd.grammar.responses import astring
from services.imapd.grammar.scanner import LARGEST_NUMBER, BadSyntax, Scanner

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


def parse_fetch(scanner: Scanner, *, by_uid: bool) -> Fetch:
    """Read the arguments of FETCH and UID FETCH. Raises ``BadSyntax``."""
    messages = scanner.sequence_set()
    scanner.expect(b" ")
    items = parse_items(scanner)
    changed_since, wants_vanished, page = _modifiers(scanner) if scanner.skip(b" ") and not scanner.is_done else (None, False, None)
    if page is not None and not by_uid:  # RFC 9394 section 3.4
        raise BadSyntax("PARTIAL needs UID FETCH")
    if wants_vanished and (changed_since is None or not by_uid):  # RFC 7162 section 3.2.6
        raise BadSyntax("VANISHED needs UID FETCH and CHANGEDSINCE")
    if changed_since is not None:  # RFC 7162 section 3.1.4.1: which tells the modseq too
        items = tuple(dict.fromkeys((*items, Fact.MODSEQ)))
    return Fetch(messages, items, by_uid, changed_since, wants_vanished, page)


def _modifiers(scanner: Scanner) -> tuple[int | None, bool, Page | None]:
    changed_since: int | None = None
    wants_vanished = False
    page: Page | None = None
    scanner.expect(b"(")
    while True:
        word = scanner.word()
        if word == b"CHANGEDSINCE" and changed_since is None:
            scanner.expect(b" ")
            changed_since = scanner.modseq()
        elif word == b"VANISHED" and not wants_vanished:
            wants_vanished = True
        elif word == b"PARTIAL" and page is None:
            scanner.expect(b" ")
            page = read_page(scanner)
        else:
            raise BadSyntax("Unknown modifier")
        if not scanner.skip(b" "):
            break
    scanner.expect(b")")
    return changed_since, wants_vanished, page


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
        fact = Fact(word.decode())
    except ValueError:
        raise BadSyntax("Unknown item") from None
    if fact is Fact.PREVIEW and scanner.rest()[:7].upper() == b" (LAZY)":
        scanner.at += 7  # RFC 8970 section 4: a preview that is not at hand may be left out, and here each is
    return fact


def _body(scanner: Scanner, name: bytes) -> BodyItem | BinaryItem:
    if name in (b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE"):
        return _binary(scanner, name)
    if name not in (b"BODY", b"BODY.PEEK"):
        raise BadSyntax("Unknown item")
    scanner.expect(b"[")
    section, text = _section(scanner)
    scanner.expect(b"]")
    partial = _partial(scanner)
    label = b"BODY[%b]" % text + (b"<%d>" % partial[0] if partial else b"")
    return BodyItem(label, section, name == b"BODY.PEEK", partial)


def parse_section(text: bytes) -> tuple[Section, bytes]:
    """Read what stands between the brackets of ``BODY[...]``. Raises ``BadSyntax``."""
    scanner = Scanner(text + b"]")
    found = _section(scanner)
    scanner.expect(b"]")
    scanner.end()
    return found


def _binary(scanner: Scanner, name: bytes) -> BinaryItem:
    """RFC 3516 section 4.2. As Dovecot does, any section is taken."""
    scanner.expect(b"[")
    section, text = _section(scanner)
    scanner.expect(b"]")
    is_size = name == b"BINARY.SIZE"
    partial = None if is_size else _partial(scanner)
    label = b"BINARY%b[%b]" % (b".SIZE" if is_size else b"", text) + (b"<%d>" % partial[0] if partial else b"")
    return BinaryItem(label, section, name != b"BINARY", partial, is_size)


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
    """Read first octet and count; without a count, as ImapFlow asks, all from there on."""
    if not scanner.skip(b"<"):
        return None
    first = scanner.number()
    if scanner.skip(b">"):
        return first, LARGEST_NUMBER
    scanner.expect(b".")
    count = scanner.number()
    scanner.expect(b">")
    if count == 0:
        raise BadSyntax("Invalid partial")
    return first, count
