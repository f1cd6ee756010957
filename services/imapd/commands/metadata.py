"""GETMETADATA and SETMETADATA (RFC 5464)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.imapd.grammar.requests import Depth, GetMetadata, SetMetadata
from services.imapd.grammar.responses import Reply, astring, no, ok, string8
from services.imapd.session import Session

_ADMIN = "/shared/admin"
"""Of the server: whom to write to, as a URI (RFC 5464 section 6.2.1, RFC 2142 section 5)."""
_NOT_YOURS = no("Only the administrator sets what all users share", b"NOPERM")


async def get(session: Session, request: GetMetadata) -> Reply:
    """GETMETADATA (section 4.2). Of what is larger than MAXSIZE only the largest size is told."""
    kept = await session.house.store.run(session.user.annotations, request.mailbox)
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
    if not request.mailbox and any(entry.startswith("/shared/") for entry in request.values):
        return _NOT_YOURS
    await session.house.store.run(session.user.annotate, request.mailbox, request.values)
    return ok("Done")


async def metadata_line(session: Session, name: str, entries: Sequence[str]) -> bytes:
    """Return the METADATA reply of a folder. Raises ``NoSuchFolder``, ``MailboxTrouble``."""
    kept = await session.house.store.run(session.user.annotations, name)
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
