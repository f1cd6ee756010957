"""FETCH: facts from the view, make-up from the store's cache, bytes from the files, in batches and without waiting for the whole."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.imapd import facts, sections, trouble
from services.imapd.facts import Facts, Loaded
from services.imapd.grammar.dates import format_date_time
from services.imapd.grammar.requests import BodyItem, Fact, Fetch, FetchItem
from services.imapd.grammar.responses import Reply, ok
from services.imapd.sections import Span
from services.imapd.selected import Selected
from services.imapd.session import Session
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import FlagChange, FlagWord

BATCH_BYTES = 1 << 20
"""Of messages read at a time; a larger one is read alone, and mapped."""
BATCH_MESSAGES = 200
"""Messages read at a time: some 10 ms in a thread of the store, then others have their turn."""
TURN_MESSAGES = 2_000
"""Messages told from the view in one turn of the event loop: some 5 ms."""
CHUNK_BYTES = 256 * 1024
"""Of a large message sent at a time."""

_MADE_UP: Mapping[Fact, Callable[[Facts], bytes]] = {
    Fact.ENVELOPE: lambda made: made.envelope,
    Fact.BODY: lambda made: made.body,
    Fact.BODYSTRUCTURE: lambda made: made.bodystructure,
}
_KNOWN: Mapping[Fact, Callable[[Session, int], bytes]] = {
    Fact.UID: lambda _session, uid: b"%d" % uid,
    Fact.FLAGS: lambda session, uid: session.shown_flags(uid),
    Fact.INTERNALDATE: lambda session, uid: format_date_time(session.folder.view.message(uid).internaldate),
    Fact.SIZE: lambda session, uid: b"%d" % session.folder.view.message(uid).size,
}
_SEEN = FlagChange(FlagWord.ADD, frozenset({"\\Seen"}))


async def fetch(session: Session, request: Fetch) -> Reply:
    """FETCH and UID FETCH (RFC 3501 section 6.4.5)."""
    selected = session.folder
    uids = selected.view.resolve(request.messages, by_uid=request.by_uid)
    plan = _Plan(request)
    if not plan.needs_load:
        await _tell_known(session, plan, uids)
        return ok("Done")
    is_whole = True
    for batch in _batches(selected, uids):
        told = await _mark_seen(selected, batch) if plan.marks_seen and selected.is_writable else frozenset[int]()
        loaded = await selected.run(plan.load, selected.folder, batch)
        is_whole = is_whole and len(loaded) == len(batch)
        for uid, message in loaded.items():
            await _tell(session, plan, _Message(session, uid, message), with_flags=uid in told)
    return ok("Done") if is_whole else trouble.EXPUNGED


class _Plan:
    """What a FETCH needs."""

    def __init__(self, request: Fetch) -> None:
        has_uid = Fact.UID in request.items
        self.items: tuple[FetchItem, ...] = request.items if has_uid or not request.by_uid else (Fact.UID, *request.items)
        bodies = [item for item in self.items if isinstance(item, BodyItem)]
        self.marks_seen = any(not item.is_peek for item in bodies)
        self.wants_content = bool(bodies)
        self.wants_facts = any(item in _MADE_UP for item in self.items) or any(sections.needs_parts(item.section) for item in bodies)
        self.tells_flags = Fact.FLAGS in self.items

    @property
    def needs_load(self) -> bool:
        """Whether the view does not know it all."""
        return self.wants_content or self.wants_facts

    def load(self, folder: Folder, uids: Sequence[int]) -> dict[int, Loaded]:
        """Read what is needed. Blocks."""
        return facts.load(folder, uids, wants_content=self.wants_content, wants_facts=self.wants_facts)


def _batches(selected: Selected, uids: Sequence[int]) -> Iterator[Sequence[int]]:
    batch: list[int] = []
    size = 0
    for uid in uids:
        more = selected.view.message(uid).size
        if batch and (size + more > BATCH_BYTES or len(batch) >= BATCH_MESSAGES):
            yield batch
            batch, size = [], 0
        batch.append(uid)
        size += more
    if batch:
        yield batch


async def _mark_seen(selected: Selected, uids: Sequence[int]) -> frozenset[int]:
    """Set ``\\Seen`` as fetching a body does; return the UIDs whose flags the client must hear for that."""
    unseen = [uid for uid in uids if "\\Seen" not in selected.view.message(uid).flags]
    if not unseen:
        return frozenset()
    stored = await selected.run(selected.folder.store_flags, unseen, _SEEN)
    selected.view.refresh(stored.messages)
    return frozenset(message.uid for message in stored.messages)


async def _tell_known(session: Session, plan: _Plan, uids: Sequence[int]) -> None:
    """Write the replies that need nothing but the view: many at once, since clients ask this for the whole folder."""
    view = session.folder.view
    labels = [(item.encode(), _KNOWN[item]) for item in plan.items if isinstance(item, Fact)]
    for start in range(0, len(uids), TURN_MESSAGES):
        turn = uids[start : start + TURN_MESSAGES]
        for uid in turn:
            told = b" ".join([b"%b %b" % (label, value(session, uid)) for label, value in labels])
            session.write(b"* %d FETCH (%b)\r\n" % (view.number(uid), told))
        if plan.tells_flags:
            view.mark_told(turn)
        if session.wants_flush:
            await session.flush()
        await asyncio.sleep(0)


class _Message(NamedTuple):
    """A message that is being told."""

    session: Session
    uid: int
    loaded: Loaded

    def value(self, item: FetchItem) -> bytes | Span:
        """What an item is for this message."""
        if isinstance(item, BodyItem):
            root = self.loaded.facts.part if self.loaded.facts is not None else None
            return sections.extract(self.loaded.content, root, item) or b"NIL"
        if item in _MADE_UP:
            assert self.loaded.facts is not None
            return _MADE_UP[item](self.loaded.facts)
        return _KNOWN[item](self.session, self.uid)


async def _tell(session: Session, plan: _Plan, message: _Message, *, with_flags: bool) -> None:
    """Write one FETCH reply."""
    view = session.folder.view
    items = (*plan.items, Fact.FLAGS) if with_flags and not plan.tells_flags else plan.items
    values = [(_label(item), message.value(item)) for item in items]  # before a word is written, should one of them fail
    session.write(b"* %d FETCH (" % view.number(message.uid))
    for place, (label, value) in enumerate(values):
        session.write(b" %b " % label if place else label + b" ")
        if isinstance(value, bytes):
            session.write(value)
        else:
            await _send(session, value)
    session.write(b")\r\n")
    if Fact.FLAGS in items:
        view.mark_told((message.uid,))
    if session.wants_flush:
        await session.flush()


def _label(item: FetchItem) -> bytes:
    return item.label if isinstance(item, BodyItem) else item.encode()


async def _send(session: Session, span: Span) -> None:
    """Write a literal. Large ones go out piece by piece, read in a thread: pages of a mapped file come from the disk."""
    session.write(b"{%d}\r\n" % span.size)
    if span.size <= CHUNK_BYTES:
        session.write(span.content[span.start : span.end])
        return
    for start in range(span.start, span.end, CHUNK_BYTES):
        session.write(await session.house.store.run(_cut, span, start))
        await session.flush()


def _cut(span: Span, start: int) -> bytes:
    return span.content[start : min(start + CHUNK_BYTES, span.end)]
