"""What a user's script may ask about: his mailboxes, his and the site's scripts, and the past."""

import time

from services.kernel.mailbox.records import FolderInfo
from services.kernel.mailbox.trouble import MailboxTrouble, Refusal
from services.kernel.sieve.delivery import Location
from services.kernel.sieve.script import Script
from services.mda import folders
from services.mda.folders import Cabinet
from services.mda.memory import Memory, Past
from services.mda.rulebook import Rulebook


class World:
    """One user's, for one run; implements ``kernel.sieve``'s ``Site``. Blocks; raises ``MailboxTrouble`` and what compiling raises."""

    def __init__(self, mailbox: str, cabinet: Cabinet, rulebook: Rulebook, memory: Memory) -> None:
        self._mailbox = mailbox
        self._cabinet = cabinet
        self._rulebook = rulebook
        self._memory = memory
        self._listed: list[FolderInfo] | None = None

    def _folders(self) -> list[FolderInfo]:
        if self._listed is None:
            self._listed = [folder for folder in self._cabinet.folders() if folder.exists]
        return self._listed

    def mailbox_exists(self, folder: str) -> bool:
        """Part of ``Site``."""
        name = folders.read_name(folder)
        return any(known.name == name for known in self._folders())

    def special_use_exists(self, attribute: str, folder: str | None) -> bool:
        """Part of ``Site``."""
        name = folders.read_name(folder) if folder is not None else None
        fits = (known for known in self._folders() if attribute.lower() in known.special_use.lower().split())
        return any(name is None or known.name == name for known in fits)

    def metadata(self, folder: str | None, entry: str) -> str | None:
        """Part of ``Site``."""
        name = folders.read_name(folder) if folder is not None else ""
        try:
            value = self._cabinet.annotations(name).get(entry.lower())
        except Refusal:
            return None
        return value.decode("utf-8", "surrogateescape") if value is not None else None

    def script(self, location: Location, name: str) -> Script | None:
        """Part of ``Site``."""
        try:
            return self._rulebook.included(name) if location is Location.GLOBAL else self._rulebook.personal(self._mailbox, name)
        except OSError as error:
            raise MailboxTrouble(str(error)) from error

    def was_seen(self, handle: str, identity: str) -> bool:
        """Part of ``Site``."""
        return self._memory.knows(Past.SEEN, (handle, identity), time.time())
