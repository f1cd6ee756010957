"""What a run is given, and what it returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from services.kernel.sieve.actions import Action

if TYPE_CHECKING:
    from services.kernel.sieve.script import Script


@dataclass(frozen=True, slots=True)
class Envelope:
    """The transaction: empty ``sender`` for a bounce. ``original`` is the recipient before aliases, when known.

    ``notify``, ``ret``, ``envid`` and ``orcpt`` are the parameters of RFC 3461, decoded, or empty.
    """

    sender: str
    recipient: str
    original: str = ""
    notify: str = ""
    ret: str = ""
    envid: str = ""
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one user.

    ``content`` is the message as it would be stored, with CRLF or LF. ``addresses`` are all that are the user's own, besides the envelope's
    recipient. ``now`` is aware; its zone is the site's. ``environment`` are the items of RFC 5183 besides those that a run knows by itself:
    ``domain host remote-host remote-ip name version`` and such. ``recipient_delimiter`` parts user and detail (RFC 5233).
    """

    content: bytes
    envelope: Envelope
    now: datetime
    addresses: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    recipient_delimiter: str = "+"


class Location(StrEnum):
    """Where an included script comes from (RFC 6609 section 3.2)."""

    PERSONAL = "personal"
    GLOBAL = "global"


class Site(Protocol):
    """What a script may ask about the user's world. Each method is cheap and bounded; names come from a user and may be anything."""

    def mailbox_exists(self, folder: str) -> bool:
        """The mailbox is there and mail may be put into it (RFC 5490 section 3.1)."""
        ...

    def special_use_exists(self, attribute: str, folder: str | None) -> bool:
        """The user has a mailbox with the attribute, or ``folder`` has it when given (RFC 8579 section 4)."""
        ...

    def metadata(self, folder: str | None, entry: str) -> str | None:
        """An annotation of a mailbox, or of the server for ``None`` (RFC 5490 sections 3.3, 4). ``None`` when there is none."""
        ...

    def script(self, location: Location, name: str) -> "Script | None":
        """A stored script, compiled, for ``include``; ``None`` when there is none. May raise ``SieveErrors``: then the run fails."""
        ...

    def was_seen(self, handle: str, identity: str) -> bool:
        """``duplicate`` (RFC 7352): a ``Mark`` of these two was remembered and has not expired."""
        ...


@dataclass(frozen=True, slots=True)
class Mark:
    """To be remembered once all actions are done (RFC 7352 section 3.1); ``is_last``: a repeated one starts the period again."""

    handle: str
    identity: str
    seconds: int
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One script of the sequence. ``name`` is for people: the trace and errors carry it."""

    name: str
    script: "Script"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, for ``malle sieve test``. ``depth`` is how deep in blocks; ``outcome`` of a test is told, of a command ``None``."""

    script: str
    line: int
    depth: int
    text: str
    outcome: bool | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a script ended before its end."""

    script: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.script}: line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be done with the message.

    ``warnings`` are troubles that only made a test false. ``trace`` is empty unless it was asked for; ``steps`` is the work that was counted.
    """

    actions: tuple[Action, ...]
    marks: tuple[Mark, ...] = ()
    error: Failure | None = None
    warnings: tuple[Failure, ...] = ()
    trace: tuple[Step, ...] = ()
    steps: int = 0
