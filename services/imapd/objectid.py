"""Identifiers that never change (RFC 8474): none is stored, each follows from what never changes."""

import hashlib

from services.kernel.mailbox.served import Content


def email_id(content: Content) -> bytes:
    """Return the EMAILID: of the content, so that copies share it and a rebuilt index, or an import, brings it back."""
    return b"E" + hashlib.sha256(content).hexdigest()[:32].encode()


def mailbox_id(uidvalidity: int) -> bytes:
    """Return the MAILBOXID: no two folders of a user ever get the same UIDVALIDITY, and a folder keeps it when it is renamed."""
    return b"F%d" % uidvalidity
