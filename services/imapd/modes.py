"""What ENABLE switches on for the rest of a session (RFC 5161)."""

from collections.abc import Mapping
from enum import StrEnum


class Mode(StrEnum):
    """An extension that changes what a session is told, by its name in CAPABILITY. None is advertised before ``extensions`` has a row for it."""

    IMAP4REV2 = "IMAP4rev2"
    CONDSTORE = "CONDSTORE"
    QRESYNC = "QRESYNC"
    UTF8_ACCEPT = "UTF8=ACCEPT"
    UIDONLY = "UIDONLY"


IMPLIED: Mapping[Mode, frozenset[Mode]] = {
    Mode.QRESYNC: frozenset({Mode.CONDSTORE}),  # RFC 7162 section 3.2.3
}
"""What comes along with a mode."""
