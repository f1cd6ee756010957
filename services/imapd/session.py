"""One client's session: its state, and how it is answered."""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from services.imapd.admission import Admission
from services.imapd.config import ImapdSettings
from services.imapd.connection import Connection
from services.imapd.grammar.responses import flag_list
from services.imapd.selected import Selected
from services.imapd.view import Announcement, Exists, Expunged, Flags, Keywords
from services.kernel.directory import Directory
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.user import UserMail
from services.kernel.mailbox.watch import Watcher
from services.kernel.wire.events import Emitter

FLUSH_BYTES = 256 * 1024
"""Output is joined up to this size, then sent: the flags of some 5,000 messages."""


class State(Enum):
    """RFC 3501 section 3; ``OVER`` is logout."""

    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class House:
    """What the sessions of a process share. ``tls`` returns the context of now."""

    settings: ImapdSettings
    hostname: str
    message_size_limit: int
    store: MailStore
    watcher: Watcher
    directory: Directory
    admission: Admission
    emitter: Emitter
    tls: Callable[[], ssl.SSLContext]


class Session:
    """What the commands of one client share: the user, the selected folder, and the way to answer."""

    def __init__(self, house: House, connection: Connection) -> None:
        self.house = house
        self.connection = connection
        self.address = ""
        self.failures = 0
        self.is_over = False
        self.wants_tls = False
        self.selected: Selected | None = None
        self._user: UserMail | None = None
        self._output: list[bytes] = []
        self._output_bytes = 0

    @property
    def state(self) -> State:
        """The state of RFC 3501 section 3."""
        if self.is_over:
            return State.OVER
        if self._user is None:
            return State.NOT_AUTHENTICATED
        return State.SELECTED if self.selected is not None else State.AUTHENTICATED

    @property
    def user(self) -> UserMail:
        """The mailbox of the user, who has signed in."""
        assert self._user is not None
        return self._user

    @property
    def folder(self) -> Selected:
        """The selected folder, in commands that need one."""
        assert self.selected is not None
        return self.selected

    def sign_in(self, user: UserMail, address: str) -> None:
        """The client is who it says."""
        self._user, self.address = user, address

    # Answers.

    def write(self, data: bytes) -> None:
        """Say something; it goes out with ``flush``."""
        self._output.append(data)
        self._output_bytes += len(data)

    @property
    def wants_flush(self) -> bool:
        """Whether enough has been said for one send."""
        return self._output_bytes >= FLUSH_BYTES

    async def flush(self) -> None:
        """Send what was said, in one piece, and wait for a client that is slow to read. Raises ``Ending``."""
        data = b"".join(self._output)
        self._output.clear()
        self._output_bytes = 0
        self.connection.write(data)
        await self.connection.drain()

    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Tell what happened in the selected folder (RFC 3501 section 7.3)."""
        for announcement in announcements:
            self.write(self._line(announcement))

    def _line(self, announcement: Announcement) -> bytes:
        match announcement:
            case Exists(count, recent):
                return b"* %d EXISTS\r\n* %d RECENT\r\n" % (count, recent)
            case Expunged(number, _):
                return b"* %d EXPUNGE\r\n" % number
            case Flags(number, message):
                return b"* %d FETCH (FLAGS %b)\r\n" % (number, self.shown_flags(message.uid))
            case Keywords(flags):
                return b"* FLAGS %b\r\n" % flag_list(flags) + permanent_flags(self.folder)

    def shown_flags(self, uid: int) -> bytes:
        """The flags of a message in this session, ``\\Recent`` among them."""
        view = self.folder.view
        flags = view.message(uid).flags
        return flag_list(flags | {"\\Recent"}) if view.is_recent(uid) else flag_list(flags)

    async def ask_for_literal(self) -> None:
        """Have the client go on with its literal (RFC 3501 section 7.5)."""
        self.write(b"+ OK\r\n")
        await self.flush()


def permanent_flags(selected: Selected) -> bytes:
    """The flags that can be changed for good (RFC 3501 section 7.1): none in a folder that was examined."""
    flags = flag_list(selected.view.flags if selected.is_writable else frozenset())
    if selected.is_writable and selected.has_keyword_room:
        flags = flags[:-1] + b" \\*)"
    return b"* OK [PERMANENTFLAGS %b] Flags permitted\r\n" % flags
