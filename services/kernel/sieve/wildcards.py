"""``:matches`` (RFC 5228 section 2.7.1): ``*`` and ``?``, and what each of them stood for (RFC 5229 section 3.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_KEPT_CHARACTERS = 200
"""Of a pattern that is remembered: lists of many short ones are common, long ones are not."""
_QUOTED = str.maketrans({"*": "\\*", "?": "\\?", "\\": "\\\\"})
_PIECE = re.compile(r"\\.|[*?]|[^\\*?]+|\\", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Segment:
    """What stands between two ``*``: a fixed number of characters, so that to search it cannot go back and forth."""

    pattern: "re.Pattern[str]"
    width: int
    has_gaps: bool


class Wildcard:
    """A compiled pattern. A ``*`` takes as little as it can, from left to right."""

    def __init__(self, pattern: str) -> None:
        self._segments = list(_segments(pattern))
        self.effort = max((segment.width for segment in self._segments if segment.has_gaps), default=1)
        """Comparisons at each place of a text at the worst: plain text is searched in one go, text with ``?`` inside is not."""

    def match(self, text: str) -> list[tuple[int, int]] | None:
        """The spans of the wildcards, in order, or ``None``. Takes time in proportion to text times the longest stretch without a ``*``."""
        first, rest = self._segments[0], self._segments[1:]
        found = first.pattern.match(text)
        if found is None or (not rest and found.end() != len(text)):
            return None
        spans = _spans(found)
        at = found.end()
        for number, segment in enumerate(rest, 1):
            is_last = number == len(rest)
            if is_last and len(text) - segment.width < at:
                return None
            found = segment.pattern.match(text, len(text) - segment.width) if is_last else segment.pattern.search(text, at)
            if found is None:
                return None
            spans += [(at, found.start()), *_spans(found)]
            at = found.end()
        return spans


def _spans(found: "re.Match[str]") -> list[tuple[int, int]]:
    return [found.span(number) for number in range(1, (found.re.groups or 0) + 1)]


def _segments(pattern: str) -> Iterator[_Segment]:
    pieces: list[str] = []
    width = 0
    for match in _PIECE.finditer(pattern):
        piece = match[0]
        if piece == "*":
            yield _segment(pieces, width)
            pieces, width = [], 0
            continue
        literal = piece[1:] if piece[0] == "\\" and len(piece) > 1 else piece
        pieces.append("(.)" if piece == "?" else re.escape(literal))
        width += 1 if piece == "?" else len(literal)
    yield _segment(pieces, width)


def _segment(pieces: list[str], width: int) -> _Segment:
    return _Segment(re.compile("".join(pieces), re.DOTALL), width, "(.)" in pieces)


def compile_wildcard(pattern: str) -> Wildcard:
    """Compile, or take what was compiled before."""
    return _kept(pattern) if len(pattern) <= _KEPT_CHARACTERS else Wildcard(pattern)


@lru_cache(maxsize=256)
def _kept(pattern: str) -> Wildcard:
    return Wildcard(pattern)


def quote(text: str) -> str:
    """Make ``text`` stand for itself (``:quotewildcard``, RFC 5229 section 4.1)."""
    return text.translate(_QUOTED)
