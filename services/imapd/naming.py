"""What a folder is called here, told as IMAP4rev2 wants it (RFC 9051 section 6.3.9.7)."""

from services.imapd.namespace import normalize, separator
from services.imapd.session import Session


def told(session: Session, name: str, given: str, attribute: bytes = b"") -> bytes:
    """A LIST reply for one folder, with ``OLDNAME`` when the client ``given`` it another name, or it had that one before."""
    old = b' ("OLDNAME" (%b))' % session.mailbox_form(given) if given != name else b""
    return b'* LIST (%b) "%b" %b%b\r\n' % (attribute, separator(name).encode(), session.mailbox_form(name), old)


def told_if_other(session: Session, given: str) -> bytes:
    """As ``told``, where the client speaks IMAP4rev2 and writes the name otherwise than it is here: ``inbox``, a separator at the end."""
    name = normalize(given.removesuffix(separator(given)))
    return told(session, name, given) if session.is_rev2 and name != given else b""
