"""Command lines (RFC 1939 section 3, RFC 2449 section 4)."""

from dataclasses import dataclass
from enum import StrEnum

MAX_LINE_BYTES = 8192
"""RFC 2449 section 4 asks for 255 octets; an initial response of AUTH may be as long as the mechanism needs (RFC 5034 section 4)."""
MAX_NUMBER_DIGITS = 10
"""More messages, or lines for TOP, than any maildrop has."""


class Verb(StrEnum):
    """What a client can ask."""

    APOP = "APOP"
    AUTH = "AUTH"
    CAPA = "CAPA"
    DELE = "DELE"
    LANG = "LANG"
    LIST = "LIST"
    NOOP = "NOOP"
    PASS = "PASS"
    QUIT = "QUIT"
    RETR = "RETR"
    RSET = "RSET"
    STAT = "STAT"
    STLS = "STLS"
    TOP = "TOP"
    UIDL = "UIDL"
    USER = "USER"
    UTF8 = "UTF8"


@dataclass(frozen=True, slots=True)
class Command:
    """A verb and the rest of its line, as sent."""

    verb: Verb
    argument: str = ""

    def numbers(self) -> tuple[int, ...] | None:
        """The arguments as numbers; ``None`` when one is no number."""
        words = self.argument.split()
        if all(word.isascii() and word.isdigit() and len(word) <= MAX_NUMBER_DIGITS for word in words):
            return tuple(int(word) for word in words)
        return None


def parse(line: bytes) -> Command | None:
    """Parse a line without its end; ``None`` for what is no command here. Only PASS may have a space at its end (RFC 1939 section 7)."""
    try:
        word, _, rest = line.decode("utf-8").partition(" ")
        verb = Verb(word.upper())
    except ValueError:
        return None
    return Command(verb, rest if verb is Verb.PASS else rest.strip(" "))
