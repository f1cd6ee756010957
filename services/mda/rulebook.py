"""Which scripts hold for a mailbox: the site's before, the user's, the site's after; compiled once and again when they change.

``has_rules`` is asked for every message, in the event loop: one system call for a user without a script. All else blocks and has threads.
"""

import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from services.kernel.mailbox.config import SITE_EXTENSIONS, SieveSettings
from services.kernel.mailbox.scripts import SUFFIX, ActiveScript, NoSuchScript, Scripts, read_script
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble
from services.kernel.sieve.delivery import Stage
from services.kernel.sieve.flaws import Flaw, SieveErrors
from services.kernel.sieve.script import Script, compile_script

LOOK_SECONDS = 1.0
"""How often the site's scripts are looked at for a change."""
KNOWN = 1000
"""Compiled scripts that are kept."""
KNOWN_BYTES = 1 << 20
"""Of their sources: compiled, a script takes some 10 times as much room, and 120 times at the worst."""

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Rules:
    """The scripts for one mailbox. With ``flaw`` the user's does not compile: it and those after it are not there."""

    stages: tuple[Stage, ...]
    flaw: str = ""


class Compiler:
    """Compiles files and remembers what came of it. Raises ``SieveErrors``, and ``OSError`` for a file that cannot be read."""

    def __init__(self, settings: SieveSettings, *, is_sites: bool) -> None:
        self._most_bytes = settings.script_bytes
        self._limits = replace(settings.limits, tokens=sys.maxsize) if is_sites else settings.limits
        self._capabilities = SITE_EXTENSIONS if is_sites else settings.extensions
        self._most_known_bytes = sys.maxsize if is_sites else KNOWN_BYTES
        self._known: OrderedDict[Path, tuple[Version, Script | SieveErrors]] = OrderedDict()
        self._known_bytes = 0
        self._lock = threading.Lock()

    def compile(self, path: Path, version: Version) -> Script:
        """The script of a file with this version."""
        with self._lock:
            known = self._known.get(path)
        if known is None or known[0] != version:
            known = (version, self._compile(path))
            self._keep(path, known)
        if isinstance(known[1], SieveErrors):
            raise known[1]
        return known[1]

    def _keep(self, path: Path, fresh: tuple[Version, Script | SieveErrors]) -> None:
        """Remember one, and forget those that were compiled first beyond the limits."""
        with self._lock:
            self._forget(path)
            self._known[path] = fresh
            self._known_bytes += fresh[0][2]
            while len(self._known) > KNOWN or (self._known_bytes > self._most_known_bytes and len(self._known) > 1):
                self._forget(next(iter(self._known)))

    def _forget(self, path: Path) -> None:
        known = self._known.pop(path, None)
        self._known_bytes -= known[0][2] if known else 0

    def _compile(self, path: Path) -> Script | SieveErrors:
        source = read_script(path, self._most_bytes)
        if len(source) > self._most_bytes:
            return SieveErrors((Flaw(1, 1, f"the script has more than {self._most_bytes} octets"),))
        try:
            return compile_script(source, self._capabilities, self._limits)
        except SieveErrors as errors:
            return errors


class SiteScripts:
    """The scripts in one directory of the site, in the order of their names."""

    def __init__(self, directory: Path, compiler: Compiler, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._compiler = compiler
        self._tell = tell
        self._clock = clock
        self._look_at = float("-inf")
        self._files: dict[Path, Version] = {}
        self._good: dict[Path, Script] = {}
        self._told: dict[Path, str] = {}

    def has_any(self) -> bool:
        """Whether there are scripts. A directory that cannot be read has those that it had."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            try:
                self._files = {path: version_of(path) for path in sorted(self._directory.glob(f"*{SUFFIX}"))}
            except OSError as error:
                self._complain(self._directory, str(error))
        return bool(self._files)

    def stages(self) -> Iterable[Stage]:
        """The scripts; one that does not compile stays what it was, or is left out."""
        for path, version in self._files.items():
            try:
                self._good[path] = self._compiler.compile(path, version)
                self._told.pop(path, None)
            except (SieveErrors, OSError) as error:
                self._complain(path, f"{path.name}: {error}")
            if path in self._good:
                yield Stage(path.name, self._good[path])

    def _complain(self, path: Path, words: str) -> None:
        if self._told.get(path) != words:
            self._told[path] = words
            self._tell(words)


class Rulebook:
    """The scripts of all mailboxes."""

    def __init__(self, settings: SieveSettings, store: MailStore, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._store = store
        self._scripts: dict[str, Scripts] = {}
        self._users = Compiler(settings, is_sites=False)
        self._sites = Compiler(settings, is_sites=True)
        self._before = SiteScripts(settings.before, self._sites, tell)
        self._after = SiteScripts(settings.after, self._sites, tell)

    def has_rules(self, mailbox: str) -> bool:
        """Whether any script runs for mail to this mailbox; trouble with the user's counts as one, for ``rules`` to tell."""
        try:
            active = self.scripts(mailbox).active()
        except MailboxTrouble:
            return True
        return self._before.has_any() | self._after.has_any() | (active is not None)

    def scripts(self, mailbox: str) -> Scripts:
        """The user's scripts. Where they lie is remembered: to find that out anew takes four times as long as to look there."""
        scripts = self._scripts.get(mailbox)
        if scripts is None:
            if len(self._scripts) >= KNOWN:
                self._scripts.clear()
            scripts = self._scripts[mailbox] = self._store.scripts(mailbox, self._settings.script_limits)
        return scripts

    def rules(self, mailbox: str) -> Rules:
        """The scripts that run for mail to this mailbox. Raises ``MailboxTrouble``."""
        before = tuple(self._before.stages())
        active = self.scripts(mailbox).active()
        try:
            own = (Stage(active.name, self._compile(active)),) if active else ()
        except SieveErrors as errors:
            return Rules(before, f"{active.name if active else ''}: {errors}")
        return Rules((*before, *own, *self._after.stages()))

    def _compile(self, script: ActiveScript) -> Script:
        try:
            return self._users.compile(script.path, script.version)
        except OSError as error:
            raise MailboxTrouble(f"script {script.path}: {error.strerror}") from error

    def personal(self, mailbox: str, name: str) -> Script | None:
        """A script of the user's own, for ``include``. Raises ``SieveErrors`` and ``MailboxTrouble``."""
        try:
            script = self.scripts(mailbox).find(name)
        except NoSuchScript:
            return None
        return self._compile(script)

    def included(self, name: str) -> Script | None:
        """A script of the site's, for ``include :global``. Raises ``SieveErrors`` and ``OSError``."""
        path = self._settings.included / f"{name}{SUFFIX}"
        if "/" in name or "\0" in name or not os.path.isfile(path):  # a name too long for a file is no trouble for it
            return None
        return self._sites.compile(path, version_of(path))


def version_of(path: Path) -> Version:
    """What is another one after any change of a file. Raises ``OSError``."""
    status = path.stat()
    return status.st_mtime_ns, status.st_ino, status.st_size
