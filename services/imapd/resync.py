"""What vanished while a client was away (RFC 7162 section 3.2.5): from tombstones where they reach back so far, else from what is not there."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from services.imapd.grammar.requests import Resync
from services.imapd.grammar.sequence import SequenceSet

Span = tuple[int, int]


def vanished(tombstones: Sequence[int] | None, present: Sequence[int], spans: Sequence[Span]) -> list[Span]:
    """Return the UIDs in ``spans`` that are gone, as ranges; ``present`` are those that the client is told of otherwise.

    Without tombstones every UID that is not there counts, as section 3.2.5.1 allows.
    """
    if tombstones is None:
        return [gap for span in spans for gap in _gaps(span, present)]
    return [(uid, uid) for uid in within(tombstones, spans) if not _holds(present, uid)]


def within(uids: Sequence[int], spans: Sequence[Span]) -> Iterator[int]:
    """Return those of ``uids``, ascending, that lie in ``spans``."""
    for first, last in spans:
        yield from uids[bisect_left(uids, first) : bisect_right(uids, last)]


def _holds(uids: Sequence[int], uid: int) -> bool:
    place = bisect_left(uids, uid)
    return place < len(uids) and uids[place] == uid


def _gaps(span: Span, present: Sequence[int]) -> Iterator[Span]:
    """The ranges of a span without the UIDs that are there."""
    first, last = span
    for uid in within(present, (span,)):
        if uid > first:
            yield first, uid - 1
        first = uid + 1
    if first <= last:
        yield first, last


def known_spans(resync: Resync, present: Sequence[int], uidnext: int) -> list[Span]:
    """Return the UIDs that the client may know, as it says or all that were ever given out.

    Up to the last pair of number and UID that still holds nothing can be gone (section 3.2.5.2).
    """
    spans = resync.known.spans(uidnext - 1) if resync.known is not None else SequenceSet(((1, uidnext - 1),)).spans(uidnext - 1)
    clipped = [(first, min(last, uidnext - 1)) for first, last in spans if first < uidnext]
    if resync.pairs is None:
        return clipped
    certain = _certain(*resync.pairs, present)
    return [(max(first, certain + 1), last) for first, last in clipped if last > certain]


def _certain(numbers: SequenceSet, uids: SequenceSet, present: Sequence[int]) -> int:
    """Return the highest UID of the pairs that have the same number as before. Beyond the number of messages none can."""
    pairs = zip(_each(numbers), _each(uids), strict=False)
    held = (uid for number, uid in islice(pairs, len(present)) if number <= len(present) and present[number - 1] == uid)
    return max(held, default=0)


def _each(numbers: SequenceSet) -> Iterator[int]:
    return (number for first, last in numbers.ranges for number in range(first, last + 1))


def form(spans: Iterable[Span]) -> bytes:
    """Write ranges as a ``uid-set``, neighbours joined."""
    joined: list[list[int]] = []
    for first, last in spans:
        if joined and first == joined[-1][1] + 1:
            joined[-1][1] = last
        else:
            joined.append([first, last])
    return b",".join(b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in joined)
