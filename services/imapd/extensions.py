"""The extensions, one row each: when it is advertised, and what ENABLE makes of it. A row is added when all of the extension works."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.imapd.modes import Mode
from services.imapd.session import House, Session, State


def _always(_session: Session) -> bool:
    return True


def _in_the_clear(session: Session) -> bool:
    return session.state is State.NOT_AUTHENTICATED and not session.connection.has_tls


def _before_login(session: Session) -> bool:
    """Where a password may be sent."""
    return session.state is State.NOT_AUTHENTICATED and session.connection.has_tls


def _after_login(session: Session) -> bool:
    return session.state is not State.NOT_AUTHENTICATED


def _uncompressed(session: Session) -> bool:
    return _after_login(session) and not session.connection.is_compressed


@dataclass(frozen=True, slots=True)
class Extension:
    """One row. ``value`` is what stands behind ``name=``; ``mode`` is what ``ENABLE name`` switches on."""

    name: str
    is_offered: Callable[[Session], bool]
    mode: Mode | None = None
    value: Callable[[House], object] | None = None

    def text(self, house: House) -> str:
        """The capability as it is sent."""
        return f"{self.name}={self.value(house)}" if self.value is not None else self.name


EXTENSIONS = (
    Extension("IMAP4rev1", _always),
    Extension("IMAP4rev2", _always, Mode.IMAP4REV2),
    Extension("LITERAL+", _always),
    Extension("ID", _always),
    Extension("ENABLE", _always),
    Extension("STARTTLS", _in_the_clear),
    Extension("LOGINDISABLED", _in_the_clear),
    Extension("SASL-IR", _before_login),
    Extension("NAMESPACE", _after_login),
    Extension("IDLE", _after_login),
    Extension("UIDPLUS", _after_login),
    Extension("MOVE", _after_login),
    Extension("UNSELECT", _after_login),
    Extension("CONDSTORE", _after_login, Mode.CONDSTORE),
    Extension("QRESYNC", _after_login, Mode.QRESYNC),
    Extension("UIDONLY", _after_login, Mode.UIDONLY),
    Extension("NOTIFY", _after_login),
    Extension("INPROGRESS", _after_login),
    Extension("OBJECTID", _after_login),
    Extension("PREVIEW", _after_login),
    Extension("SAVEDATE", _after_login),
    Extension("PARTIAL", _after_login),
    Extension("CHILDREN", _after_login),
    Extension("SPECIAL-USE", _after_login),
    Extension("CREATE-SPECIAL-USE", _after_login),
    Extension("LIST-EXTENDED", _after_login),
    Extension("LIST-STATUS", _after_login),
    Extension("STATUS=SIZE", _after_login),
    Extension("COMPRESS=DEFLATE", _uncompressed),
    Extension("BINARY", _after_login),
    Extension("MULTIAPPEND", _after_login),
    Extension("CATENATE", _after_login),
    Extension("REPLACE", _after_login),
    Extension("APPENDLIMIT", _after_login, value=lambda house: house.message_size_limit),
    Extension("UTF8=ACCEPT", _after_login, mode=Mode.UTF8_ACCEPT),
    Extension("QUOTA", _after_login),
    Extension("QUOTA=RES-STORAGE", _after_login),
    Extension("QUOTA=RES-MESSAGE", _after_login),
    Extension("METADATA", _after_login),
    Extension("LIST-METADATA", _after_login),
    Extension("ACL", _after_login),
    Extension("RIGHTS=kxte", _after_login),
    Extension("LIST-MYRIGHTS", _after_login),
    Extension("ESEARCH", _after_login),
    Extension("SEARCHRES", _after_login),
    Extension("WITHIN", _after_login),
    Extension("SORT", _after_login),
    Extension("SORT=DISPLAY", _after_login),
    Extension("ESORT", _after_login),
    Extension("THREAD=ORDEREDSUBJECT", _after_login),
    Extension("THREAD=REFERENCES", _after_login),
)

MODES: Mapping[bytes, Mode] = {row.name.upper().encode(): row.mode for row in EXTENSIONS if row.mode is not None}
"""What ENABLE knows, by name in upper case."""


def capabilities(session: Session) -> str:
    """What can be used now (RFC 3501 section 6.1.1)."""
    names = [row.text(session.house) for row in EXTENSIONS if row.is_offered(session)]
    if _before_login(session):
        names += [f"AUTH={name}" for name in session.house.sasl.mechanisms(session.connection.certificate)]
    return " ".join(names)
