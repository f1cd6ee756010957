"""A compact index: from a key to the places in a text where it may stand.

Tables of a million entries are kept as the bytes of their file and eight bytes an entry, the key's hash and its place; as a dictionary
of strings they would need ten times as much. Who asks reads the key at each place, as two keys may have one hash.
"""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby

MAX_BYTES = 1 << 32
"""A place has 32 bits."""
_BYTES_A_BUCKET = 1 << 16
"""Some thousand entries, sorted in about a millisecond: no sort holds up the other threads of the process."""
_TAG = 0xFFFFFFFF


class PlaceIndex:
    """``add`` keys in the order of their places, ``seal``, then ask."""

    def __init__(self, text_bytes: int) -> None:
        self._mask = (1 << max(0, (text_bytes // _BYTES_A_BUCKET).bit_length())) - 1
        self._buckets = [array("Q") for _ in range(self._mask + 1)]

    def add(self, key: Hashable, place: int) -> None:
        """Note that ``key`` stands at ``place``."""
        number = hash(key)
        self._buckets[number >> 32 & self._mask].append((number & _TAG) << 32 | place)

    def seal(self) -> None:
        """Make ready for questions."""
        for number, bucket in enumerate(self._buckets):
            self._buckets[number] = array("Q", sorted(bucket))

    def places(self, key: Hashable) -> Sequence[int]:
        """The places where ``key`` may stand, first to last."""
        number = hash(key)
        bucket = self._buckets[number >> 32 & self._mask]
        tag = (number & _TAG) << 32
        start = end = bisect_left(bucket, tag)
        while end < len(bucket) and bucket[end] & ~_TAG == tag:
            end += 1
        return [entry & _TAG for entry in bucket[start:end]] if end > start else ()

    def all_places(self) -> Iterator[int]:
        """Every place, in no order."""
        return (entry & _TAG for bucket in self._buckets for entry in bucket)

    def crowds(self) -> Iterator[list[int]]:
        """The places, first to last, of each group of keys that may be equal."""
        for bucket in self._buckets:
            for _, entries in groupby(bucket, lambda entry: entry >> 32):
                places = [entry & _TAG for entry in entries]
                if len(places) > 1:
                    yield places


class LineNumbers:
    """From a place in a text to the number of its line."""

    _STEP = 4096

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._counts = array("I", [1])
        for start in range(0, len(data), self._STEP):
            self._counts.append(self._counts[-1] + data.count(b"\n", start, start + self._STEP))

    def at(self, place: int) -> int:
        """The line, from 1."""
        step = place // self._STEP
        return self._counts[step] + self._data.count(b"\n", step * self._STEP, place)
