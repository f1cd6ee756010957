"""What vanished, told from tombstones or from what is not there."""

import pytest

from services.imapd import resync
from services.imapd.grammar.requests import Resync
from services.imapd.grammar.sequence import SequenceSet


@pytest.mark.parametrize(
    ("tombstones", "present", "spans", "expected"),
    [
        ([2, 3, 9], [1, 4], [(1, 5)], b"2:3"),
        ([2, 3], [3], [(1, 9)], b"2"),  # still known to the client, which will be told
        (None, [1, 4, 7], [(1, 9)], b"2:3,5:6,8:9"),
        (None, [1, 4, 7], [(4, 4), (6, 7)], b"6"),
        (None, [], [(1, 4294967294)], b"1:4294967294"),
        ([], [1], [(1, 9)], b""),
    ],
)
def test_vanished_are(tombstones: list[int] | None, present: list[int], spans: list[resync.Span], expected: bytes) -> None:
    assert resync.form(resync.vanished(tombstones, present, spans)) == expected


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ((((1, 3),), ((10, 12),)), [(13, 19)]),
        ((((1, 4),), ((10, 13),)), [(13, 19)]),
        ((((2, 2),), ((12, 12),)), [(1, 19)]),
        ((((4, 4294967295),), ((1, 4294967292),)), [(1, 19)]),
    ],
)
def test_pairs_that_still_hold_are_certain(pairs: tuple[tuple[tuple[int, int], ...], ...], expected: list[resync.Span]) -> None:
    known = Resync(1, 1, None, (SequenceSet(pairs[0]), SequenceSet(pairs[1])))
    assert resync.known_spans(known, [10, 11, 12, 15], 20) == expected
