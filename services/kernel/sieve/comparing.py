"""Comparators (RFC 4790): how two strings are equal and which goes before which."""

import string
from collections.abc import Callable
from dataclasses import dataclass

from services.kernel.mail.casemap import fold

Key = str | tuple[int, str]

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Comparator:
    """How one comparator compares.

    ``fold`` makes strings that are equal the same string, for every match type that looks inside; ``order`` gives what is compared as a whole.
    ``shift``: so many characters outside ASCII, as a power of two, are one step of work.
    """

    name: str
    order: Callable[[str], Key]
    fold: Callable[[str], str] | None
    shift: int

    def work(self, text: str) -> int:
        """The steps it takes to fold ``text``."""
        return len(text) >> (10 if text.isascii() else self.shift)


def _same(text: str) -> str:
    return text


def fold_ascii(text: str) -> str:
    """RFC 4790 section 9.2: only the letters of ASCII have case."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _number(text: str) -> tuple[int, str]:
    """RFC 4790 section 9.1: the digits at the beginning; without any, positive infinity. As length and digits, whatever their number."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    if not digits:
        return (1 << 62, "")
    digits = digits.lstrip("0")
    return (len(digits), digits)


COMPARATORS = {
    "i;octet": Comparator("i;octet", _same, _same, 10),
    "i;ascii-casemap": Comparator("i;ascii-casemap", fold_ascii, fold_ascii, 5),
    "i;ascii-numeric": Comparator("i;ascii-numeric", _number, None, 8),
    "i;unicode-casemap": Comparator("i;unicode-casemap", fold, fold, 5),
}
OCTET = COMPARATORS["i;octet"]
CASEMAP = COMPARATORS["i;ascii-casemap"]
"""The default (RFC 5228 section 2.7.3)."""
