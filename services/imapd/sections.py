"""``BODY[...]``: which bytes of a message a section names (RFC 3501 section 6.4.5)."""

from typing import NamedTuple

from services.imapd.grammar.requests import BodyItem, Section, SectionWord
from services.kernel.mail.mime import encoding, fields
from services.kernel.mail.mime.structure import Part
from services.kernel.mailbox.served import Content, header_end


class UnknownEncoding(Exception):
    """The transfer encoding of a part is not known (``[UNKNOWN-CTE]``, RFC 3516 section 4.3)."""


class Span(NamedTuple):
    """Bytes of ``content`` from ``start`` to ``end``, which are not copied before they are sent."""

    content: Content
    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.end - self.start

    def cut(self, partial: tuple[int, int] | None) -> "Span":
        """Return what ``<first.count>`` leaves; nothing when it begins behind the end."""
        if partial is None:
            return self
        first, count = partial
        start = min(self.start + first, self.end)
        return Span(self.content, start, min(start + count, self.end))


def needs_parts(section: Section) -> bool:
    """Tell whether the message must be taken apart for this."""
    return bool(section.path)


def needs_header_only(section: Section) -> bool:
    """Tell whether the header of the message, without its body, is enough for this."""
    return not section.path and section.word in (SectionWord.HEADER, SectionWord.HEADER_FIELDS, SectionWord.HEADER_FIELDS_NOT)


def extract(content: Content, root: Part | None, item: BodyItem) -> Span | None:
    """Return the bytes of an item; ``None`` when the message has no such part. ``root`` is needed only if ``needs_parts``."""
    found = _section(content, root, item.section)
    return found.cut(item.partial) if found is not None else None


def decode(content: Content, root: Part | None, section: Section) -> Span | None:
    """Return the whole of a section with the transfer encoding of a part undone. What holds other parts has none (RFC 3516 section 4.2).

    Raises ``UnknownEncoding``.
    """
    part = root.find(section.path) if root is not None and section.path else None
    if part is None or part.children or section.word is not SectionWord.WHOLE:
        return _section(content, root, section)
    decoded = encoding.decode(content, part.body_start, part.end, part.label.encoding or b"")
    if decoded is None:
        raise UnknownEncoding
    return Span(decoded, 0, len(decoded))


def _section(content: Content, root: Part | None, section: Section) -> Span | None:
    if not section.path:
        whole = Span(content, 0, len(content))
        return whole if section.word is SectionWord.WHOLE else _of_message(whole, header_end(content), section)
    assert root is not None
    part = root.find(section.path)
    if part is None:
        return None
    if section.word is SectionWord.WHOLE:
        return Span(content, part.body_start, part.end)
    if section.word is SectionWord.MIME:
        return Span(content, part.start, part.body_start)
    inside = part.message
    return _of_message(Span(content, inside.start, inside.end), inside.body_start, section) if inside else None


def _of_message(whole: Span, body_start: int, section: Section) -> Span:
    header = Span(whole.content, whole.start, body_start)
    match section.word:
        case SectionWord.HEADER | SectionWord.MIME:
            return header
        case SectionWord.TEXT:
            return Span(whole.content, body_start, whole.end)
        case SectionWord.HEADER_FIELDS | SectionWord.HEADER_FIELDS_NOT:
            negate = section.word is SectionWord.HEADER_FIELDS_NOT
            chosen = fields.select(whole.content[header.start : header.end], section.fields, negate)
            return Span(chosen, 0, len(chosen))
        case SectionWord.WHOLE:
            return whole
