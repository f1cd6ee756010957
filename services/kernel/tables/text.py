"""Key and value, one a line: the source text of ``hash:``, ``lmdb:`` and ``texthash:`` tables."""

from pathlib import Path

from services.kernel.tables.lines import logical_lines
from services.kernel.tables.lookup import Found, Table, TableTrouble
from services.kernel.tables.source import FollowedFile, Watch

Entries = dict[str, tuple[str, int]]


def parse_text(name: str, text: str) -> Entries:
    """Folded key to ``(value, line)``; of equal keys the first counts (postmap(1)). Raises ``TableTrouble`` for a key without value."""
    entries: Entries = {}
    for number, line in logical_lines(text):
        key, value = _split_key(line)
        if not value:
            raise TableTrouble(f"{name}:{number}: no value for {key!r}")
        entries.setdefault(key.lower(), (value, number))
    return entries


def _split_key(line: str) -> tuple[str, str]:
    """Cut at the first white space outside of double quotes, so that quoted local parts are keys (postmap(1))."""
    is_quoted = is_escaped = False
    for position, character in enumerate(line):
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif character.isspace() and not is_quoted:
            return line[:position], line[position:].strip()
    return line, ""


class TextTable(Table):
    """A key-value file. Keys are compared without case, as Postfix does for these types."""

    def __init__(self, name: str, path: Path, watch: Watch) -> None:
        super().__init__(name)
        self._path = path
        self._file = FollowedFile(path, parse_text, watch)

    async def lookup(self, key: str) -> Found | None:
        """Raises ``TableTrouble``."""
        entry = self._file.current().get(key.lower())
        return Found(entry[0], str(self._path), entry[1]) if entry else None

    def version(self) -> int:
        """Grows with each content taken into use."""
        return self._file.version()
