"""A user's Sieve scripts, beside the Maildir as Dovecot's ManageSieve lays them out, so that a user moves in or out with his folder.

``<home>/sieve/NAME.sieve`` are the scripts and ``<home>/.dovecot.sieve`` is a symbolic link to the active one; a plain file of that name is an
active script that nobody manages, and becomes ``sieve/dovecot.orig.sieve`` when another is made active. A link is read by the last part of its
target alone: it may have been made where the home had another path.

Each change is whole or not at all, and durable when the method returns. One process at a time changes a user's scripts (a lock on the directory);
readers need none. All methods block and raise ``MailboxTrouble`` and ``Refusal``.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from services.kernel.mailbox.disk import FILE_MODE
from services.kernel.mailbox.home import Tools
from services.kernel.mailbox.trouble import MailboxTrouble, Refusal, mapped

DIRECTORY = "sieve"
ACTIVE = ".dovecot.sieve"
SUFFIX = ".sieve"
UNMANAGED = "dovecot.orig"
"""The name that Pigeonhole gives to an active script that nobody managed."""
LARGEST_BYTES = 1 << 24
"""The most that a site can allow one script."""
NAME_BYTES = 255 - len(SUFFIX)
"""What a file name leaves (ext4, XFS). RFC 5804 section 1.6 wants 128 characters; of those with four octets fewer fit."""
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029/\ud800-\udfff]")
"""RFC 5804 section 1.6, and what no file name may have."""


class BadScriptName(Refusal):
    """No script can have this name."""


class NoSuchScript(Refusal):
    """There is no script of this name (RFC 5804 ``NONEXISTENT``)."""


class ScriptExists(Refusal):
    """There is a script of this name already (``ALREADYEXISTS``)."""


class ScriptIsActive(Refusal):
    """The script is the active one (``ACTIVE``)."""


class ScriptQuota(Refusal):
    """The script is too large, there are too many, or all together are too large (``QUOTA``); ``word`` is the more exact response code."""

    def __init__(self, words: str, word: str) -> None:
        super().__init__(words)
        self.word = word


@dataclass(frozen=True, slots=True)
class ScriptLimits:
    """Of one user."""

    scripts: int = 32
    script_bytes: int = 1 << 20
    total_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class ActiveScript:
    """The script that delivery runs. ``version`` is another one after any change. ``name`` is for people."""

    path: Path
    name: str
    version: tuple[int, int, int]


def check_name(name: str) -> str:
    """Return a name that a script may have. Raises ``BadScriptName``."""
    if not name or name.startswith(".") or _FORBIDDEN.search(name):
        raise BadScriptName("a script's name may not be empty, begin with a dot, or have control characters or a slash in it")
    if len(name.encode()) > NAME_BYTES:
        raise BadScriptName(f"a script's name may have {NAME_BYTES} octets")
    return name


class Scripts:
    """The scripts of the user whose mailbox lies in ``home``. Nothing is opened before the first call."""

    def __init__(self, home: Path, tools: Tools, limits: ScriptLimits) -> None:
        self._home = home
        self._directory = home / DIRECTORY
        self._link = f"{home}/{ACTIVE}"
        self._tools = tools
        self._limits = limits

    def active(self) -> ActiveScript | None:
        """The active script, found by one system call when there is none."""
        try:
            path = self._directory / os.path.basename(os.readlink(self._link))
        except FileNotFoundError:
            return None
        except OSError:  # no link
            path = self._home / ACTIVE
        return self._look_at(path)

    def find(self, name: str) -> ActiveScript:
        """A script, active or not, as something to run. Raises ``NoSuchScript``."""
        found = self._look_at(self._path(name)) if _is_name(name) else None
        if found is None:
            raise NoSuchScript(f"there is no script {name!r}")
        return found

    def _look_at(self, path: Path) -> ActiveScript | None:
        with mapped():
            try:
                status = os.stat(path, follow_symlinks=False)
            except FileNotFoundError:
                return None
        return ActiveScript(path, path.name.removesuffix(SUFFIX), (status.st_mtime_ns, status.st_ino, status.st_size))

    def names(self) -> Sequence[str]:
        """All scripts, by name."""
        with mapped():
            try:
                entries = os.listdir(self._directory)
            except FileNotFoundError:
                return []
        return sorted(entry.removesuffix(SUFFIX) for entry in entries if entry.endswith(SUFFIX) and _is_name(entry.removesuffix(SUFFIX)))

    def active_name(self) -> str:
        """The name of the active script; empty when there is none, or one that nobody manages."""
        found = self.active()
        return found.name if found is not None and found.path.parent == self._directory else ""

    def unmanaged(self) -> bytes | None:
        """The active script if it is one that nobody manages."""
        found = self.active()
        if found is None or found.path.parent == self._directory:
            return None
        with mapped():
            return _read_whole(found.path)

    def read(self, name: str) -> bytes:
        """A script, whole though the limit may have been lowered since it was written. Raises ``NoSuchScript``."""
        if not _is_name(name):
            raise NoSuchScript(f"there is no script {name!r}")
        with mapped():
            try:
                return _read_whole(self._path(name))
            except FileNotFoundError:
                raise NoSuchScript(f"there is no script {name!r}") from None

    def write(self, name: str, source: bytes) -> None:
        """Store a script, in the place of one with this name. Raises ``BadScriptName``, ``ScriptQuota``."""
        check_name(name)
        with self._changing():
            self.check_room(name, len(source))
            with self._temporary() as temporary:
                file = self._tools.disk.create(temporary)
                try:
                    self._tools.disk.write(file, [source])
                    self._tools.disk.sync(file)
                finally:
                    os.close(file)
                self._tools.disk.rename(temporary, str(self._path(name)))

    def check_room(self, name: str, size_bytes: int) -> None:
        """Raise ``ScriptQuota`` when a script of this name and size would not fit, ``BadScriptName`` when it cannot be."""
        check_name(name)
        limits = self._limits
        if size_bytes > limits.script_bytes:
            raise ScriptQuota(f"a script may have {limits.script_bytes} octets", "MAXSIZE")
        others = [other for other in self.names() if other != name]
        if len(others) >= limits.scripts:
            raise ScriptQuota(f"there may be {limits.scripts} scripts", "MAXSCRIPTS")
        if sum(map(self._size, others)) + size_bytes > limits.total_bytes:
            raise ScriptQuota(f"all scripts together may have {limits.total_bytes} octets", "MAXSIZE")

    def activate(self, name: str) -> None:
        """Make a script the active one, or none for an empty name. Raises ``NoSuchScript``."""
        with self._changing():
            if name and not self._exists(name):
                raise NoSuchScript(f"there is no script {name!r}")
            self._rescue_unmanaged()
            if name:
                self._point_to(name)
            else:
                with suppress(FileNotFoundError):
                    self._tools.disk.unlink(str(self._home / ACTIVE))

    def delete(self, name: str) -> None:
        """Delete a script. Raises ``NoSuchScript``, ``ScriptIsActive``."""
        with self._changing():
            if not self._exists(name):
                raise NoSuchScript(f"there is no script {name!r}")
            if self.active_name() == name:
                raise ScriptIsActive(f"{name!r} is the active script")
            self._tools.disk.unlink(str(self._path(name)))

    def rename(self, old: str, new: str) -> None:
        """Rename a script; an active one stays active at every moment. Raises ``NoSuchScript``, ``ScriptExists``, ``BadScriptName``."""
        check_name(new)
        with self._changing():
            if not self._exists(old):
                raise NoSuchScript(f"there is no script {old!r}")
            if self._exists(new):
                raise ScriptExists(f"there is a script {new!r} already")
            self._tools.disk.link(str(self._path(old)), str(self._path(new)))
            if self.active_name() == old:
                self._point_to(new)
            self._tools.disk.unlink(str(self._path(old)))

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}{SUFFIX}"

    def _exists(self, name: str) -> bool:
        return _is_name(name) and self._path(name).is_file()

    def _size(self, name: str) -> int:
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def _temporary(self) -> Iterator[str]:
        """Where something is made that gets its name when it is whole; what fails leaves nothing there."""
        path = f"{self._directory}/tmp/{self._tools.unique.make()}"
        try:
            yield path
        except BaseException:
            with suppress(OSError):
                self._tools.disk.unlink(path)
            raise

    def _point_to(self, name: str) -> None:
        with self._temporary() as temporary:
            os.symlink(f"{DIRECTORY}/{name}{SUFFIX}", temporary)
            self._tools.disk.rename(temporary, str(self._home / ACTIVE))

    def _rescue_unmanaged(self) -> None:
        """Give an active script that nobody manages a second name, before the first is taken from it."""
        link = self._home / ACTIVE
        if link.is_file() and not link.is_symlink():
            with suppress(FileNotFoundError):
                self._tools.disk.unlink(str(self._path(UNMANAGED)))
            self._tools.disk.link(str(link), str(self._path(UNMANAGED)))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Alone among all processes; what was done is durable at the end."""
        with mapped():
            for path in (self._home.parent, self._home, self._directory, self._directory / "tmp"):
                if self._tools.disk.make_directory(path):
                    self._tools.disk.sync_directory(path.parent)
            lock = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
                self._tools.disk.sync(lock)
                self._tools.disk.sync_directory(self._home)
            finally:
                os.close(lock)


def read_script(path: Path, most_bytes: int) -> bytes:
    """The bytes of a script's file, one more than ``most_bytes`` at the most: what is longer is refused by whoever compiles. Raises ``OSError``."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, FILE_MODE)
    with os.fdopen(file, "rb") as stream:
        return stream.read(most_bytes + 1)


def _read_whole(path: Path) -> bytes:
    source = read_script(path, LARGEST_BYTES)
    if len(source) > LARGEST_BYTES:
        raise MailboxTrouble(f"{path} is larger than any script")
    return source


def _is_name(name: str) -> bool:
    try:
        return check_name(name) == name
    except BadScriptName:
        return False
