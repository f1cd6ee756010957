"""The recipients of domains that we back up, mirrored from their primary: who writes it is ``backupmx``, who asks is smtpd.

One file a primary. Its content is what the primary signed; its modification time is when the primary last said that this is still so.
"""

import hashlib
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import msgspec

from services.kernel.mail.address import fold, split, split_extension

LOOK_SECONDS = 1.0
"""How often the folder is looked at for new content."""


class DomainRecipients(msgspec.Struct, frozen=True):
    """The recipients of one domain, folded local parts in order.

    ``takes_all``: the primary takes every address (a catch-all, or no list of its own). Unless ``is_complete``, it has tables that
    cannot be listed, so an address that is not here may be good all the same.
    """

    local_parts: list[str]
    is_complete: bool = True
    takes_all: bool = False


class Recipients(msgspec.Struct, frozen=True):
    """What a primary says of the domains that it was asked for and has. ``made`` is seconds since the epoch, by its clock."""

    site: str
    made: float
    delimiter: str = "+"
    domains: dict[str, DomainRecipients] = {}

    @property
    def version(self) -> str:
        """The same for the same content, whenever it was made."""
        return hashlib.sha256(msgspec.json.encode((self.delimiter, sorted(self.domains.items())))).hexdigest()


class Standing(StrEnum):
    """What is known of a recipient while his primary cannot be asked."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class _Domain:
    """One domain of one primary, as it is asked."""

    __slots__ = ("delimiter", "facts", "local_parts")

    def __init__(self, facts: DomainRecipients, delimiter: str) -> None:
        self.facts = facts
        self.delimiter = delimiter
        self.local_parts = frozenset(facts.local_parts)

    def has(self, local: str) -> bool:
        """postmaster is known everywhere (RFC 5321 section 4.5.1)."""
        return local in self.local_parts or split_extension(local, self.delimiter)[0] in self.local_parts or local == "postmaster"


class _File:
    """What one primary said. ``content`` changes with it: a file is replaced as a whole, and only its time is set when it was confirmed."""

    __slots__ = ("confirmed", "content", "domains")

    def __init__(self, path: Path, content: tuple[int, int]) -> None:
        """Raise ``OSError`` and ``msgspec.DecodeError``."""
        recipients = msgspec.json.decode(path.read_bytes(), type=Recipients)
        self.content = content
        self.confirmed = 0.0
        self.domains = {name: _Domain(facts, recipients.delimiter) for name, facts in recipients.domains.items()}


class Mirror:
    """The files of ``folder``. An absence that is older than ``max_age`` seconds says nothing any more: a new user may have come."""

    def __init__(self, folder: Path, max_age: float, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._max_age = max_age
        self._clock = clock
        self._looked = float("-inf")
        self._stamps: dict[str, tuple[float, int, int]] = {}
        self._files: dict[str, _File] = {}

    def ask(self, address: str) -> Standing:
        """What is known of a recipient. A file that cannot be read leaves what was read before.

        Where several primaries speak for a domain, one that knows the recipient is enough, and only all of them can say that there is none.
        """
        self._look()
        local, name = split(fold(address))
        found = [(domain, file.confirmed) for file in self._files.values() if (domain := file.domains.get(name)) is not None]
        if any(domain.facts.takes_all or domain.has(local) for domain, _ in found):
            return Standing.GOOD
        now = self._clock()  # a confirmation of the future was made before the clock was set back
        is_certain = all(domain.facts.is_complete and abs(now - confirmed) <= self._max_age for domain, confirmed in found)
        return Standing.BAD if found and is_certain else Standing.UNKNOWN

    def _look(self) -> None:
        now = self._clock()
        if 0.0 <= now - self._looked < LOOK_SECONDS:  # before that, the clock was set back
            return
        self._looked = now
        try:
            stats = {path: path.stat() for path in sorted(self._folder.glob("*.json"))}
        except OSError:
            return
        stamps = {path.name: (status.st_mtime, status.st_ino, status.st_size) for path, status in stats.items()}
        if stamps != self._stamps:
            self._stamps = stamps
            read = {path.name: self._read(path, *stamps[path.name]) for path in stats}
            self._files = {name: file for name, file in read.items() if file is not None}

    def _read(self, path: Path, confirmed: float, *content: int) -> _File | None:
        """Read a file unless it is known; one of a million recipients takes a second."""
        known = self._files.get(path.name)
        if known is None or known.content != content:
            try:
                known = _File(path, (content[0], content[1]))
            except (OSError, msgspec.DecodeError):
                return known
        known.confirmed = confirmed
        return known
