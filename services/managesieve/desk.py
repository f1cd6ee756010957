"""What is done to the scripts of one user, and the reply. All of it blocks."""

import os
from typing import assert_never

from services.kernel.mailbox.config import SieveSettings
from services.kernel.mailbox.scripts import (
    SUFFIX,
    BadScriptName,
    NoSuchScript,
    ScriptExists,
    ScriptIsActive,
    ScriptQuota,
    Scripts,
    read_script,
)
from services.kernel.mailbox.trouble import Refusal, mapped
from services.kernel.sieve.delivery import Location
from services.kernel.sieve.flaws import SieveErrors
from services.kernel.sieve.library import Library
from services.kernel.sieve.script import Script, compile_script
from services.managesieve.commands import CheckScript, HaveSpace, Named, PutScript, Rename, Verb, Work
from services.managesieve.responses import literal, no, ok, string

CODES: dict[type[Refusal], bytes] = {
    NoSuchScript: b"NONEXISTENT",
    ScriptExists: b"ALREADYEXISTS",
    ScriptIsActive: b"ACTIVE",
    BadScriptName: b"",
}


class Desk:
    """One user's scripts. Methods return replies, and raise ``MailboxTrouble``."""

    def __init__(self, scripts: Scripts, settings: SieveSettings) -> None:
        self._scripts = scripts
        self._limits = settings.limits
        self._extensions = settings.extensions
        self._included = settings.included

    def list_scripts(self) -> bytes:
        """LISTSCRIPTS (RFC 5804 section 2.7)."""
        active = self._scripts.active_name()
        lines = [string(name.encode()) + (b" ACTIVE" if name == active else b"") + b"\r\n" for name in self._scripts.names()]
        return b"".join(lines) + ok("these are all")

    def answer(self, work: Work) -> bytes:
        """Do what is asked."""
        try:
            return self._answer(work)
        except ScriptQuota as quota:
            return no(str(quota), f"QUOTA/{quota.word}".encode())
        except SieveErrors as errors:
            return no(str(errors))
        except Refusal as refusal:
            return no(str(refusal), CODES.get(type(refusal), b""))

    def _answer(self, work: Work) -> bytes:
        match work:
            case PutScript(name, source):
                self._scripts.check_room(name, len(source))
                warnings = self._examine(source)
                self._scripts.write(name, source)
                return _done("the script is stored", warnings)
            case CheckScript(source):
                return _done("the script has no errors", self._examine(source))
            case HaveSpace(name, size_bytes):
                self._scripts.check_room(name, size_bytes)
                return ok("there is room")
            case Rename(old, new):
                self._scripts.rename(old, new)
                return ok("renamed")
            case Named(Verb.GETSCRIPT, name):
                return literal(self._scripts.read(name)) + b"\r\n" + ok("this is all of it")
            case Named(Verb.DELETESCRIPT, name):
                self._scripts.delete(name)
                return ok("deleted")
            case Named(_, name):
                return self._activate(name)
            case _:
                assert_never(work)

    def _activate(self, name: str) -> bytes:
        """SETACTIVE (RFC 5804 section 2.8). One that was put there by other ways may have errors."""
        if name:
            self._compile(self._scripts.read(name))
        self._scripts.activate(name)
        return ok("the script is active" if name else "no script is active")

    def _compile(self, source: bytes) -> Script:
        return compile_script(source, self._extensions, self._limits)

    def _examine(self, source: bytes) -> str:
        """What is wrong with scripts that this one includes, if it has no errors itself: they may be stored later (RFC 6609 section 3.1)."""
        found = Library(self._load, self._extensions, self._limits).examine(self._compile(source))
        return "\n".join(f"{each.script[1]}: {each.flaw}" if each.script else str(each.flaw) for each in found)

    def _load(self, location: Location, name: str) -> bytes | None:
        if location is Location.PERSONAL:
            return self._scripts.read(name) if name in self._scripts.names() else None
        path = self._included / f"{name}{SUFFIX}"
        with mapped():
            return read_script(path, self._limits.script_bytes) if "/" not in name and os.path.isfile(path) else None


def _done(words: str, warnings: str) -> bytes:
    return ok(warnings, b"WARNINGS") if warnings else ok(words)
