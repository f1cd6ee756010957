"""SORT and THREAD (RFC 5256): a search whose result is put in order."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from services.imapd import sorting, threading
from services.imapd.commands.search import READ_MESSAGES, find, saving, tell, wants_modseq
from services.imapd.grammar.keys import Sort, Thread, ThreadAlgorithm
from services.imapd.grammar.responses import Reply
from services.imapd.lookups import Keeper, known_columns, known_facts, read
from services.imapd.results import Found
from services.imapd.session import Session
from services.kernel.mailbox.catalog.records import SortFacts
from services.kernel.mailbox.folder import Folder

_ALGORITHMS = {ThreadAlgorithm.REFERENCES: threading.by_references, ThreadAlgorithm.ORDEREDSUBJECT: threading.by_subject}


async def sort(session: Session, request: Sort) -> Reply:
    """SORT and UID SORT, with what RFC 5957 adds; with RETURN as RFC 5267 says (ESORT)."""
    view, search = session.folder.view, request.search
    saving(session, search)
    with_modseq = wants_modseq(session, search.key)
    hits = await find(session, search.key)
    uids = hits.uids
    columns = await _columns(session, uids, sorting.columns_for(request.order))
    ordered = await session.run(sorting.in_order, uids, request.order, view, columns)
    found = Found(view, ordered, search.by_uid, with_modseq=with_modseq)
    if search.returns is None:
        session.write(found.line(b"SORT"))
    else:
        tell(session, found, search.returns)
    return hits.reply


async def thread(session: Session, request: Thread) -> Reply:
    """THREAD and UID THREAD."""
    view = session.folder.view
    wants_modseq(session, request.key)
    hits = await find(session, request.key)
    uids = hits.uids
    facts = await _facts(session, uids)
    number = dict(zip(uids, Found(view, uids, request.by_uid).numbers, strict=True))
    roots = await session.run(_ALGORITHMS[request.algorithm], uids, view, facts)
    threads = await session.run(threading.written, roots, number)
    session.write(b"* THREAD%b%b\r\n" % (b" " if threads else b"", threads))
    return hits.reply


async def _columns(session: Session, uids: Sequence[int], names: Sequence[str]) -> sorting.Columns:
    """What the catalogue knows, and of the other messages what is found in them."""
    selected = session.folder
    columns = await known_columns(selected, uids, names) if names else {}
    for some in _in_batches(uids, next(iter(columns.values()), None)):
        session.connection.check()
        facts = await selected.run(_read_facts, selected.folder, some)
        for name, column in columns.items():
            column.update({uid: getattr(one, name) for uid, one in facts.items()})
    return columns


async def _facts(session: Session, uids: Sequence[int]) -> Mapping[int, SortFacts]:
    selected = session.folder
    facts = await known_facts(selected, uids)
    for some in _in_batches(uids, facts):
        session.connection.check()
        facts |= await selected.run(_read_facts, selected.folder, some)
    return facts


def _in_batches(uids: Sequence[int], known: Mapping[int, object] | None) -> Iterator[Sequence[int]]:
    """Yield the messages that are not known, if any need be, some at a time."""
    unread = [uid for uid in uids if uid not in known] if known is not None else []
    for start in range(0, len(unread), READ_MESSAGES):
        yield unread[start : start + READ_MESSAGES]


def _read_facts(folder: Folder, uids: Sequence[int]) -> dict[int, SortFacts]:
    keeper = Keeper(folder, with_words=False)
    found: dict[int, SortFacts] = {}
    for uid, document in read(folder, uids):
        heading = keeper.take(uid, document)
        found[uid] = SortFacts(*(getattr(heading, name) for name in _NAMES))
    keeper.write()
    return found


_NAMES = [field.name for field in msgspec.structs.fields(SortFacts)]
