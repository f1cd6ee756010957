"""Who may do what in a folder: GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314 section 3)."""

from collections.abc import Callable

from services.imapd.access import TO_ADMINISTER, TO_ASK_RIGHTS, Place
from services.imapd.grammar.responses import Reply, astring, no, ok
from services.imapd.grammar.rights import DeleteAcl, GetAcl, ListRights, MyRights, RightsWord, SetAcl
from services.imapd.session import Session
from services.kernel.mailbox import acl
from services.kernel.mailbox.acl import OWNER, Change, Rights
from services.kernel.wire.events import Kind

_UNKNOWN = no("An identifier is an address, anyone, authenticated or owner, with - in front or without", b"CANNOT")


async def get(session: Session, request: GetAcl) -> Reply:
    """GETACL (section 3.3). The owner's own line is told even where there is none."""
    place, found = await session.at(request.mailbox, TO_ADMINISTER, lambda place: (place, place.owner.acl(place.name)))
    entries = found.entries if OWNER in found.entries else {**found.entries, OWNER: acl.ALL}
    said = {acl.said(identifier, place.owner.address): rights for identifier, rights in entries.items()}
    pairs = b"".join(b" %b %b" % (astring(identifier.encode()), _rights(rights)) for identifier, rights in said.items())
    session.write(b"* ACL %b%b\r\n" % (session.mailbox_form(place.told), pairs))
    return ok("Done")


async def set_entry(session: Session, request: SetAcl) -> Reply:
    """SETACL (section 3.1). No right left takes the line away, but not the owner's."""

    def change(before: Rights) -> Rights:
        match request.word:
            case RightsWord.ADD:
                return before | request.rights
            case RightsWord.REMOVE:
                return before - request.rights
            case RightsWord.REPLACE:
                return request.rights

    def work(place: Place) -> bool:
        identifier = _meant(request.identifier, place)
        if identifier is not None:
            least = acl.ALWAYS if identifier == OWNER else acl.NONE
            place.owner.change_acl(place.name, identifier, lambda before: change(before) | least, _teller(session, "SETACL", place))
        return identifier is not None

    return ok("Done") if await session.at(request.mailbox, TO_ADMINISTER, work) else _UNKNOWN


async def delete_entry(session: Session, request: DeleteAcl) -> Reply:
    """DELETEACL (section 3.2)."""

    def work(place: Place) -> bool:
        identifier = acl.meant(request.identifier, place.owner.address)
        if identifier is not None:
            place.owner.change_acl(place.name, identifier, lambda _: acl.NONE, _teller(session, "DELETEACL", place))
        return identifier is not None

    return ok("Done") if await session.at(request.mailbox, TO_ADMINISTER, work) else _UNKNOWN


def _teller(session: Session, command: str, place: Place) -> Callable[[Change], None]:
    """Tells the operator of a change, from any thread: who may read whose mail is of interest later."""

    def tell(change: Change) -> None:
        session.house.emitter.emit(
            Kind.SHARED,
            login=session.address,
            client=session.connection.client,
            stage=command,
            recipient=place.owner.address,
            folder=place.name,
            reason=change.words(place.owner.address),
        )

    return tell


async def list_rights(session: Session, request: ListRights) -> Reply:
    """LISTRIGHTS (section 3.4): each right can be given alone, and the owner has some in any case."""
    place = await session.at(request.mailbox, TO_ADMINISTER, lambda place: place)
    identifier = _meant(request.identifier, place)
    if identifier is None:
        return _UNKNOWN
    required = acl.ALWAYS if identifier == OWNER else acl.NONE
    optional = " ".join(acl.told(acl.ALL - required)).encode()
    name = session.mailbox_form(place.told)
    session.write(b"* LISTRIGHTS %b %b %b %b\r\n" % (name, astring(request.identifier.encode()), astring(acl.form(required).encode()), optional))
    return ok("Done")


async def mine(session: Session, request: MyRights) -> Reply:
    """MYRIGHTS (section 3.5)."""
    session.write(await my_rights_line(session, request.mailbox))
    return ok("Done")


async def my_rights_line(session: Session, mailbox: str) -> bytes:
    """Return the MYRIGHTS reply of a folder. Raises ``NoSuchFolder``, ``NoRight``, ``MailboxTrouble``."""
    place = await session.at(mailbox, TO_ASK_RIGHTS, lambda place: place)
    return b"* MYRIGHTS %b %b\r\n" % (session.mailbox_form(place.told), _rights(place.rights))


def _rights(rights: Rights) -> bytes:
    return astring(acl.told(rights).encode())


def _meant(said: str, place: Place) -> str | None:
    """The identifier of the file; ``None`` for what can be nobody's, and for groups, to which nothing is given."""
    identifier = acl.meant(said, place.owner.address)
    return None if identifier is None or acl.is_group(identifier) else identifier
