"""Sections that need no more than the header of a message, read for many at once: clients ask for a few fields of all that is new."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.imapd import sections
from services.imapd.grammar.requests import BinaryItem, BodyItem
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.served import read_head

MOST_BYTES = 1 << 20
"""Of what is read in one go: one header may be as long as a message."""


class Read(NamedTuple):
    """The values of each message that is there, by UID, of the first ``asked`` UIDs."""

    asked: int
    values: Mapping[int, Sequence[bytes]]


def of(items: Sequence[BodyItem | BinaryItem]) -> Sequence[BodyItem]:
    """Return the items, if all of them can be read so: none is of a body, and none marks a message as seen."""
    found = [item for item in items if isinstance(item, BodyItem) and item.is_peek and sections.needs_header_only(item.section)]
    return found if len(found) == len(items) else ()


def read(folder: Folder, uids: Sequence[int], items: Sequence[BodyItem]) -> Read:
    """Read headers of messages, UIDs ascending, at least of the first. Blocks."""
    values: dict[int, Sequence[bytes]] = {}
    size = 0
    for uid, head in folder.read(uids, read_head):
        values[uid] = [_literal(sections.extract(head, None, item)) for item in items]
        size += len(head)
        if size > MOST_BYTES:
            return Read(bisect_right(uids, uid), values)
    return Read(len(uids), values)


def _literal(span: sections.Span | None) -> bytes:
    assert span is not None, "a message has a header"
    return b"{%d}\r\n%b" % (span.size, span.content[span.start : span.end])
