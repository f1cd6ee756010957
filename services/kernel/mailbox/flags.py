"""Flags and keywords as the bits of a number and as the letters of a file name.

The letters are Maildir's (https://cr.yp.to/proto/maildir.html) and, for keywords, Dovecot's: ``a`` is the first line of ``dovecot-keywords``.
``P`` (passed) has no IMAP flag and is only kept.
"""

from collections.abc import Iterable
from functools import lru_cache

from services.kernel.mailbox.trouble import TooManyKeywords

_LETTERS = "DFPRSTabcdefghijklmnopqrstuvwxyz"
_SYSTEM = ("\\Draft", "\\Flagged", "", "\\Answered", "\\Seen", "\\Deleted")
_SYSTEM_BITS = {flag.lower(): 1 << bit for bit, flag in enumerate(_SYSTEM) if flag}
_BIT_OF_LETTER = {letter: 1 << bit for bit, letter in enumerate(_LETTERS)}
KEYWORD_LIMIT = len(_LETTERS) - len(_SYSTEM)
"""One small letter each."""

SYSTEM = frozenset(flag for flag in _SYSTEM if flag)
"""The flags that need no keyword."""
PASSED = 1 << 2
SEEN = _SYSTEM_BITS["\\seen"]
DELETED = _SYSTEM_BITS["\\deleted"]


@lru_cache(maxsize=4096)
def letters(bits: int) -> str:
    """The letters of a file name, in ASCII order as Maildir asks."""
    return "".join(letter for place, letter in enumerate(_LETTERS) if bits >> place & 1)


def from_letters(text: str) -> int:
    """The bits of a file name's letters; unknown ones are passed over."""
    bits = 0
    for letter in text:
        bits |= _BIT_OF_LETTER.get(letter, 0)
    return bits


@lru_cache(maxsize=4096)
def names(bits: int, keywords: tuple[str, ...]) -> frozenset[str]:
    """The IMAP flags of ``bits`` in a folder with these keywords; equal sets are one object."""
    known = (*_SYSTEM, *keywords)
    return frozenset(known[place] for place in range(min(len(known), len(_LETTERS))) if bits >> place & 1 and known[place])


def add_keywords(flags: Iterable[str], keywords: tuple[str, ...]) -> tuple[str, ...]:
    """The keywords of a folder after ``flags`` are used in it. Raises ``TooManyKeywords``."""
    known = {keyword.lower() for keyword in keywords}
    new = {flag.lower(): flag for flag in flags if not flag.startswith("\\") and flag.lower() not in known}
    if len(keywords) + len(new) > KEYWORD_LIMIT:
        raise TooManyKeywords(f"a folder has room for {KEYWORD_LIMIT} keywords")
    return (*keywords, *sorted(new.values()))


def to_bits(flags: Iterable[str], keywords: tuple[str, ...]) -> int:
    """The bits of ``flags``, compared without case; what is neither a system flag nor among ``keywords`` is passed over."""
    places = {keyword.lower(): 1 << len(_SYSTEM) + number for number, keyword in enumerate(keywords)}
    bits = 0
    for flag in flags:
        bits |= _SYSTEM_BITS.get(flag.lower(), 0) or places.get(flag.lower(), 0)
    return bits
