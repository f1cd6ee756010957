"""Tokens of a script (RFC 5228 section 8.1), with their places."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from services.kernel.sieve.flaws import Flaw

MAX_NUMBER = (1 << 64) - 1
"""RFC 5228 section 2.4.1 asks for 2**31 - 1 at least."""
MAX_WORD = 32
"""Characters of an identifier or tag; the longest defined word has 22."""

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+|\#[^\n]*\n?)
    |(?P<comment>/\*)
    |(?P<text>[Tt][Ee][Xx][Tt]:[ \t]*(?:\#[^\n]*)?\r?\n)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<tag>:[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9]+[KMGkmg]?(?![A-Za-z0-9_]))
    |(?P<quote>")
    |(?P<mark>[][(){},;])
    |(?P<garbage>[^\s"][^\s"\]\[(){},;]*)""",
    re.VERBOSE,
)
_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LINE_END = re.compile(r"\r?\n")
_TEXT_END = re.compile(r"^\.\r?$", re.MULTILINE)
_STUFFED = re.compile(r"^\.\.", re.MULTILINE)
_UNITS = {"k": 10, "m": 20, "g": 30}


class Kind(StrEnum):
    """What a token is; the value is how people are told."""

    WORD = "identifier"
    TAG = "tag"
    NUMBER = "number"
    STRING = "string"
    MARK = "mark"
    GARBAGE = "garbage"
    END = "end of script"


class Place(NamedTuple):
    """Where something stands, from 1."""

    line: int
    column: int


class Token(NamedTuple):
    """``text`` is a word or tag as written (a tag without its colon), a mark, or a string's value; ``number`` a number's value."""

    kind: Kind
    text: str
    place: Place
    number: int = 0

    def __str__(self) -> str:
        if self.kind is Kind.MARK:
            return f"'{self.text}'"
        return f"{self.kind.value} '{self.text}'" if self.kind in (Kind.WORD, Kind.GARBAGE) else self.kind.value


class Tokens:
    """The tokens of ``text``. What is wrong goes to ``flaws``, and reading goes on behind it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.flaws: list[Flaw] = []

    def __iter__(self) -> Iterator[Token]:
        at, text = 0, self._text
        while at < len(text):
            match = _TOKEN.match(text, at)
            kind = match.lastgroup if match else "garbage"
            end = match.end() if match else at + 1
            if kind == "comment":
                end = self._comment_end(at)
            elif kind in ("quote", "text"):
                value, end = self._quoted(at) if kind == "quote" else self._multiline(at, end)
                yield Token(Kind.STRING, _LINE_END.sub("\r\n", value), self._place(at))
            elif kind != "blank":
                yield self._plain(kind or "", at, end)
            at = end
        yield Token(Kind.END, "", self._place(len(text)))

    def _place(self, offset: int) -> Place:
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)

    def _tell(self, offset: int, message: str) -> None:
        self.flaws.append(Flaw(*self._place(offset), message))

    def _comment_end(self, start: int) -> int:
        end = self._text.find("*/", start + 2)
        if end < 0:
            self._tell(start, "the comment is not closed")
            return len(self._text)
        return end + 2

    def _quoted(self, start: int) -> tuple[str, int]:
        match = _QUOTED.match(self._text, start)
        if match is None:
            self._tell(start, "the string is not closed")
            return "", len(self._text)
        return self._checked(start, _ESCAPE.sub(r"\1", match[1])), match.end()

    def _multiline(self, start: int, body: int) -> tuple[str, int]:
        """RFC 5228 section 2.4.2: up to a line with a dot alone; a dot that begins a line is doubled."""
        match = _TEXT_END.search(self._text, body)
        if match is None:
            self._tell(start, "the multi-line text is not closed by a line with a dot alone")
            return "", len(self._text)
        return self._checked(start, _STUFFED.sub(".", self._text[body : match.start()])), match.end()

    def _checked(self, start: int, value: str) -> str:
        if "\0" in value or not _is_utf8(value):
            self._tell(start, "the string holds what is not UTF-8 text")
        return value

    def _plain(self, kind: str, at: int, end: int) -> Token:
        text, place = self._text[at:end], self._place(at)
        if kind == "number":
            return Token(Kind.NUMBER, text, place, self._number(at, text))
        if kind in ("word", "tag"):
            word = text.removeprefix(":")
            if len(word) > MAX_WORD:
                self._tell(at, f"the {Kind.WORD if kind == 'word' else Kind.TAG} is too long")
            return Token(Kind.WORD if kind == "word" else Kind.TAG, word, place)
        if kind == "mark":
            return Token(Kind.MARK, text, place)
        shown = text[:20].encode("utf-8", "backslashreplace").decode()
        self._tell(at, f"unexpected characters '{shown}'")
        return Token(Kind.GARBAGE, shown, place)

    def _number(self, at: int, text: str) -> int:
        digits = text.rstrip("KMGkmg")
        value = int(digits[:40]) << _UNITS.get(text[-1].lower(), 0)
        if value > MAX_NUMBER or len(digits) > 40:
            self._tell(at, f"the number is larger than {MAX_NUMBER}")
            return 0
        return value


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text) if not text.isascii() else True
