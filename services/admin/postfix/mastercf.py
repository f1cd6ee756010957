"""master.cf: the services and what each sets for itself (master(5))."""

import re
from dataclasses import dataclass, field

from services.admin.postfix.lines import ImportTrouble, logical_lines, split_words, unbrace
from services.admin.postfix.maincf import Setting

FILE = "master.cf"
_FIELDS = 8
_OVERRIDE = re.compile(r"([^\s=]+)\s*=\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One service. ``arguments`` are the words of its command without ``-o``; ``text`` is the command as it stands, for pipe(8)."""

    name: str
    kind: str
    process_limit: str
    command: str
    line: int
    overrides: dict[str, Setting] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        """``submission/inet``, as postconf -M says it."""
        return f"{self.name}/{self.kind}"


def parse(text: str) -> list[Entry]:
    """All entries in order. Raises ``ImportTrouble``."""
    return [_entry(line, logical) for line, logical in logical_lines(text)]


def _entry(line: int, logical: str) -> Entry:
    columns = logical.split(None, _FIELDS - 1)
    if len(columns) < _FIELDS:
        raise ImportTrouble(f"{FILE}:{line}: expected {_FIELDS} columns, not {len(columns)}")
    command, _, rest = columns[7].replace("\n", " ").partition(" ")
    overrides, arguments = _arguments(line, rest)
    return Entry(columns[0], columns[1], columns[6], command, line, overrides, tuple(arguments))


def _arguments(line: int, text: str) -> tuple[dict[str, Setting], list[str]]:
    try:
        words = _split(text)
    except ValueError as error:
        raise ImportTrouble(f"{FILE}:{line}: {error}") from None
    overrides, arguments = dict[str, Setting](), list[str]()
    rest = iter(words)
    for word in rest:
        if not word.startswith("-o") or any(earlier.startswith("argv=") for earlier in arguments):
            arguments.append(word)
            continue
        text = word[2:] or next(rest, "")
        match = _OVERRIDE.fullmatch(unbrace(text))
        if match is None:
            raise ImportTrouble(f"{FILE}:{line}: expected -o name=value, not {text!r}")
        overrides[match[1]] = Setting(match[1], match[2].strip(), FILE, line)
    return overrides, arguments


def _split(text: str) -> list[str]:
    """Words at white space; a word that begins with a brace ends with it (master(5), Postfix 3.0). A comma separates nothing here."""
    comma = "\x00"
    return [word.replace(comma, ",") for word in split_words(text.replace(",", comma))]
