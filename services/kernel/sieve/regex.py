"""POSIX extended regular expressions (``:regex``) in time proportional to pattern times text.

The pattern becomes a list of instructions, and all places in it where a match may stand are followed at once, each place once a
character (Thompson 1968; Pike's virtual machine for the groups). So there is nothing to go back to, and no pattern that explodes. Of the
matches the leftmost is found, of those the longest; the groups inside are by the greedy rule. Back references, which cannot be had this way, are
refused; POSIX has none in extended expressions either.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from services.kernel.sieve.regex_syntax import Op, Program, parse

_KEPT_CHARACTERS = 1000
_QUOTED = str.maketrans({character: f"\\{character}" for character in r".[]{}()*+?|^$\/"})
_BATCH = 4096
"""Steps that are taken before they are counted."""

Groups = tuple[int, ...]
Spend = Callable[[int], None]


class _Thread(NamedTuple):
    """A place in the program, and where the groups began and ended on the way to it."""

    at: int
    groups: Groups


class Regex:
    """A compiled pattern; ``folds`` matches without the case of ASCII letters, against text that is folded already."""

    def __init__(self, pattern: str, folds: bool, states: int) -> None:
        self._program: Program = parse(pattern, folds, states)

    @property
    def size(self) -> int:
        """Instructions."""
        return len(self._program.code)

    def search(self, text: str, spend: Spend) -> list[tuple[int, int]] | None:
        """Return the spans of the match and of each group, ``(-1, -1)`` where one took no part, or ``None``. ``spend`` is told of the work."""
        return _Search(self._program, text, spend).run()


class _Search:
    """One search of a text."""

    def __init__(self, program: Program, text: str, spend: Spend) -> None:
        self._code = program.code
        self._program = program
        self._text = text
        self._spend = spend
        self._best: Groups | None = None
        self._steps = 0

    def run(self) -> list[tuple[int, int]] | None:
        text, empty = self._text, (-1,) * (2 * self._program.groups + 2)
        threads: list[_Thread] = []
        at = 0
        while True:
            if self._best is None:
                if not threads and self._program.first is not None:
                    found = self._program.first.search(text, at)
                    self._count(1 + ((found.start() if found else len(text)) - at >> 6))
                    if found is None:
                        break
                    at = found.start()
                threads = self._follow(threads, _Thread(0, empty), at)
            elif not threads:
                break
            if at >= len(text):
                break
            threads = self._step(threads, text[at], at + 1)
            at += 1
        self._spend(self._steps)
        return None if self._best is None else list(zip(self._best[::2], self._best[1::2], strict=True))

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps >= _BATCH:
            self._spend(self._steps)
            self._steps = 0

    def _step(self, threads: list[_Thread], character: str, at: int) -> list[_Thread]:
        """Move every thread over one character."""
        self._count(len(threads))
        code = self._code
        found: list[_Thread] = []
        seen: set[int] = set()
        for place, groups in threads:
            takes = code[place].first
            if takes(character) if callable(takes) else takes == character:
                self._close(found, seen, _Thread(place + 1, groups), at)
        return found if self._best is None else [thread for thread in found if thread.groups[0] <= self._best[0]]

    def _follow(self, threads: list[_Thread], start: _Thread, at: int) -> list[_Thread]:
        seen = {thread.at for thread in threads}
        self._close(threads, seen, start, at)
        return threads

    def _close(self, found: list[_Thread], seen: set[int], start: _Thread, at: int) -> None:
        """Add all threads that ``start`` becomes without another character, the preferred first."""
        waiting = [start]
        while waiting:
            place, groups = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            self._steps += 1
            operation, first, second = self._code[place]
            if operation is Op.TAKE:
                found.append(_Thread(place, groups))
            elif operation is Op.SPLIT:
                waiting += (_Thread(second, groups), _Thread(first, groups))
            elif operation is Op.JUMP:
                waiting.append(_Thread(first, groups))
            elif operation is Op.SAVE:
                waiting.append(_Thread(place + 1, (*groups[:first], at, *groups[first + 1 :])))
            elif operation is Op.ASSERT:
                if first(self._text, at):
                    waiting.append(_Thread(place + 1, groups))
            else:
                self._keep_best(groups)

    def _keep_best(self, groups: Groups) -> None:
        best = self._best
        if best is None or groups[0] < best[0] or (groups[0] == best[0] and groups[1] > best[1]):
            self._best = groups


def compile_regex(pattern: str, folds: bool, states: int) -> Regex:
    """Compile, or take what was compiled before. Raises ``BadPattern``."""
    return _kept(pattern, folds, states) if len(pattern) <= _KEPT_CHARACTERS else Regex(pattern, folds, states)


@lru_cache(maxsize=128)
def _kept(pattern: str, folds: bool, states: int) -> Regex:
    return Regex(pattern, folds, states)


def quote(text: str) -> str:
    """Make ``text`` stand for itself (``:quoteregex``)."""
    return text.translate(_QUOTED)
