"""FETCH replies that need no bytes of the messages, written a column at a time: clients ask for flags and envelopes of a whole folder."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from services.imapd.grammar.dates import format_date_time
from services.imapd.grammar.requests import Fact, FetchItem
from services.imapd.grammar.responses import flag_list
from services.imapd.modes import Mode
from services.imapd.selected import Selected
from services.kernel.mailbox.columns import Columns

_Column = Callable[[Columns, Sequence[int]], list[bytes]]

_COLUMNS: Mapping[Fact, _Column] = {
    Fact.UID: lambda columns, places: [b"%d" % columns.uids[place] for place in places],
    Fact.SIZE: lambda columns, places: [b"%d" % columns.sizes[place] for place in places],
    Fact.MODSEQ: lambda columns, places: [b"(%d)" % columns.modseqs[place] for place in places],
    Fact.SAVEDATE: lambda columns, places: [format_date_time(columns.saved[place]) for place in places],
    Fact.THREADID: lambda _columns, places: [b"NIL"] * len(places),  # RFC 8474 section 5.2: for a server without threads
    Fact.INTERNALDATE: lambda columns, places: [format_date_time(columns.internaldates[place]) for place in places],
}


def lines(
    selected: Selected,
    modes: set[Mode],
    items: Sequence[FetchItem],
    places: Sequence[int],
    made: Mapping[FetchItem, Sequence[bytes]] = MappingProxyType({}),
) -> bytes:
    """Write one reply for each place in the view's columns, places ascending; ``made`` has a column for each item that the view does not know."""
    columns = selected.view.columns
    values = [made[item] if item in made else _known(selected, modes, item, places) for item in items]
    is_uid_only = Mode.UIDONLY in modes
    numbers = [columns.uids[place] for place in places] if is_uid_only else [place + 1 for place in places]
    told = b" ".join(label(item).replace(b"%", b"%%") + b" %b" for item in items)
    form = b"* %%d %b (%b)\r\n" % (b"UIDFETCH" if is_uid_only else b"FETCH", told)
    return b"".join([form % row for row in zip(numbers, *values, strict=True)])


def label(item: FetchItem) -> bytes:
    """Write what a reply calls an item."""
    return item.encode() if isinstance(item, Fact) else item.label


def value(selected: Selected, modes: set[Mode], fact: Fact, uid: int) -> bytes:
    """Write one fact of one message that the view knows."""
    return _known(selected, modes, fact, (selected.view.number(uid) - 1,))[0]


def _known(selected: Selected, modes: set[Mode], fact: FetchItem, places: Sequence[int]) -> list[bytes]:
    assert isinstance(fact, Fact), fact
    return _flags(selected, modes, places) if fact is Fact.FLAGS else _COLUMNS[fact](selected.view.columns, places)


def _flags(selected: Selected, modes: set[Mode], places: Sequence[int]) -> list[bytes]:
    view = selected.view
    flags, uids = view.columns.flags, view.columns.uids
    kinds = [flags[place] for place in places]
    forms = {kind: flag_list(kind) for kind in set(kinds)}
    told = [forms[kind] for kind in kinds]
    recent = set(view.recent_between(uids[places[0]], uids[places[-1]])) if places and Mode.IMAP4REV2 not in modes else ()
    if recent:
        return [flag_list(kind | {"\\Recent"}) if uids[place] in recent else form for place, kind, form in zip(places, kinds, told, strict=True)]
    return told
