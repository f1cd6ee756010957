"""The EMAILID (RFC 8474 section 5.1): it is not stored, since it follows from what never changes."""

import hashlib

from services.kernel.mailbox.served import Content


def email_id(content: Content) -> bytes:
    """Return the EMAILID: of the content, so that copies share it and a rebuilt index, or an import, brings it back."""
    return b"E" + hashlib.sha256(content).hexdigest()[:32].encode()
