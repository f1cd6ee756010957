"""Commands as words, without I/O (RFC 5804 section 4): a line may end in the announcement of a literal, after which it goes on."""

import re
from dataclasses import dataclass

MAX_LINE_BYTES = 16_384
"""A quoted string has 1024 octets at the most; the longest line is a response of SASL."""
MAX_WORDS = 4
"""The longest command has three."""
_ATOM = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"')
_LITERAL = re.compile(rb"\{([0-9]{1,10})\+\}$")


class Malformed(ValueError):
    """The command is not one. The words are for the client, with a response code if there is one for it."""

    def __init__(self, words: str, code: bytes = b"") -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Atom:
    """A bare word: a command's name, or a number."""

    text: str


Word = Atom | bytes
"""Strings are bytes: a script need not be UTF-8, as it is the compiler that says so."""


class Assembly:
    """One command as it comes in. After a word is announced as a literal, its octets go to ``literal`` and the next line to ``line``."""

    def __init__(self) -> None:
        self.words: list[Word] = []

    def line(self, line: bytes) -> int | None:
        """Take a line without its end. Returns the octets of the literal that follows, ``None`` at the end of the command. Raises ``Malformed``."""
        at = 0
        while at < len(line):
            if self.words or at:
                at = _skip_space(line, at, follows=bool(self.words))
                if at == len(line):
                    break
            if len(self.words) >= MAX_WORDS:
                raise Malformed("too many words")
            if literal := _LITERAL.match(line, at):
                return int(literal[1])
            at = self._take(line, at)
        return None

    def literal(self, octets: bytes) -> None:
        """Take the octets of a literal."""
        self.words.append(octets)

    def _take(self, line: bytes, at: int) -> int:
        if quoted := _QUOTED.match(line, at):
            self.words.append(re.sub(rb"\\(.)", rb"\1", quoted[1]))
            return quoted.end()
        if atom := _ATOM.match(line, at):
            self.words.append(Atom(atom[0].decode()))
            return atom.end()
        raise Malformed("neither a word nor a string")


def _skip_space(line: bytes, at: int, *, follows: bool) -> int:
    """Behind a word comes a space, or the end."""
    end = at
    while line[end : end + 1] == b" ":
        end += 1
    if follows and end == at and end < len(line):
        raise Malformed("a space is missing")
    return end


def literal_of(line: bytes) -> int | None:
    """The octets that a line announces at its end, whatever stands before: they must be read though the command is none."""
    found = _LITERAL.search(line)
    return int(found[1]) if found else None
