"""FETCH: facts from the view, make-up from the store's cache, bytes from the files, in batches and without waiting for the whole."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.imapd import announcing, facts, resync, rows, sections, trouble
from services.imapd.facts import Decoded, Facts, Loaded
from services.imapd.grammar.paging import on_page
from services.imapd.grammar.requests import BinaryItem, BodyItem, Fact, Fetch, FetchItem, Section
from services.imapd.grammar.responses import Reply, bad, ok
from services.imapd.modes import Mode
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
    Fact.EMAILID: lambda made: made.email_id,
    Fact.PREVIEW: lambda made: made.preview,
}
_SEEN = FlagChange(FlagWord.ADD, frozenset({"\\Seen"}))


async def fetch(session: Session, request: Fetch) -> Reply:
    """FETCH and UID FETCH (RFC 3501 section 6.4.5, RFC 7162 sections 3.1.4 and 3.2.6)."""
    selected = session.folder
    if request.wants_vanished and Mode.QRESYNC not in session.modes:
        return bad("ENABLE QRESYNC first")
    if Fact.MODSEQ in request.items:
        session.enable(Mode.CONDSTORE)
    places = [place for run in selected.view.places(request.messages, by_uid=request.by_uid) for place in run]
    if request.changed_since is not None:
        modseqs = selected.view.columns.modseqs
        places = [place for place in places if modseqs[place] > request.changed_since]
    if request.page is not None:
        places = list(on_page(places, request.page))
    if request.wants_vanished:
        await _tell_vanished(session, request)
    plan = _Plan(request, has_numbers=Mode.UIDONLY not in session.modes)
    if not plan.needs_load:
        await _tell_known(session, plan, places)
        return ok("Done")
    uids = selected.view.columns.uids
    return await _tell_loaded(session, plan, [uids[place] for place in places])


async def _tell_vanished(session: Session, request: Fetch) -> None:
    """What vanished of the set since then, but for what the client is told anyway at the end."""
    selected = session.folder
    assert request.changed_since is not None
    tombstones, uidnext = await selected.run(selected.folder.vanished, request.changed_since)
    known = selected.view.uids
    largest = known[-1] if known else uidnext - 1
    asked = [(uid, uid) for uid in selected.view.saved] if request.messages.is_saved else request.messages.spans(largest)
    spans = [(first, min(last, uidnext - 1)) for first, last in asked]
    # without tombstones all that is not there counts as gone: what has come and is not told yet is there
    present = known if tombstones is not None else sorted({*known, *await selected.run(selected.folder.uids)})
    if gone := resync.vanished(tombstones, present, spans):
        session.write(b"* VANISHED (EARLIER) %b\r\n" % resync.form(gone))


async def _tell_loaded(session: Session, plan: "_Plan", uids: Sequence[int]) -> Reply:
    selected = session.folder
    is_whole = True
    for batch in _batches(selected, uids):
        told = await _mark_seen(selected, batch) if plan.marks_seen and selected.is_writable else frozenset[int]()
        loaded = await selected.run(plan.load, selected.folder, batch)
        is_whole = is_whole and len(loaded) == len(batch)
        for uid, message in loaded.items():
            await _tell(session, plan, _Message(session, uid, message), with_flags=uid in told)
    return ok("Done") if is_whole else trouble.EXPUNGED


class _Plan:
    """What a FETCH needs. Without numbers in use the UID need not be told beside (RFC 9586)."""

    def __init__(self, request: Fetch, *, has_numbers: bool) -> None:
        adds_uid = request.by_uid and has_numbers and Fact.UID not in request.items
        self.items: tuple[FetchItem, ...] = (Fact.UID, *request.items) if adds_uid else request.items
        bodies = [item for item in self.items if isinstance(item, BinaryItem | BodyItem)]
        self.binaries = frozenset(item.section for item in bodies if isinstance(item, BinaryItem))
        self.marks_seen = any(not item.is_peek for item in bodies)
        self.wants_content = bool(bodies)
        self.wants_facts = any(item in _MADE_UP for item in self.items) or any(sections.needs_parts(item.section) for item in bodies)

    def tells_flags(self, session: Session) -> bool:
        """Whether the client hears all that is news of the flags: their modseq too, if it keeps those."""
        return Fact.FLAGS in self.items and (Fact.MODSEQ in self.items or Mode.CONDSTORE not in session.modes)

    @property
    def needs_load(self) -> bool:
        """Whether the view does not know it all."""
        return self.wants_content or self.wants_facts

    def load(self, folder: Folder, uids: Sequence[int]) -> dict[int, Loaded]:
        """Read what is needed. Blocks."""
        loaded = facts.load(folder, uids, wants_content=self.wants_content, wants_facts=self.wants_facts)
        return {uid: self._decoded(message) for uid, message in loaded.items()} if self.binaries else loaded

    def _decoded(self, message: Loaded) -> Loaded:
        """Each section once, however many pieces of it are asked for."""
        return message._replace(decoded={section: _decoded(message, section) for section in self.binaries})


def _decoded(message: Loaded, section: Section) -> Decoded:
    span = sections.decode(message.content, message.facts.part if message.facts is not None else None, section)
    return Decoded(span, span is not None and span.content.find(b"\0", span.start, span.end) >= 0)


def _batches(selected: Selected, uids: Sequence[int]) -> Iterator[Sequence[int]]:
    batch: list[int] = []
    size = 0
    view = selected.view
    for uid in uids:
        more = view.columns.sizes[view.number(uid) - 1]
        if batch and (size + more > BATCH_BYTES or len(batch) >= BATCH_MESSAGES):
            yield batch
            batch, size = [], 0
        batch.append(uid)
        size += more
    if batch:
        yield batch


async def _mark_seen(selected: Selected, uids: Sequence[int]) -> frozenset[int]:
    """Set ``\\Seen`` as fetching a body does; return the UIDs whose flags the client must hear for that."""
    view = selected.view
    unseen = [uid for uid in uids if "\\Seen" not in view.columns.flags[view.number(uid) - 1]]
    if not unseen:
        return frozenset()
    stored = await selected.run(selected.folder.store_flags, unseen, _SEEN)
    selected.view.refresh(stored.messages)
    return frozenset(message.uid for message in stored.messages)


async def _tell_known(session: Session, plan: _Plan, places: Sequence[int]) -> None:
    """Write the replies that need nothing but the view: many at once, since clients ask this for the whole folder."""
    view = session.folder.view
    facts_wanted = [item for item in plan.items if isinstance(item, Fact)]
    for start in range(0, len(places), TURN_MESSAGES):
        turn = places[start : start + TURN_MESSAGES]
        session.write(rows.lines(session.folder, session.modes, facts_wanted, turn))
        if plan.tells_flags(session):
            view.mark_told(view.columns.uids[place] for place in turn)
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
        if isinstance(item, BinaryItem):
            found = self.loaded.decoded[item.section].span
            return (b"%d" % (found.size if found else 0)) if item.is_size else found.cut(item.partial) if found else b"NIL"
        if item in _MADE_UP:
            assert self.loaded.facts is not None
            return _MADE_UP[item](self.loaded.facts)
        return rows.value(self.session.folder, self.session.modes, item, self.uid)

    def has_nul(self, item: FetchItem) -> bool:
        """Whether what an item takes a piece of is decoded and holds NUL."""
        return isinstance(item, BinaryItem) and self.loaded.decoded[item.section].has_nul


async def _tell(session: Session, plan: _Plan, message: _Message, *, with_flags: bool) -> None:
    """Write one FETCH reply."""
    view = session.folder.view
    items = tuple(dict.fromkeys((*plan.items, *_flag_items(session)))) if with_flags else plan.items
    values = [(_label(item), message.value(item)) for item in items]  # before a word is written, should one of them fail
    session.write(announcing.fetch_head(session.folder, session.modes, message.uid))
    for place, (label, value) in enumerate(values):
        session.write(b" %b " % label if place else label + b" ")
        if isinstance(value, bytes):
            session.write(value)
        else:
            await _send(session, value, is_octets=message.has_nul(items[place]))
    session.write(b")\r\n")
    if with_flags or plan.tells_flags(session):
        view.mark_told((message.uid,))
    if session.wants_flush:
        await session.flush()


def _flag_items(session: Session) -> Sequence[Fact]:
    return (Fact.FLAGS, Fact.MODSEQ) if Mode.CONDSTORE in session.modes else (Fact.FLAGS,)


def _label(item: FetchItem) -> bytes:
    return item.encode() if isinstance(item, Fact) else item.label


async def _send(session: Session, span: Span, *, is_octets: bool) -> None:
    """Write a literal, ``literal8`` for what no other can hold (RFC 3516 section 4.2).

    Large ones go out piece by piece, read in a thread: pages of a mapped file come from the disk.
    """
    session.write(b"%b{%d}\r\n" % (b"~" if is_octets else b"", span.size))
    if span.size <= CHUNK_BYTES:
        session.write(span.content[span.start : span.end])
        return
    for start in range(span.start, span.end, CHUNK_BYTES):
        session.write(await session.house.store.run(_cut, span, start))
        await session.flush()


def _cut(span: Span, start: int) -> bytes:
    return span.content[start : min(start + CHUNK_BYTES, span.end)]
