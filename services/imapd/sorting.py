"""The order of messages (RFC 5256 sections 2.2 and 3, RFC 5957)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.imapd.grammar.keys import SortKey, SortOrder
from services.imapd.view import View
from services.kernel.mailbox.catalog.records import SortFacts

Columns = Mapping[str, Mapping[int, Any]]
"""Fields of ``SortFacts`` by name, each by UID."""
_NAMES: Mapping[SortKey, str] = {
    SortKey.DATE: "sent",
    SortKey.SUBJECT: "base",
    SortKey.FROM: "from_mailbox",
    SortKey.TO: "to_mailbox",
    SortKey.CC: "cc_mailbox",
    SortKey.DISPLAYFROM: "display_from",
    SortKey.DISPLAYTO: "display_to",
}
NOTHING = SortFacts(None, "", False, "", "", "", "", "", bytes(8))
"""Of a message that is gone by now."""


def columns_for(order: Sequence[SortOrder]) -> list[str]:
    """What must be known besides the view, as names of fields of ``SortFacts``."""
    return sorted({_NAMES[one.key] for one in order if one.key in _NAMES})


def in_order(uids: Sequence[int], order: Sequence[SortOrder], view: View, columns: Columns) -> list[int]:
    """Return messages in an order. Those that are equal in it stay as they are: in mailbox order, when that is how they come."""
    found = list(uids)
    for one in reversed(order):
        found.sort(key=_value(one.key, view, columns), reverse=one.is_reverse)
    return found


def _value(key: SortKey, view: View, columns: Columns) -> Callable[[int], int | str]:
    if key is SortKey.ARRIVAL:
        return dict(zip(view.uids, view.columns.internaldates, strict=True)).__getitem__
    if key is SortKey.SIZE:
        return dict(zip(view.uids, view.columns.sizes, strict=True)).__getitem__
    column = columns[_NAMES[key]]
    if key is SortKey.DATE:
        return sent_dates(view, column).__getitem__
    return lambda uid: column.get(uid, "")


def sent_dates(view: View, sent: Mapping[int, int | None]) -> dict[int, int]:
    """When each message was sent: by its Date field, or when it came in for want of one that makes sense (RFC 5256 section 2.2)."""
    arrived = zip(view.uids, view.columns.internaldates, strict=True)
    return {uid: date if (when := sent.get(uid)) is None else when for uid, date in arrived}
