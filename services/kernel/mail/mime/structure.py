"""The tree of parts of a message, found in one pass."""

from typing import Protocol

import msgspec

from services.kernel.mail.mime.fields import MAX_HEADER_BYTES
from services.kernel.mail.mime.media import MESSAGE, PLAIN, Label, Media, read_label

MAX_DEPTH = 100
"""Dovecot's ``mail_max_mime_depth``-like bound of 100 nested parts; what lies deeper is not taken apart."""
MAX_PARTS = 10_000
"""Dovecot's bound of 10,000 parts in a message; what follows belongs to the body of the enclosing part."""
MAX_BOUNDARY_BYTES = 80
"""RFC 2046 section 5.1.1 allows 70; like Dovecot, 80 are compared and the rest of a longer one is not."""
_CHUNK_BYTES = 1 << 20
"""What of a mapped message is copied at a time."""


class Content(Protocol):
    """A message in memory: ``bytes``, or an ``mmap`` of a large one."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> bytes: ...
    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One part: where it lies in the message and what its header says of it.

    The header is ``content[start:body_start]`` with the empty line that closes it, the body ``content[body_start:end]``. The ``*_size``
    are octets and the ``*_lines`` line ends, counted as if each line ended in CRLF. A multipart has at least one child; a message/rfc822
    has one, the message inside; other parts have none.
    """

    start: int
    body_start: int
    end: int
    header_size: int
    header_lines: int
    body_size: int
    body_lines: int
    label: Label
    children: "tuple[Part, ...]" = ()

    @property
    def media(self) -> Media:
        """The Content-Type."""
        return self.label.media

    @property
    def size(self) -> int:
        """Octets of header and body as IMAP and POP3 count them: RFC822.SIZE of the whole message."""
        return self.header_size + self.body_size

    @property
    def is_multipart(self) -> bool:
        """The children are the parts of a multipart."""
        return bool(self.children) and self.media.is_a(b"multipart")

    @property
    def message(self) -> "Part | None":
        """The message inside a message/rfc822."""
        return self.children[0] if self.children and not self.is_multipart else None

    def find(self, path: str) -> "Part | None":
        """Return the part with the number ``path`` (``2.1``; RFC 3501 section 6.4.5), this one for the empty path.

        Part 1 of a message that is no multipart is the message itself. A number on a message/rfc822 goes to the message inside it.
        """
        part = self
        for step, word in enumerate(path.split(".") if path else ()):
            number = int(word) if word.isascii() and word.isdigit() and len(word) < 6 else 0
            parent = part.message if step and part.message else part
            if parent.is_multipart and 0 < number <= len(parent.children):
                part = parent.children[number - 1]
            elif number == 1 and not parent.is_multipart and (step == 0 or parent is not part):
                part = parent
            else:
                return None
        return part


def scan(content: Content) -> Part:
    """Take a message apart. Never raises; takes time in proportion to the size, within the limits on parts and depth."""
    return _Scanner(content).part(0, 0, PLAIN, is_message=True)


class _Needle:
    """Octets that are looked for from places that only grow, and where they were last seen: each byte is searched once."""

    __slots__ = ("at", "cursor", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = -1
        self.cursor = 0

    def seek(self, content: Content, start: int, limit: int) -> int:
        """Return the offset, from ``start`` to ``limit`` inclusive, of the next, or -1."""
        if self.at >= start:
            return self.at if self.at <= limit else -1
        start = max(start, self.cursor)
        if start > limit:
            return -1
        self.at = content.find(self.octets, start, limit + len(self.octets))
        if self.at < 0:
            self.cursor = limit + 1
        return self.at


class _Ruler:
    """Counts line ends from the beginning of the message up to offsets that only grow, so each byte is counted once."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._at = 0
        self._lines = 0
        self._pairs = 0

    def measure(self, offset: int) -> tuple[int, int]:
        """Return the octets before ``offset``, as if each line ended in CRLF, and the line ends; ``offset`` never parts a CRLF."""
        for start in range(self._at, offset, _CHUNK_BYTES):
            self._count(start, min(start + _CHUNK_BYTES, offset))
        self._at = max(self._at, offset)
        return self._at + self._lines - self._pairs, self._lines

    def _count(self, start: int, end: int) -> None:
        chunk = self._content[start:end]
        lines = chunk.count(b"\n")
        self._lines += lines
        if lines:
            self._pairs += chunk.count(b"\r\n") + (chunk[:1] == b"\n" and self._content[start - 1 : start] == b"\r")


class _Scanner:
    """The state of one scan: the boundaries of the multiparts around the place, outermost first, and the delimiter that comes next.

    No part ends before ``_reach``: a line end that closes a header or a multipart belongs to that, not to the delimiter of an enclosing one.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._ruler = _Ruler(content)
        self._length = len(content)
        self._boundaries: list[_Needle] = []
        self._lf_lf = _Needle(b"\n\n")
        self._lf_crlf = _Needle(b"\n\r\n")
        self._parts = 0
        self._reach = 0
        self._limit = self._length
        self._next: _Needle | None = None

    def part(self, start: int, depth: int, default: Media, *, is_message: bool = False) -> Part:
        """Scan the part whose header begins at ``start``; afterwards the delimiter that ends it is the next."""
        self._parts += 1
        self._look(max(start - 1, 0))
        body_start = self._body_start(start)
        top, lines_above = self._ruler.measure(start)
        middle, lines_to_body = self._ruler.measure(body_start)
        label = read_label(self._content[start : min(body_start, start + MAX_HEADER_BYTES)], default, is_message=is_message)
        self._reach = max(self._reach, body_start)
        is_cut_off = body_start > start and self._content[body_start - 1 : body_start] != b"\n"
        children = self._children(label.media, body_start, depth, is_cut_off)
        end = max(self._end(body_start), self._reach)
        bottom, lines_to_end = self._ruler.measure(end)
        sizes = (middle - top, lines_to_body - lines_above, bottom - middle, lines_to_end - lines_to_body)
        return Part(start, body_start, end, *sizes, label, children)

    def _look(self, start: int) -> None:
        """Find the next delimiter line from ``start`` on. Of several that match one line the longest wins, then the innermost.

        RFC 2046 section 5.1.1: a line is a delimiter when it begins with one, whatever follows. But one that closes a multipart and has nothing
        else is no delimiter of an outer boundary that ends in those two hyphens.
        """
        self._limit, self._next = self._length, None
        for boundary in self._boundaries:
            at = boundary.seek(self._content, start, self._limit)
            if at < 0:
                continue
            if self._next is None or at < self._limit or len(boundary.octets) >= len(self._next.octets) or self._is_close(boundary):
                self._limit, self._next = at, boundary

    def _is_close(self, boundary: _Needle) -> bool:
        """Whether the line of the next delimiter is all of what closes ``boundary``."""
        closing = boundary.octets + b"--"
        line = self._content[self._limit : self._limit + len(closing) + 1]
        return line in (closing, closing + b"\r", closing + b"\n")

    def _body_start(self, start: int) -> int:
        """Return the offset after the empty line that closes the header, or where the next delimiter cuts the header off.

        That empty line may be the line end of the delimiter, as in Cyrus; so may be that of a message inside, as in Dovecot too.
        """
        content, stop = self._content, min(self._limit + 1, self._length)
        if stop <= start:
            return start
        first = content[start : start + 2]
        if first[:1] == b"\n" or first == b"\r\n":
            return start + first.index(b"\n") + 1
        lf = self._lf_lf.seek(content, start, stop - 2)
        crlf = self._lf_crlf.seek(content, start, (lf if lf >= 0 else stop) - 3)
        if crlf >= 0:
            return crlf + 3
        return lf + 2 if lf >= 0 else self._end(start)

    def _end(self, body_start: int) -> int:
        """Return where the body ends: the line end before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1)."""
        end = self._limit
        if self._next is not None and end > 0 and self._content[end - 1 : end] == b"\r":
            end -= 1
        return max(end, body_start)

    def _children(self, media: Media, body_start: int, depth: int, is_cut_off: bool) -> tuple[Part, ...]:
        if is_cut_off:
            return (_nothing(body_start),) if media.is_a(b"multipart") or media.is_a(b"message", b"rfc822") else ()
        if media.is_a(b"multipart"):
            default = MESSAGE if media.is_a(b"multipart", b"digest") else PLAIN
            word = media.boundary
            found = self._multipart(word[:MAX_BOUNDARY_BYTES], body_start, depth + 1, default) if word is not None and depth < MAX_DEPTH else ()
            return found or (_nothing(body_start),)
        if media.is_a(b"message", b"rfc822") and depth < MAX_DEPTH and self._parts < MAX_PARTS:
            return (self.part(body_start, depth + 1, PLAIN, is_message=True),)
        return ()

    def _multipart(self, word: bytes, body_start: int, depth: int, default: Media) -> tuple[Part, ...]:
        """Scan the parts between delimiters of ``word``; afterwards the delimiter of an enclosing multipart is the next.

        None begins behind a delimiter without a line end, as in Dovecot.
        """
        mine = _Needle(b"\n--" + word)
        outer = len(self._boundaries)
        self._boundaries.append(mine)
        self._look(body_start - 1)
        children: list[Part] = []
        while self._next is mine:
            after = self._limit + len(mine.octets)
            next_line = self._line_after(after)
            if self._content[after : after + 2] == b"--":
                self._reach = next_line
                break
            if self._parts >= MAX_PARTS or self._content[next_line - 1 : next_line] != b"\n":
                break
            children.append(self.part(next_line, depth, default))
        was_closed = self._next is mine
        del self._boundaries[0 if self._parts >= MAX_PARTS else outer :]
        if was_closed:
            self._look(self._limit + 1)
        return tuple(children)

    def _line_after(self, offset: int) -> int:
        line_end = self._content.find(b"\n", offset)
        return line_end + 1 if line_end >= 0 else self._length


def _nothing(at: int) -> Part:
    """The part that stands for the missing ones of a multipart, since IMAP's grammar wants one (RFC 3501 section 9, ``body-type-mpart``)."""
    return Part(at, at, at, 0, 0, 0, 0, Label(PLAIN))
