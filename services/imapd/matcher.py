"""Mailbox names against the patterns of LIST and LSUB (RFC 3501 section 6.3.8)."""

import re

from services.kernel.mailbox import names, others
from services.kernel.mailbox.names import INBOX

_STARS = re.compile(r"[*%]*\*[*%]*|%+")

_WILD = re.compile("[*%]")


class Pattern:
    """A pattern: ``*`` stands for anything, ``%`` for anything within a level. INBOX is compared in any case."""

    def __init__(self, text: str) -> None:
        self._text = _normalized(_STARS.sub(lambda found: "*" if "*" in found[0] else "%", text))

    @property
    def reaches_others(self) -> bool:
        """Whether a folder of another user may fit."""
        literal = _WILD.split(self._text, maxsplit=1)[0]
        return literal.startswith(others.ROOT) or (others.ROOT.startswith(literal) and literal != self._text) or literal == others.TOP

    def matches(self, name: str) -> bool:
        """Tell whether the whole name fits. Takes time in proportion to both lengths, whatever the pattern."""
        return self._fits(name) or (name == INBOX and self._fits_inbox())

    def _fits_inbox(self) -> bool:
        return Pattern(self._text.upper())._fits(INBOX)

    def _fits(self, name: str) -> bool:
        """Walk along the name with all places in the pattern that can be reached."""
        text = self._text
        separator = others.SEPARATOR if others.is_other(name) else names.SEPARATOR
        name = name.removesuffix(others.SEPARATOR)  # of the level above all users
        places = self._beside({0})
        for letter in name:
            after = set()
            for place in places:
                wild = text[place : place + 1]
                if wild == "*" or (wild == "%" and letter != separator):
                    after.add(place)
                elif wild == letter and wild != "%":
                    after.add(place + 1)
            places = self._beside(after)
            if not places:
                return False
        return len(text) in places

    def _beside(self, places: set[int]) -> set[int]:
        """A wildcard may stand for nothing; two of them never follow each other."""
        return places | {place + 1 for place in places if self._text[place : place + 1] in ("*", "%")}


def _normalized(text: str) -> str:
    """INBOX in capitals, and another user's address in small letters."""
    if not others.is_other(text):
        return names.normalize(text)
    owner, slash, folder = text.removeprefix(others.ROOT).partition(others.SEPARATOR)
    return f"{others.ROOT}{owner.lower()}{slash}{names.normalize(folder)}"
