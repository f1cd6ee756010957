"""GETMETADATA and SETMETADATA (RFC 5464)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.imapd.access import TO_ANNOTATE, TO_ANNOTATE_FOR_ALL, Place
from services.imapd.grammar.requests import Depth, GetMetadata, SetMetadata
from services.imapd.grammar.responses import Reply, astring, no, ok, string8
from services.imapd.session import Session
from services.kernel.mailbox import attributes

_ADMIN = "/shared/admin"
"""Of the server: whom to write to, as a URI (RFC 5464 section 6.2.1, RFC 2142 section 5)."""
_NOT_YOURS = no("Only the administrator sets what all users share", b"NOPERM")


async def get(session: Session, request: GetMetadata) -> Reply:
    """GETMETADATA (section 4.2). Of what is larger than MAXSIZE only the largest size is told."""
    kept = await _kept(session, request.mailbox)
    if not request.mailbox:
        kept = {**kept, _ADMIN: f"mailto:postmaster@{session.address.rpartition('@')[2]}".encode()}
    limit = request.max_size
    found = list(_found(kept, request.entries, request.depth))
    shown = [(entry, value) for entry, value in found if limit is None or value is None or len(value) <= limit]
    session.write(_line(session, request.mailbox, shown))
    longest = max((len(value) for _, value in found if value is not None), default=0)
    return ok("Done", b"METADATA LONGENTRIES %d" % longest) if limit is not None and longest > limit else ok("Done")


async def set_values(session: Session, request: SetMetadata) -> Reply:
    """SETMETADATA (section 4.3), all or none."""
    is_shared = any(entry.startswith("/shared/") for entry in request.values)
    if not request.mailbox:
        if is_shared:
            return _NOT_YOURS
        await session.run(session.user.annotate, "", request.values)
        return ok("Done")

    def work(place: Place) -> None:
        place.owner.annotate(place.name, request.values if place.is_own else attributes.by_reader(request.values, session.address))

    await session.at(request.mailbox, TO_ANNOTATE_FOR_ALL if is_shared else TO_ANNOTATE, work)
    return ok("Done")


async def _kept(session: Session, mailbox: str) -> Mapping[str, bytes]:
    """What the user finds attached to a folder, or to the mailbox as a whole. What is private to another is not among it."""
    if not mailbox:
        return await session.run(session.user.annotations)
    return await session.at(mailbox, TO_ANNOTATE, lambda place: annotations(place, session.address))


def annotations(place: Place, who: str) -> Mapping[str, bytes]:
    """What ``who`` finds attached to a folder. Blocks. Raises ``MailboxTrouble``."""
    kept = place.owner.annotations(place.name)
    if not place.is_own:
        return attributes.of_reader(kept, who)
    return {entry: value for entry, value in kept.items() if entry.startswith("/")}  # the others are private to readers


async def metadata_line(session: Session, name: str, entries: Sequence[str]) -> bytes:
    """Return the METADATA reply of a folder. Raises ``NoSuchFolder``, ``NoRight``, ``MailboxTrouble``."""
    kept = await _kept(session, name)
    return _line(session, name, _found(kept, entries, Depth.ITSELF))


def _found(kept: Mapping[str, bytes], entries: Sequence[str], depth: Depth) -> Iterator[tuple[str, bytes | None]]:
    """Each entry asked for, NIL if it has no value, and those below it that have one."""
    for entry in entries:
        if depth is Depth.ITSELF or entry in kept:
            yield entry, kept.get(entry)
        for other in kept:
            below = other.removeprefix(f"{entry}/")
            if below != other and (depth is Depth.ALL or (depth is Depth.CHILDREN and "/" not in below)):
                yield other, kept[other]


def _line(session: Session, name: str, values: Iterable[tuple[str, bytes | None]]) -> bytes:
    told = [astring(entry.encode()) + b" " + (b"NIL" if value is None else string8(value)) for entry, value in dict(values).items()]
    mailbox = session.mailbox_form(name) if name else b'""'
    return b"* METADATA %b (%b)\r\n" % (mailbox, b" ".join(told)) if told else b""
