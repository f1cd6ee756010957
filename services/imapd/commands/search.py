"""SEARCH: what the view can answer at once, what must be read in batches in the store's threads."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice

from services.imapd.grammar.requests import Search
from services.imapd.grammar.responses import Reply, ok
from services.imapd.searching import Candidate, Question, question
from services.imapd.session import Session
from services.imapd.text import Document
from services.imapd.view import View
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.trouble import NoSuchMessage

TURN_MESSAGES = 1_000
"""Messages asked about in one turn of the event loop: a few milliseconds."""
READ_MESSAGES = 20
"""Messages read in one go in a thread, some 10 ms, so that others have their turn."""


async def search(session: Session, request: Search) -> Reply:
    """SEARCH and UID SEARCH (RFC 3501 section 6.4.4), over the messages that the client knows."""
    view = session.folder.view
    asked = question(request.key, view)
    found: list[int] = []
    candidates = _candidates(view)
    while turn := list(islice(candidates, TURN_MESSAGES)):
        found += await _fitting(session, asked, turn)
        session.connection.check()
        await asyncio.sleep(0)
    numbers = found if request.by_uid else (view.number(uid) for uid in found)
    session.write(b"* SEARCH%b\r\n" % b"".join(b" %d" % number for number in numbers))
    return ok("Done")


def _candidates(view: View) -> Iterator[Candidate]:
    return (Candidate(number, view.message(uid), view.is_recent(uid)) for number, uid in enumerate(view.uids, 1))


async def _fitting(session: Session, asked: Question, candidates: Sequence[Candidate]) -> list[int]:
    """Return the UIDs of those that fit, ascending."""
    answers = [(candidate, asked(candidate)) for candidate in candidates]
    fitting = [candidate.message.uid for candidate, answer in answers if answer]
    unread = [candidate for candidate, answer in answers if answer is None]
    for start in range(0, len(unread), READ_MESSAGES):
        session.connection.check()
        fitting += await session.folder.run(_read_and_ask, session.folder.folder, asked, unread[start : start + READ_MESSAGES])
    return sorted(fitting)


def _read_and_ask(folder: Folder, asked: Question, candidates: Sequence[Candidate]) -> list[int]:
    """A message that is gone fits nothing."""
    fitting = []
    for candidate in candidates:
        try:
            document = Document(folder.content(candidate.message.uid))
        except NoSuchMessage:
            continue
        if asked(Candidate(candidate.number, candidate.message, candidate.is_recent, document)):
            fitting.append(candidate.message.uid)
    return fitting
