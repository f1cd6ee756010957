"""The parts of which CATENATE makes a message: URLs of what the user has on this server (RFC 4469)."""

from services.imapd import facts, sections
from services.imapd.access import TO_READ
from services.imapd.grammar.requests import BodyItem
from services.imapd.grammar.responses import astring, printable
from services.imapd.grammar.url import MessageUrl, parse_url
from services.imapd.sections import Span
from services.imapd.session import Session
from services.kernel.mail.address import fold
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.trouble import NoRight, NoSuchFolder

WRITE_BYTES = 1 << 20
"""Of a part copied at a time."""


async def find(session: Session, text: bytes) -> Span | None:
    """The bytes that a URL names; ``None`` when it is no URL of a message here, or there is no such message or part.

    Raises ``MailboxTrouble``, and ``Ending`` when the selected folder may not be read any more.
    """
    url = parse_url(text)
    if url is None or not _is_ours(session, url):
        return None
    try:
        folder = await session.at(url.mailbox, TO_READ, lambda place: place.folder()) if url.mailbox else await _selected(session)
        if folder is None or url.uidvalidity not in (None, folder.uidvalidity):
            return None
        return await session.run(_part, folder, url)
    except (NoSuchFolder, NoRight):
        return None


def _is_ours(session: Session, url: MessageUrl) -> bool:
    """A URL with a host must be of this one, and of this user if it says so."""
    return url.host in ("", session.house.hostname.lower()) and fold(url.user) in ("", session.address)


async def _selected(session: Session) -> Folder | None:
    """The selected folder, if it may be read still: nothing has looked at it since the last command."""
    if session.selected is None:
        return None
    await session.selected.refresh_rights()
    return session.selected.folder


def _part(folder: Folder, url: MessageUrl) -> Span | None:
    item = BodyItem(b"", url.section, True, url.partial)
    needs_parts = sections.needs_parts(url.section)
    loaded = facts.load(folder, (url.uid,), wants_facts=needs_parts).get(url.uid)
    if loaded is None:
        return None
    return sections.extract(loaded.content, loaded.part, item)


def write(part: Span, draft: Draft) -> None:
    """Add a part to a draft. Blocks. Raises ``MailboxTrouble``."""
    for start in range(part.start, part.end, WRITE_BYTES):
        draft.write(bytes(part.content[start : min(start + WRITE_BYTES, part.end)]))


def shown(url: bytes) -> bytes:
    """A URL as ``BADURL`` repeats it."""
    return astring(printable(url.decode("latin-1")))
