"""One client's session: its state, and how it is answered."""

import ssl
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import ParamSpec, Protocol, TypeVar

from services.imapd import announcing
from services.imapd.access import Access, Needs, Place
from services.imapd.admission import Admission
from services.imapd.config import ImapdSettings
from services.imapd.connection import Connection
from services.imapd.filler import Filler
from services.imapd.grammar import responses
from services.imapd.grammar.wishes import Occasion
from services.imapd.idlers import Idlers
from services.imapd.interest import Interest
from services.imapd.modes import IMPLIED, Mode
from services.imapd.selected import Selected
from services.imapd.view import Announcement
from services.kernel.directory import Directory
from services.kernel.mail.address import fold
from services.kernel.mailbox import others
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import BadFolderName, NoSuchFolder
from services.kernel.mailbox.user import UserMail
from services.kernel.mailbox.watch import Watcher
from services.kernel.sasl import Sasl
from services.kernel.wire.events import Emitter

P = ParamSpec("P")
T = TypeVar("T")

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
    quota_warnings: Sequence[int]
    store: MailStore
    watcher: Watcher
    directory: Directory
    sasl: Sasl
    admission: Admission
    emitter: Emitter
    filler: Filler
    idlers: Idlers
    tls: Callable[[], ssl.SSLContext]


class Notices(Protocol):
    """What the session needs of NOTIFY, which is a command and knows sessions."""

    interest: Interest
    has_rung: bool

    async def tell(self, *, in_idle: bool = False) -> None:
        """Tell what happened since the last time."""

    def watch(self) -> None:
        """Another folder is selected now."""

    def close(self) -> None:
        """Listen no more."""


class Session:
    """What the commands of one client share: the user, the selected folder, and the way to answer."""

    def __init__(self, house: House, connection: Connection) -> None:
        self.house = house
        self.connection = connection
        self.address = ""
        self.tag = b"*"
        """Of the command in hand."""
        self.failures = 0
        self.is_over = False
        self.wants_tls = False
        self.wants_compression = False
        self.modes: set[Mode] = set()
        """What is enabled; ``enable`` adds to it."""
        self.notices: Notices | None = None
        """What NOTIFY set up, if it was said."""
        self.selected: Selected | None = None
        self._user: UserMail | None = None
        self._access: Access | None = None
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
    def access(self) -> Access:
        """What the user, who has signed in, may open."""
        assert self._access is not None
        return self._access

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work for the user, who has signed in."""
        return await self.house.store.run_for(self.address, work, *args, **kwargs)

    async def at(self, mailbox: str, needs: Needs, work: Callable[[Place], T]) -> T:
        """Do blocking work at a folder that the client names. Raises ``NoSuchFolder``, ``NoRight`` and what it raises."""
        await self.know_owner(mailbox)
        return await self.run(_at, self.access, mailbox, needs, work)

    async def know_owner(self, mailbox: str) -> None:
        """Raise ``NoSuchFolder`` for a folder whose owner has no account any more, whatever is left on the disk.

        The directory is asked last: what takes time tells nothing of who exists.
        """
        if others.is_other(mailbox):
            with suppress(BadFolderName):
                owner, _ = await self.run(self.access.owner, mailbox)
                if not await self.has_account(owner.address):
                    raise NoSuchFolder("the owner is gone")

    async def has_account(self, address: str) -> bool:
        """Tell whether a folded address is that of an account. Raises ``DirectoryTrouble``."""
        account = await self.house.directory.account(address)
        return account is not None and fold(account.address) == address

    @property
    def folder(self) -> Selected:
        """The selected folder, in commands that need one."""
        assert self.selected is not None
        return self.selected

    def sign_in(self, user: UserMail, address: str) -> None:
        """The client is who it says."""
        self._user, self.address = user, address
        self._access = Access(self.house.store, user)

    def enable(self, mode: Mode) -> bool:
        """Switch a mode on for good, with what comes along; return whether it was off."""
        was_off = mode not in self.modes
        had_modseqs = Mode.CONDSTORE in self.modes
        self.modes |= {mode} | IMPLIED.get(mode, frozenset())
        if self.selected is not None and Mode.CONDSTORE in self.modes and not had_modseqs:
            self.selected.view.tells_modseqs = True
            self.write(self.selected.highestmodseq_line())  # RFC 7162 section 3.1: told with the first command that asks for modseqs
        return was_off

    def open(self, selected: Selected) -> None:
        """From now on this folder is selected; none is when that fails. Raises ``MailboxTrouble``."""
        self.selected = selected
        selected.view.tells_modseqs = Mode.CONDSTORE in self.modes
        if self.notices is not None:
            try:
                self.notices.watch()
            except BaseException:
                self.selected = None
                raise

    @property
    def is_rev2(self) -> bool:
        """Whether the client speaks IMAP4rev2 (RFC 9051 section 6.3.1)."""
        return Mode.IMAP4REV2 in self.modes

    @property
    def has_utf8(self) -> bool:
        """Whether mailbox names are UTF-8 on the wire (RFC 6855 section 3, RFC 9051 section 5.1), not modified UTF-7."""
        return self.is_rev2 or Mode.UTF8_ACCEPT in self.modes

    def mailbox_form(self, name: str) -> bytes:
        """Write a mailbox name as this client reads it."""
        name = name.removesuffix(others.SEPARATOR)  # of the level above all users
        return responses.utf8_mailbox(name) if self.has_utf8 else responses.mailbox(name)

    # Answers.

    def write(self, *data: bytes) -> None:
        """Say something; it goes out with ``flush``."""
        self._output += data
        self._output_bytes += sum(map(len, data))

    @property
    def wants_flush(self) -> bool:
        """Whether enough has been said for one send."""
        return self._output_bytes >= FLUSH_BYTES

    async def flush(self) -> None:
        """Send what was said, in one piece, and wait for a client that is slow to read. Raises ``Ending``."""
        self.send()
        await self.connection.drain()

    def send(self) -> None:
        """Send what was said, without waiting: for a line now and then."""
        data = b"".join(self._output)
        self._output.clear()
        self._output_bytes = 0
        self.connection.write(data)

    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Tell what happened in the selected folder."""
        for line in announcing.lines(announcements, self.folder, self.modes):
            self.write(line)

    @property
    def tells_flags(self) -> bool:
        """Whether the client hears of flags that change: not when its NOTIFY leaves them out (RFC 5465 section 5)."""
        return self.notices is None or Occasion.FLAG_CHANGE in self.notices.interest.of_selected.occasions

    def shown_flags(self, uid: int) -> bytes:
        """The flags of a message in this session."""
        return announcing.shown_flags(self.folder, self.modes, uid)

    async def ask_for_literal(self) -> None:
        """Have the client go on with its literal (RFC 3501 section 7.5)."""
        self.write(b"+ OK\r\n")
        await self.flush()


def _at(access: Access, mailbox: str, needs: Needs, work: Callable[[Place], T]) -> T:
    return work(access.place(mailbox, needs))
