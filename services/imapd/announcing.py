"""The untagged replies that tell what happened in the selected folder, in the form that the session's modes ask for."""

from collections.abc import Iterable, Iterator, Sequence

from services.imapd import rows
from services.imapd.grammar.requests import Fact
from services.imapd.grammar.responses import flag_list
from services.imapd.grammar.sequence import compact
from services.imapd.modes import Mode
from services.imapd.selected import Selected
from services.imapd.view import Announcement, Exists, Expunged, Flags, Keywords
from services.kernel.mailbox import acl
from services.kernel.mailbox.acl import Right


def lines(announcements: Iterable[Announcement], selected: Selected, modes: set[Mode]) -> Iterator[bytes]:
    """Write announcements, a line or several each (RFC 3501 section 7.3)."""
    for announcement in announcements:
        match announcement:
            case Exists(count, recent):
                yield b"* %d EXISTS\r\n" % count if Mode.IMAP4REV2 in modes else b"* %d EXISTS\r\n* %d RECENT\r\n" % (count, recent)
            case Expunged(numbers, uids):
                yield _expunged(numbers, uids, modes)
            case Flags(_, message):
                yield flags_lines(selected, modes, (message.uid,))
            case Keywords(flags):
                yield b"* FLAGS %b\r\n" % flag_list(flags) + permanent_flags(selected)


def _expunged(numbers: Sequence[int], uids: Sequence[int], modes: set[Mode]) -> bytes:
    """RFC 7162 section 3.2.10: a client that resynchronizes hears UIDs."""
    if modes & {Mode.QRESYNC, Mode.UIDONLY}:
        return b"* VANISHED %b\r\n" % compact(uids)
    return b"".join(b"* %d EXPUNGE\r\n" % number for number in numbers)


def flags_lines(selected: Selected, modes: set[Mode], uids: Iterable[int], *, with_uid: bool = False, with_flags: bool = True) -> bytes:
    """Write the FETCH replies that tell flags unasked, UIDs ascending: with the UID where the client keeps its cache by it (RFC 7162 section 3.2.4),
    with the modseq where it keeps those (section 3.1), which may also come alone."""
    told = []
    if Mode.UIDONLY not in modes and (with_uid or modes & {Mode.QRESYNC, Mode.IMAP4REV2}):
        told.append(Fact.UID)
    if with_flags:
        told.append(Fact.FLAGS)
    if Mode.CONDSTORE in modes:
        told.append(Fact.MODSEQ)
    return rows.lines(selected, modes, told, [selected.view.number(uid) - 1 for uid in uids])


def fetch_head(selected: Selected, modes: set[Mode], uid: int) -> bytes:
    """Write the beginning of a FETCH reply, up to the parenthesis; it is UIDFETCH to a client that knows no numbers (RFC 9586 section 3.3)."""
    return b"* %d UIDFETCH (" % uid if Mode.UIDONLY in modes else b"* %d FETCH (" % selected.view.number(uid)


def shown_flags(selected: Selected, modes: set[Mode], uid: int) -> bytes:
    """Write the flags of a message, with ``\\Recent`` where that is told at all: IMAP4rev2 has no such flag."""
    view = selected.view
    flags = view.message(uid).flags
    return flag_list(flags | {"\\Recent"} if Mode.IMAP4REV2 not in modes and view.is_recent(uid) else flags)


def permanent_flags(selected: Selected) -> bytes:
    """The flags that can be changed for good (RFC 3501 section 7.1), by the user's rights (RFC 4314 section 5.1.1); none in a folder examined."""
    flags = flag_list(acl.settable(selected.view.flags, selected.place.rights) if selected.is_writable else frozenset())
    if selected.may(Right.WRITE) and selected.has_keyword_room:
        flags = flags[:-1] + b" \\*)"
    return b"* OK [PERMANENTFLAGS %b] Flags permitted\r\n" % flags
