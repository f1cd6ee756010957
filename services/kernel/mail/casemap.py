"""i;unicode-casemap: the form in which texts are compared (RFC 5051), as SEARCH, SORT and Sieve want it."""

import re
import unicodedata

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def fold(text: str) -> str:
    """Return the form of a text that is the same for all texts that count as equal.

    RFC 5051 section 2: each character becomes its title case, then what can be taken apart is, compatibility forms included. So ``Straße`` holds
    ``strasse`` no more than the standard says, but ``café`` holds ``cafe``.
    """
    if text.isascii():
        return text.upper()
    titled = _NOT_ASCII.sub(lambda found: found[0].translate(_TITLES), text)
    # in UTF-8 only ASCII letters are changed by this
    return unicodedata.normalize("NFKD", titled.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass"))


class _Titles(dict[int, int]):
    """The title case of each character met so far; one that would become several stays (the standard knows only UnicodeData's simple mapping)."""

    def __missing__(self, code: int) -> int:
        letter = chr(code)
        title = letter.title()
        self[code] = ord(title) if len(title) == 1 else code
        return self[code]


_TITLES = _Titles()
"""Grows up to the 1,400 characters that have a case, and as many others as mail holds: a few MB if it were all of Unicode."""
