"""Which primaries answer. Pure: it says what to look at next, is told what was seen, and says when one is back. Its time is a steady one."""

from collections.abc import Iterable
from dataclasses import dataclass, field

PATIENCE = 4
"""A primary that answers is looked at this many times as seldom."""
CALM_SECONDS = 3600.0
"""The longest that a primary which mail meets away, and a look does not, is believed: less than mail's own longest wait."""


@dataclass(slots=True)
class Look:
    """What is known of a domain's primary. ``is_up`` is ``None`` before the first look; ``since``, ``due`` and ``asked`` are seconds."""

    is_up: bool | None = None
    since: float = 0.0
    due: float = 0.0
    asked: float = field(default=float("-inf"))
    """When qmgr was last asked whether mail met it away."""
    words: str = ""
    began: float = field(default=float("-inf"))
    """When the look began that said so."""
    calm: float = 0.0
    """How long after ``since`` mail's word against a primary that answers counts for nothing: another try does not cure what a look does not show."""


class Watch:
    """All domains that we back up. At most ``limit`` are looked at at once."""

    def __init__(self, seconds: float, limit: int) -> None:
        self._seconds = seconds
        self._limit = limit
        self._under_way: set[str] = set()
        self.looks: dict[str, Look] = {}

    def follow(self, domains: Iterable[str]) -> None:
        """These are the domains from now on."""
        wanted = set(domains)
        self.looks = {name: look for name, look in self.looks.items() if name in wanted}
        for name in wanted:
            self.looks.setdefault(name, Look())

    def hurry(self) -> None:
        """Look at all of them at once."""
        for look in self.looks.values():
            look.due = 0.0

    def due(self, now: float) -> list[str]:
        """The domains to look at, those that were due first first."""
        return sorted((name for name, look in self.looks.items() if look.due <= now), key=lambda name: self.looks[name].due)

    def begin(self, now: float) -> list[str]:
        """The looks to begin now; each goes on until ``end``.

        A primary that is down may take a minute to show it. Such looks get half of the places, so that those of the others always have some.
        """
        begun: list[str] = []
        for name in self.due(now):
            if name in self._under_way or len(self._under_way) >= self._limit:
                continue
            if not self._is_slow(name) or sum(map(self._is_slow, self._under_way)) < max(1, self._limit // 2):
                self._under_way.add(name)
                begun.append(name)
        return begun

    def end(self, domain: str) -> None:
        """A look has ended, whatever came of it."""
        self._under_way.discard(domain)

    def take_trusted(self, now: float) -> list[str]:
        """The domains whose primary is thought to be up and of which qmgr is to be asked now."""
        trusted = [name for name, look in self.looks.items() if look.is_up and now >= look.asked + self._seconds]
        for name in trusted:
            self.looks[name].asked = now
        return trusted

    def doubt(self, domain: str, now: float, words: str) -> bool:
        """Mail met the primary away: it is looked at again at once, and that it answers is news, however short it was away. Returns whether this is
        news."""
        look = self.looks.get(domain)
        if look is None or not look.is_up or now < look.since + look.calm:
            return False
        look.calm = min(max(2 * look.calm, PATIENCE * self._seconds), CALM_SECONDS)
        look.is_up, look.since, look.due, look.words = False, now, now, words
        return True

    def _is_slow(self, domain: str) -> bool:
        look = self.looks.get(domain)
        return look is not None and look.is_up is False

    def saw(self, domain: str, began: float, now: float, *, is_up: bool, words: str) -> bool:
        """Note what a look showed; return whether it is news. One that began before another that has ended says nothing."""
        look = self.looks.get(domain)
        if look is None or began < look.began:
            return False
        look.began = began
        look.due = now + self._seconds * (PATIENCE if is_up else 1)
        look.words = words
        if not is_up:
            look.calm = 0.0
        if look.is_up is is_up:
            return False
        look.is_up, look.since = is_up, now
        return True
