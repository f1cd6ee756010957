"""What all folders of one user share: the Maildir, the index, and the files that Dovecot knows too."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.kernel.mailbox import names
from services.kernel.mailbox.catalog.file import CatalogFile
from services.kernel.mailbox.disk import FILE_MODE, Disk
from services.kernel.mailbox.filename import UniqueNames
from services.kernel.mailbox.index import Index
from services.kernel.mailbox.warm import Warm

NOTIFY_NAME = "malleposte.notify"
KEYWORDS_NAME = "dovecot-keywords"
SUBSCRIPTIONS_NAME = "subscriptions"
FOLDER_MARK = "maildirfolder"
"""Maildir++ asks for this empty file in every folder but INBOX."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The world outside: disk, time and names that are made once."""

    disk: Disk
    clock: Callable[[], float]
    unique: UniqueNames
    boot: str
    """Changes when the machine starts anew."""


class Home:
    """One user's Maildir."""

    def __init__(self, maildir: Path, tools: Tools) -> None:
        self.maildir = maildir
        self.tools = tools
        self.notify_path = maildir / NOTIFY_NAME
        self.index = Index(maildir, tools.boot)
        self.catalog = CatalogFile(maildir)
        self.warm = Warm()

    @property
    def disk(self) -> Disk:
        """The disk of this process."""
        return self.tools.disk

    def close(self) -> None:
        """Close the files that are open; the next use opens them again."""
        self.index.close()
        self.catalog.close()

    def directory(self, name: str) -> Path:
        """The directory of a folder."""
        return self.maildir / names.directory(name)

    def make(self) -> None:
        """Make what every Maildir has, as far as it is missing, durably. Raises ``OSError``."""
        above = (self.maildir.parent.parent, self.maildir.parent, self.maildir)
        is_new = [self.disk.make_directory(path) for path in above]
        self.make_folder(self.maildir)
        if not self.notify_path.exists():
            os.close(os.open(self.notify_path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE))
        if any(is_new):
            for path in (*above, above[0].parent):
                self.disk.sync_directory(path)

    def make_folder(self, directory: Path) -> None:
        """Make a folder's directories; ``cur`` last, because a directory with it is a folder. Raises ``OSError``."""
        self.disk.make_directory(directory)
        if directory != self.maildir:
            (directory / FOLDER_MARK).touch(FILE_MODE)
        for part in ("tmp", "new", "cur"):
            self.disk.make_directory(directory / part)

    def folder_names(self) -> list[str]:
        """The folders that have a directory, INBOX first, then by name. Raises ``OSError``."""
        found = (names.from_directory(entry) for entry in os.listdir(self.maildir))
        return [names.INBOX, *sorted(name for name in found if name and (self.directory(name) / "cur").is_dir())]

    def notify(self) -> None:
        """Wake those who watch this mailbox. What is committed stands even when nobody can be woken."""
        with suppress(OSError):
            os.utime(self.notify_path)

    def read_keywords(self, directory: Path) -> tuple[str, ...]:
        """The keywords of a folder in the order of their letters, from a file of ``<number> <keyword>`` lines."""
        try:
            lines = (directory / KEYWORDS_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ()
        pairs = (line.partition(" ") for line in lines)
        numbered = {int(number): word for number, _, word in pairs if number.isdecimal() and word.isprintable() and word and " " not in word}
        return tuple(numbered.get(number, f"unknown-{number}") for number in range(max(numbered, default=-1) + 1))[:26]

    def write_keywords(self, directory: Path, keywords: tuple[str, ...]) -> None:
        """Replace the keywords of a folder. Raises ``OSError``."""
        self.replace(directory / KEYWORDS_NAME, "".join(f"{number} {word}\n" for number, word in enumerate(keywords)))

    def subscriptions(self) -> list[str] | None:
        """The names subscribed to; ``None`` before the first subscription. Dovecot's later form has a heading and tabs between levels."""
        try:
            text = (self.maildir / SUBSCRIPTIONS_NAME).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        lines = text.replace("\t", names.SEPARATOR).splitlines()[2:] if text.startswith("V\t2") else text.splitlines()
        return [_decoded(line) for line in lines if line]

    def write_subscriptions(self, subscribed: list[str]) -> None:
        """Replace the subscriptions. Raises ``OSError``."""
        self.replace(self.maildir / SUBSCRIPTIONS_NAME, "".join(f"{names.encode(name)}\n" for name in subscribed))

    def replace(self, path: Path, text: str) -> None:
        """Write a small file whole or not at all. Raises ``OSError``."""
        temporary = self.maildir / "tmp" / self.tools.unique.make()
        file = self.disk.create(str(temporary))
        try:
            self.disk.write(file, [text.encode()])
            self.disk.sync(file)
        finally:
            os.close(file)
        self.disk.rename(str(temporary), str(path))


def _decoded(line: str) -> str:
    try:
        return names.decode(line)
    except ValueError:
        return line
