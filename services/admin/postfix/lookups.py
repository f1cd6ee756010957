"""Tables and files that a configuration names: found under the imported folder, and brought along."""

import re
from pathlib import Path, PurePosixPath

from services.admin.postfix.draft import Draft
from services.admin.postfix.lines import split_words, unbrace
from services.kernel.tables.collection import TYPES

CONFIG_FOLDER = "/etc/malleposte"
"""Where the containers see the folder with malleposte.yaml."""

_BY_TEXT = ("btree", "cdb", "dbm", "sdbm", "hash", "lmdb", "texthash")
"""Types that postmap makes from one and the same text."""
_NESTED = ("unionmap", "pipemap")
_DBPATH = re.compile(r"^dbpath\s*=\s*(/\S*)", re.MULTILINE)
_INLINE = ("static", "inline")


class NotBrought(Exception):
    """A table or file that cannot be had; the message is the reason for the report."""


class Lookups:
    """The imported folder. Copies are noted in the draft."""

    def __init__(self, folder: Path, draft: Draft) -> None:
        self._folder = folder
        self._draft = draft

    def table(self, word: str) -> str:
        """``hash:/etc/postfix/virtual`` as we name it: ``hash:virtual``. Raises ``NotBrought``."""
        word = word.removeprefix("proxy:")
        kind, colon, name = word.partition(":")
        if not colon:
            raise NotBrought(f"{word!r} is no type:table")
        if kind in _NESTED and kind in TYPES:
            return f"{kind}:{{{', '.join(self.table(inner) for inner in split_words(unbrace(name)))}}}"
        if kind in _INLINE:
            return word
        if kind in _BY_TEXT:
            kind = kind if kind in TYPES else "hash"
        if kind not in TYPES:
            raise NotBrought(f"there are no tables of type {kind}; there are {', '.join(TYPES)}")
        if name.startswith("{"):  # patterns written out in place (Postfix 3.7)
            return f"{kind}:{name}"
        path = self.path(name)
        if kind == "sqlite":
            self._note_database(path)
        return f"{kind}:{self._bring(path)}"

    def file(self, name: str) -> str:
        """A file that is named by a setting, as the containers see it. Raises ``NotBrought``."""
        return f"{CONFIG_FOLDER}/tables/{self._bring(self.path(name))}"

    def path(self, name: str) -> Path:
        """The file under the imported folder whose path ends as ``name`` does, the longest end first. Raises ``NotBrought``."""
        parts = [part for part in PurePosixPath(name).parts if part not in ("/", ".")]
        for start in range(len(parts)):
            if ".." not in parts and (path := self._folder.joinpath(*parts[start:])).is_file():
                return path
        wanted = "/".join(parts[-2:]) if name.startswith("/etc/") else "/".join(parts)
        if any(self._folder.joinpath(*parts[start:-1], f"{parts[-1]}.db").is_file() for start in range(len(parts))):
            raise NotBrought(f"{name}: only what postmap made of it is here, and the text is needed")
        raise NotBrought(f"{name} is not here; put it into the imported folder as {wanted} and import again")

    def lines(self, name: str) -> list[str]:
        """The words of ``/file`` in a list of domains or networks. Raises ``NotBrought``."""
        rows = self.path(name).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        return [word for row in rows if not row.lstrip().startswith("#") for word in split_words(row)]

    def _note_database(self, path: Path) -> None:
        """The containers see the database only in the folder of tables, or where the operator mounts it."""
        match = _DBPATH.search(path.read_text(encoding="utf-8", errors="replace"))
        note = f"{path.name}: the services find no {match[1]} of this host: put it into tables/ and name it so in dbpath" if match else ""
        if note and note not in self._draft.notes:
            self._draft.notes.append(note)

    def _bring(self, source: Path) -> str:
        """Note a copy and return its name among the tables; two files of one name get their folder's name in front."""
        name = source.name
        if self._draft.files.get(f"tables/{name}", source) != source:
            name = "-".join(source.relative_to(self._folder).parts)
        self._draft.files[f"tables/{name}"] = source
        return name
