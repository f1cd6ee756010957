"""What a command works with, read when it is first needed."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.admin.config import AdminSettings
    from services.admin.control import Control
    from services.admin.directory import DirectoryWriter
    from services.admin.moving.hop import Mailboxes
    from services.admin.verifier import Verifier
    from services.kernel.directory.config import DirectorySettings
    from services.kernel.runtime.config import Document, Site
    from services.kernel.tables.collection import Tables


class Desk:
    """The configuration and what it leads to. Raises ``ConfigError``, ``DirectoryTrouble``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def document(self) -> "Document":
        """The configuration file."""
        from services.kernel.runtime.config import read

        return read(self.path)

    @cached_property
    def site(self) -> "Site":
        """The section ``site``."""
        from services.kernel.runtime.config import Site

        return self.document.section(Site, "site")

    @cached_property
    def settings(self) -> "AdminSettings":
        """The section ``admin``."""
        from services.admin.config import AdminSettings

        return self.document.section(AdminSettings, "admin")

    @cached_property
    def directory_settings(self) -> "DirectorySettings":
        """The section ``directory``."""
        from services.kernel.directory.config import DirectorySettings

        return self.document.section(DirectorySettings, "directory")

    @property
    def tables_folder(self) -> Path:
        """Where table files are: beside the configuration."""
        return self.path.parent / "tables"

    def tables(self) -> "Tables":
        """The lookup tables; a fault in one ends the command."""
        from services.kernel.tables.collection import Tables

        return Tables(_refuse, self.tables_folder)

    def writer(self) -> "DirectoryWriter":
        """The directory, to read and write."""
        from services.admin.directory import DirectoryWriter

        return DirectoryWriter(self.directory_settings, self.site.recipient_delimiter)

    def control(self) -> "Control":
        """qmgr."""
        from services.admin.control import Control

        return Control(self.settings.control)

    def verifier(self) -> "Verifier":
        """verify."""
        from services.admin.verifier import Verifier

        return Verifier(self.settings.verify)

    def mailboxes(self) -> "Mailboxes":
        """mda."""
        from services.admin.moving.hop import Mailboxes

        return Mailboxes(self.settings.mailboxes)


def _refuse(fault: str) -> None:
    from services.kernel.runtime.config import ConfigError

    raise ConfigError(fault)
