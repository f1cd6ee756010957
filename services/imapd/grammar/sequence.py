"""Sets of message numbers and UIDs: ``1,3:5,7:*`` (RFC 3501 section 9, ``sequence-set``)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STAR = 1 << 32
"""Stands for ``*``, the largest number in use; above every number (``nz-number`` is 32 bits wide)."""

_SET = re.compile(rb"(?:\*|[1-9][0-9]{0,9})(?::(?:\*|[1-9][0-9]{0,9}))?(?:,(?:\*|[1-9][0-9]{0,9})(?::(?:\*|[1-9][0-9]{0,9}))?)*")


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges as written, both ends included, in any order and overlapping as they like; none for ``$``, the saved result (RFC 5182)."""

    ranges: tuple[tuple[int, int], ...]
    is_saved: bool = False

    @property
    def highest(self) -> int:
        """The largest number named outright; 0 for none. The 5 of ``5:*`` is none: it asks for what there is from there on."""
        return max((end for pair in self.ranges if STAR not in pair for end in pair), default=0)

    @property
    def length(self) -> int:
        """How many numbers it names, each as often as it stands there. Only for sets without ``*``, each range from small to large."""
        return sum(last - first + 1 for first, last in self.ranges)

    @property
    def is_ordered(self) -> bool:
        """Whether it has no ``*``, ascends and names no number twice (``known-sequence-set`` of RFC 7162)."""
        ends = [end for pair in self.ranges for end in pair]
        is_rising = all(last < first for last, first in zip(ends[1::2], ends[2::2], strict=False))
        return not self.is_saved and STAR not in ends and is_rising and all(first <= last for first, last in self.ranges)

    def spans(self, largest: int) -> list[tuple[int, int]]:
        """Return disjoint ascending ranges, none if ``largest`` is 0. ``*`` is ``largest``, and ``5:*`` holds it even when it is below 5."""
        if largest == 0:
            return []
        pairs = sorted((min(pair), max(pair)) for pair in (_with_star(pair, largest) for pair in self.ranges))
        merged: list[tuple[int, int]] = []
        for first, last in pairs:
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return merged


SAVED = SequenceSet((), is_saved=True)
"""``$``: what the last SEARCH with SAVE found (RFC 5182 section 2.1)."""


def _with_star(pair: tuple[int, int], largest: int) -> tuple[int, int]:
    first, last = pair
    return (largest if first == STAR else first), (largest if last == STAR else last)


def match(data: bytes, start: int) -> tuple[SequenceSet, int] | None:
    """Read a set at ``start`` and return it with the offset behind it; ``None`` when there is none or a number is too large."""
    if data.startswith(b"$", start):
        return SAVED, start + 1
    found = _SET.match(data, start)
    if found is None:
        return None
    ranges = []
    for item in found[0].split(b","):
        first, _, last = item.partition(b":")
        ranges.append((_number(first), _number(last or first)))
    if any(end > STAR for pair in ranges for end in pair):
        return None
    return SequenceSet(tuple(ranges)), found.end()


def _number(word: bytes) -> int:
    if word == b"*":
        return STAR
    number = int(word)
    return number if number < STAR else STAR + 1


def compact(numbers: Sequence[int] | Iterable[int]) -> bytes:
    """Write numbers, in the order given, with runs as ranges: ``1:3,7`` (``uid-set`` of RFC 4315)."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return b",".join(b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in runs)
