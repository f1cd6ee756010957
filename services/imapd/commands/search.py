"""SEARCH: what the view can answer at once, what must be read in batches in the store's threads."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from services.imapd import trouble
from services.imapd.grammar.keys import Result, Returns, Search, SearchKey, leaves
from services.imapd.grammar.responses import Reply, bad, ok
from services.imapd.lookups import Keeper, look_up, needs_words, read
from services.imapd.modes import Mode
from services.imapd.results import Found, esearch, saved
from services.imapd.searching import Evidence, Uids, asks_modseq, judge
from services.imapd.session import Session
from services.kernel.mailbox.folder import Folder

TURN_MESSAGES = 5_000
"""Messages asked about in one turn of the event loop, divided by the keys that are asked: some milliseconds."""
LEAST_TURN_MESSAGES = 50
LOOKUP_MESSAGES = 200_000
"""Messages that the catalogue is asked about in one go, divided by the keys: some 20 MB of answers at most, and no more questions than needed."""
LEAST_LOOKUP_MESSAGES = 2_000
READ_MESSAGES = 20
"""Messages read in one go in a thread, some 10 ms, so that others have their turn."""
KEEP_MESSAGES = 300
"""Messages whose words are kept by a search that had to read them, so that the next one finds them: that takes five times as long as to look for
something in them, for so many half a second. Those of a folder that has just been moved in are left to ``filler``."""

_CHARSET_IS_SET = bad("Charset is UTF-8 already")
"""RFC 6855 section 3, RFC 9755 section 3: what is UTF-8 in this session cannot be in another charset."""
_REV2 = Returns(frozenset({Result.ALL}))
"""What IMAP4rev2 tells when nothing is asked for (RFC 9051 section 6.4.4)."""


async def search(session: Session, request: Search) -> Reply:
    """SEARCH and UID SEARCH (RFC 3501 section 6.4.4), over the messages that the client knows."""
    if request.names_charset and Mode.UTF8_ACCEPT in session.modes:
        return _CHARSET_IS_SET
    view = session.folder.view
    saving(session, request)
    with_modseq = wants_modseq(session, request.key)
    hits = await find(session, request.key)
    found = Found(view, hits.uids, request.by_uid, with_modseq=with_modseq)
    returns = request.returns or (_REV2 if session.is_rev2 else None)
    if returns is None:
        session.write(found.line(b"SEARCH"))
    else:
        tell(session, found, returns)
    return hits.reply


def wants_modseq(session: Session, key: SearchKey) -> bool:
    """Whether the reply shall tell a modseq; to ask for one switches CONDSTORE on (RFC 7162 sections 3.1.5 and 3.1.8)."""
    asks = asks_modseq(key)
    if asks:
        session.enable(Mode.CONDSTORE)
    return asks


def saving(session: Session, request: Search) -> None:
    """Forget what was saved when this search will save: nothing is left when it fails (RFC 5182 section 2.1)."""
    if request.returns is not None and Result.SAVE in request.returns.results:
        session.folder.view.saved = ()


def tell(session: Session, found: Found, returns: Returns) -> None:
    """Save what shall be saved and write the ESEARCH reply, unless saving was all."""
    if Result.SAVE in returns.results:
        session.folder.view.saved = tuple(sorted(saved(found, returns)))
    if returns.results != {Result.SAVE} or returns.page is not None:
        session.write(esearch(session.tag, found, returns))


class Hits(NamedTuple):
    """UIDs of the messages that fit, ascending, and whether all could be read that had to be."""

    uids: list[int]
    is_whole: bool

    @property
    def reply(self) -> Reply:
        """RFC 5530: the client hears that it was messages that are gone which were missed. Their files go before a look at the folder tells it."""
        return ok("Done") if self.is_whole else trouble.with_expunges_due(ok("Done"))


async def find(session: Session, key: SearchKey) -> Hits:
    """Look for the messages that fit."""
    selected = session.folder
    evidence = Evidence(selected.view, int(time.time()))
    fitting, unsure = await _judge(session, key, selected.view.uids, evidence)
    left = sorted(unsure)
    read_all = True
    step = _step(LOOKUP_MESSAGES, key, LEAST_LOOKUP_MESSAGES)
    for start in range(0, len(left), step):
        some = await _settle(session, key, left[start : start + step], evidence)
        fitting |= some.fitting
        read_all = read_all and some.is_whole
    return Hits(sorted(fitting), read_all)


def _step(messages: int, key: SearchKey, least: int) -> int:
    return max(least, messages // (1 + sum(1 for _ in leaves(key))))


class _Settled(NamedTuple):
    """Which messages fit, and whether all were there."""

    fitting: Uids
    is_whole: bool


async def _settle(session: Session, key: SearchKey, uids: Sequence[int], evidence: Evidence) -> _Settled:
    """Ask the catalogue, and read what it does not know."""
    selected = session.folder
    known = evidence.with_lookups(await look_up(selected, key, uids, session.connection.check))
    fitting, unsure = await _judge(session, key, uids, known)
    unread = sorted(unsure)
    with_words = needs_words(key)
    keeps = len(unread) <= KEEP_MESSAGES or not with_words or not session.house.filler.is_at_work
    keeper = Keeper(selected.folder, with_words=with_words) if keeps else None
    if not keeps:
        session.house.filler.wish(selected.place.owner, selected.folder)
    is_whole = True
    for start in range(0, len(unread), READ_MESSAGES):
        session.connection.check()
        some = unread[start : start + READ_MESSAGES]
        found = await selected.run(_read_and_judge, selected.folder, key, some, known, keeper)
        fitting |= found.fitting
        is_whole = is_whole and found.is_whole
    return _Settled(frozenset(fitting), is_whole)


async def _judge(session: Session, key: SearchKey, uids: Sequence[int], evidence: Evidence) -> tuple[set[int], set[int]]:
    """Ask in turns, so that other sessions have theirs."""
    fitting: set[int] = set()
    unsure: set[int] = set()
    step = _step(TURN_MESSAGES, key, LEAST_TURN_MESSAGES)
    for start in range(0, len(uids), step):
        verdict = judge(key, frozenset(uids[start : start + step]), evidence)
        fitting |= verdict.fitting
        unsure |= verdict.unsure
        session.connection.check()
        await asyncio.sleep(0)
    return fitting, unsure


def _read_and_judge(folder: Folder, key: SearchKey, uids: Sequence[int], evidence: Evidence, keeper: Keeper | None) -> _Settled:
    """What was read is kept in the catalogue for the next time, if there is a keeper. A message that is gone fits nothing."""
    fitting: set[int] = set()
    there = 0
    for uid, document in read(folder, uids):
        there += 1
        if keeper:
            keeper.take(uid, document)
        fitting |= judge(key, frozenset((uid,)), evidence.with_documents({uid: document})).fitting
    if keeper:
        keeper.write()
    return _Settled(frozenset(fitting), there == len(uids))
