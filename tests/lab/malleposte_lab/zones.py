"""The domain name system of a lab: one zone file served by a real name server, changed by calls."""

import re
from collections.abc import Callable
from pathlib import Path

from malleposte_lab.faults import Fault, Faults


class Zones:
    """The zone files in a folder, of which ``NAME.zone`` is the one that tests edit. ``reload`` makes the name server read them again.

    Every change is a fault: it is undone at the end. Names are given in full, without a dot at the end.
    """

    def __init__(self, folder: Path, name: str, faults: Faults, reload: Callable[[], object]) -> None:
        self._folder, self._name, self._faults, self._reload = folder, name, faults, reload
        self._file = folder / f"{name}.zone"

    def set(self, name: str, *records: str) -> Fault:
        """Replace all records of a name: ``set("example.test", "MX 10 mx1.example.test.", ...)``."""
        lines = [f"{name}. {record}" for record in records]
        return self._change("dns", f"{name}: {', '.join(records) or 'nothing'}", lambda text: _without(text, self._pattern(name), *lines))

    def nxdomain(self, domain: str) -> Fault:
        """There is no such domain, and nothing below it."""
        return self._change("dns", f"{domain}: NXDOMAIN", lambda text: _without(text, rf"(\S+\.)?{self._pattern(domain)}"))

    def servfail(self, domain: str) -> Fault:
        """The server has the domain and cannot answer for it: SERVFAIL."""
        broken = self._folder / f"{domain}.zone"
        broken.write_text("")
        self._reload()

        def undo() -> None:
            broken.unlink()
            self._reload()

        return self._faults.made("dns", f"{domain}: SERVFAIL", undo)

    def _pattern(self, name: str) -> str:
        relative = name.removesuffix(f".{self._name}")
        return rf"(?:{re.escape(relative)}|{re.escape(name)}\.)"

    def _change(self, kind: str, what: str, change: Callable[[str], str]) -> Fault:
        before = self._file.read_text()
        self._write(change(before))
        return self._faults.made(kind, what, lambda: self._write(before))

    def _write(self, text: str) -> None:
        self._file.write_text(text)
        self._reload()


def _without(text: str, owner: str, *new: str) -> str:
    kept = [line for line in text.splitlines() if not re.match(rf"{owner}\s", line)]
    return "\n".join([*kept, *new, ""])
