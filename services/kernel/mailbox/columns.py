"""Many messages in little memory: a column for each fact, in the order of the UIDs.

A session keeps all messages of its folder, and a folder may have a hundred thousand: an object each would take four times as much.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import compress

import msgspec

from services.kernel.mailbox.records import Message, Status

_FEW = 32
"""Places removed one by one; with more it is cheaper to write each column anew."""


class Columns:
    """Messages by place, from 0. UIDs ascend. Equal sets of flags are one object."""

    def __init__(self) -> None:
        self.uids = array("I")
        self.modseqs = array("Q")
        self.flags: list[frozenset[str]] = []
        self.internaldates = array("q")
        self.sizes = array("Q")
        self.saved = array("q")

    @classmethod
    def of_rows(cls, rows: Sequence[tuple[int, ...]], flags: Mapping[int, frozenset[str]]) -> "Columns":
        """Make columns of rows of the index: UID, modseq, bits, internaldate, size and time of saving, with the flags of each kind of bits."""
        columns = cls()
        if rows:
            uids, modseqs, bits, internaldates, sizes, saved = zip(*rows, strict=True)
            columns.uids.extend(uids)
            columns.modseqs.extend(modseqs)
            columns.flags.extend(flags[one] for one in bits)
            columns.internaldates.extend(internaldates)
            columns.sizes.extend(sizes)
            columns.saved.extend(saved)
        return columns

    def copy(self) -> "Columns":
        """Return columns that change apart from these."""
        copied = Columns()
        copied.uids, copied.modseqs, copied.flags = self.uids[:], self.modseqs[:], self.flags[:]
        copied.internaldates, copied.sizes, copied.saved = self.internaldates[:], self.sizes[:], self.saved[:]
        return copied

    def __len__(self) -> int:
        return len(self.uids)

    def append(self, messages: Iterable[Message]) -> None:
        """Add messages behind the last."""
        for message in messages:
            self.uids.append(message.uid)
            self.modseqs.append(message.modseq)
            self.flags.append(message.flags)
            self.internaldates.append(message.internaldate)
            self.sizes.append(message.size)
            self.saved.append(message.saved)

    def find(self, uid: int) -> int | None:
        """Return the place of a UID."""
        place = bisect_left(self.uids, uid)
        return place if place < len(self.uids) and self.uids[place] == uid else None

    def message(self, place: int) -> Message:
        """Return one message as a record."""
        return Message(self.uids[place], self.modseqs[place], self.flags[place], self.internaldates[place], self.sizes[place], self.saved[place])

    def change(self, place: int, modseq: int, flags: frozenset[str]) -> None:
        """Give a message new flags."""
        self.modseqs[place] = modseq
        self.flags[place] = flags

    def remove(self, places: Collection[int]) -> None:
        """Remove the messages at these places, however many, in time linear in the number of all."""
        columns = (self.uids, self.modseqs, self.internaldates, self.sizes, self.saved)
        if len(places) <= _FEW:
            for place in sorted(places, reverse=True):
                for column in columns:
                    del column[place]
                del self.flags[place]
            return
        kept = bytearray(b"\1") * len(self)
        for place in places:
            kept[place] = 0
        for column in columns:
            column[:] = array(column.typecode, compress(column, kept))
        self.flags[:] = compress(self.flags, kept)


class Snapshot(msgspec.Struct, frozen=True):
    """A folder at one moment: figures, all messages, the keywords in use, and the UIDs expunged after a modseq as in ``Changes``."""

    status: Status
    messages: Columns
    keywords: Sequence[str]
    vanished: Sequence[int] | None
