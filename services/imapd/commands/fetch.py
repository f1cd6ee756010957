"""FETCH: facts from the view, make-up from the store's cache, headers and bodies from the files, in batches and without waiting for the whole."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from services.imapd import announcing, facts, heads, resync, rows, sections, trouble
from services.imapd.facts import Decoded, Loaded
from services.imapd.grammar.paging import on_page
from services.imapd.grammar.requests import BinaryItem, BodyItem, Fact, Fetch, FetchItem, Section
from services.imapd.grammar.responses import Reply, bad, ok
from services.imapd.modes import Mode
from services.imapd.sections import Span
from services.imapd.selected import Selected
from services.imapd.session import Session
from services.kernel.mailbox.acl import Right
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import FlagChange, FlagWord

BATCH_BYTES = 1 << 20
"""Of messages read at a time; a larger one is read alone, and mapped."""
BATCH_MESSAGES = 200
"""Messages read at a time: some 10 ms in a thread of the store, then others have their turn."""
TURN_MESSAGES = 2_000
"""Messages told from the view in one turn of the event loop: some 5 ms."""
FACTS_MESSAGES = 1_000
"""Messages told from the view and kept facts in one turn: some 400 KiB, and 5 ms in a thread of the store."""
CHUNK_BYTES = 256 * 1024
"""Of a large message sent at a time."""

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
    if Fact.FLAGS in plan.items:
        session.announce(selected.view.announce_flags())
    if not plan.wants_content or plan.heads:
        return await _tell_rows(session, plan, places)
    return await _tell_loaded(session, plan, places)


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


async def _tell_loaded(session: Session, plan: "_Plan", places: Sequence[int]) -> Reply:
    selected = session.folder
    tells_flags = plan.tells_flags(session)
    is_whole = True
    for batch in _batches(selected, places):
        uids = [selected.view.uids[place] for place in batch]
        seen = await _mark_seen(selected, batch) if plan.marks_seen and selected.may(Right.SEEN) else frozenset[int]()
        if seen:
            session.announce(selected.view.announce_flags())
        loaded = await selected.run(plan.load, selected.folder, uids)
        is_whole = is_whole and len(loaded) == len(batch)
        for uid, message in loaded.items():
            await _tell(session, plan, _Message(session, uid, message), with_flags=uid in seen)
        selected.view.mark_told(uid for uid in loaded if tells_flags or uid in seen)
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
        self.heads = heads.of(bodies)
        self.told = [item for item in self.items if isinstance(item, Fact) and item in facts.TOLD]
        self.wants_facts = bool(self.told) or any(sections.needs_parts(item.section) for item in bodies)

    @property
    def turn_messages(self) -> int:
        """Messages told from the view, and from what is kept or read in one go, in one turn."""
        if self.heads:
            return BATCH_MESSAGES
        return FACTS_MESSAGES if self.wants_facts else TURN_MESSAGES

    def tells_flags(self, session: Session) -> bool:
        """Whether the client hears all that is news of the flags: their modseq too, if it keeps those."""
        return Fact.FLAGS in self.items and (Fact.MODSEQ in self.items or Mode.CONDSTORE not in session.modes)

    def load(self, folder: Folder, uids: Sequence[int]) -> dict[int, Loaded]:
        """Read what is needed. Blocks."""
        loaded = facts.load(folder, uids, wants_facts=self.wants_facts)
        return {uid: self._decoded(message) for uid, message in loaded.items()} if self.binaries else loaded

    def _decoded(self, message: Loaded) -> Loaded:
        """Each section once, however many pieces of it are asked for."""
        return message._replace(decoded={section: _decoded(message, section) for section in self.binaries})


def _decoded(message: Loaded, section: Section) -> Decoded:
    span = sections.decode(message.content, message.part, section)
    return Decoded(span, span is not None and span.content.find(b"\0", span.start, span.end) >= 0)


def _batches(selected: Selected, places: Sequence[int]) -> Iterator[Sequence[int]]:
    """Part places so that what is read at a time is bounded."""
    batch: list[int] = []
    size = 0
    sizes = selected.view.columns.sizes
    for place in places:
        if batch and (size + sizes[place] > BATCH_BYTES or len(batch) >= BATCH_MESSAGES):
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += sizes[place]
    if batch:
        yield batch


async def _mark_seen(selected: Selected, places: Sequence[int]) -> frozenset[int]:
    """Set ``\\Seen`` as fetching a body does; return the UIDs whose flags the client must hear for that."""
    columns = selected.view.columns
    unseen = [columns.uids[place] for place in places if "\\Seen" not in columns.flags[place]]
    if not unseen:
        return frozenset()
    stored = await selected.run(selected.folder.store_flags, unseen, _SEEN)
    selected.view.refresh(stored.messages)
    return frozenset(message.uid for message in stored.messages)


async def _tell_rows(session: Session, plan: _Plan, places: Sequence[int]) -> Reply:
    """Write the replies that need no more than headers of the messages: many at once, since clients ask this for the whole folder."""
    view, tells_flags = session.folder.view, plan.tells_flags(session)
    step = plan.turn_messages
    is_whole = True
    start = 0
    while start < len(places):
        turn = places[start : start + step]
        row = await _rows(session.folder, plan, turn)
        start += row.asked
        is_whole = is_whole and len(row.places) == row.asked
        session.write(rows.lines(session.folder, session.modes, plan.items, row.places, row.made))
        if tells_flags:
            view.mark_told(view.uids[place] for place in row.places)
        if session.wants_flush:
            await session.flush()
        await asyncio.sleep(0)
    return ok("Done") if is_whole else trouble.EXPUNGED


class _Rows(NamedTuple):
    """Places of messages that are there, of the first ``asked`` of a turn, with columns of what the view does not know."""

    asked: int
    places: Sequence[int]
    made: Mapping[FetchItem, Sequence[bytes]]


async def _rows(selected: Selected, plan: _Plan, turn: Sequence[int]) -> _Rows:
    uids = selected.view.uids
    read = heads.Read(len(turn), {})
    there = turn
    if plan.heads:
        read = await selected.run(heads.read, selected.folder, [uids[place] for place in turn], plan.heads)
        there = [place for place in turn[: read.asked] if uids[place] in read.values]
    made: dict[FetchItem, Sequence[bytes]] = {}
    if plan.wants_facts:
        found = await _told(selected, there, plan.told)
        there = [place for place in there if uids[place] in found]
        made |= {item: [found[uids[place]][number] for place in there] for number, item in enumerate(plan.told)}
    made |= {item: [read.values[uids[place]][number] for place in there] for number, item in enumerate(plan.heads)}
    return _Rows(read.asked, there, made)


async def _told(selected: Selected, places: Sequence[int], items: Sequence[Fact]) -> dict[int, Sequence[bytes]]:
    """Facts of messages by UID, as kept or worked out now; messages that are gone are missing."""
    uids, taken = selected.view.uids, partial(facts.told, items)
    known = await selected.run(facts.kept, selected.folder, [uids[place] for place in places], taken)
    for batch in _batches(selected, [place for place in places if uids[place] not in known]):
        fresh = await selected.run(facts.read, selected.folder, [uids[place] for place in batch])
        known |= {uid: taken(one) for uid, one in fresh.items()}
    return known


class _Message(NamedTuple):
    """A message that is being told."""

    session: Session
    uid: int
    loaded: Loaded

    def value(self, item: FetchItem) -> bytes | Span:
        """What an item is for this message."""
        if isinstance(item, BodyItem):
            return sections.extract(self.loaded.content, self.loaded.part, item) or b"NIL"
        if isinstance(item, BinaryItem):
            found = self.loaded.decoded[item.section].span
            return (b"%d" % (found.size if found else 0)) if item.is_size else found.cut(item.partial) if found else b"NIL"
        if item in facts.TOLD:
            assert self.loaded.facts is not None
            return facts.TOLD[item](self.loaded.facts)
        return rows.value(self.session.folder, self.session.modes, item, self.uid)

    def has_nul(self, item: FetchItem) -> bool:
        """Whether what an item takes a piece of is decoded and holds NUL."""
        return isinstance(item, BinaryItem) and self.loaded.decoded[item.section].has_nul


async def _tell(session: Session, plan: _Plan, message: _Message, *, with_flags: bool) -> None:
    """Write one FETCH reply."""
    items = tuple(dict.fromkeys((*plan.items, *_flag_items(session)))) if with_flags else plan.items
    values = [message.value(item) for item in items]  # before a word is written, should one of them fail
    separator = announcing.fetch_head(session.folder, session.modes, message.uid)
    for item, value in zip(items, values, strict=True):
        if isinstance(value, bytes):
            session.write(separator, rows.label(item), b" ", value)
        else:
            literal = b" %b{%d}\r\n" % (b"~" if message.has_nul(item) else b"", value.size)  # RFC 3516: no other literal can hold NUL
            session.write(separator, rows.label(item), literal)
            await _send(session, value)
        separator = b" "
    session.write(b")\r\n")
    if session.wants_flush:
        await session.flush()


def _flag_items(session: Session) -> Sequence[Fact]:
    return (Fact.FLAGS, Fact.MODSEQ) if Mode.CONDSTORE in session.modes else (Fact.FLAGS,)


async def _send(session: Session, span: Span) -> None:
    """Write bytes of a message; many go out piece by piece, read in a thread: pages of a mapped file come from the disk."""
    if span.size <= CHUNK_BYTES:
        session.write(span.content[span.start : span.end])
        return
    for start in range(span.start, span.end, CHUNK_BYTES):
        session.write(await session.run(_cut, span, start))
        await session.flush()


def _cut(span: Span, start: int) -> bytes:
    return span.content[start : min(start + CHUNK_BYTES, span.end)]
