"""Alias files in the format of aliases(5): ``name: target, target``, with ``:include:`` files.

Only what a mail system without users of its own can do: a command or a file as a target is refused for the aliases that have one, with
words that name the line. An included file is followed as the alias file is; its path is relative to the folder of tables, or whole.
"""

import re
from pathlib import Path

from services.kernel.tables.flaws import NOT_UTF8, ORPHAN, Flaw
from services.kernel.tables.lines import logical_lines
from services.kernel.tables.lookup import Found, Table, TableTrouble
from services.kernel.tables.source import FollowedFile, Watch

INCLUDE = ":include:"
NESTING_LIMIT = 10
"""Of included files in included files; nobody has two."""

_NAME = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^:"]+?))\s*:\s*(.*)', re.DOTALL)
_TARGET = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\\.|[^,"\\])+')
_QUOTED_PAIR = re.compile(r"\\(.)")
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|\([^()]*\)')
_ANGLE = re.compile(r"[^<>]*<([^<>]+)>")

Aliases = dict[str, tuple[str, int]]


def parse_aliases(data: bytes) -> tuple[Aliases, list[Flaw]]:
    """Folded name to ``(targets as text, line)``; of equal names the first counts (postalias(1))."""
    aliases: Aliases = {}
    flaws = list[Flaw]()
    for number, line in logical_lines(data):
        try:
            text = line.decode()
        except UnicodeDecodeError:
            flaws.append(Flaw(number, NOT_UTF8))
            continue
        match = _NAME.fullmatch(text)
        if text[:1].isspace():
            flaws.append(Flaw(number, ORPHAN))
        elif match is None or not match[3].strip():
            flaws.append(Flaw(number, "expected format: name: target, target"))
        else:
            name = (_QUOTED_PAIR.sub(r"\1", match[1]) if match[1] is not None else match[2]).lower()
            flaws += [Flaw(number, words, is_error=False) for words in map(refusal_of, split_targets(match[3])) if words]
            if name in aliases:
                flaws.append(Flaw(number, f"duplicate entry {name!r}; the one in line {aliases[name][1]} counts", is_error=False))
            aliases.setdefault(name, (match[3].strip(), number))
    return aliases, flaws


def parse_include(data: bytes) -> tuple[list[tuple[str, int]], list[Flaw]]:
    """The targets of an included file, each with its line."""
    targets, flaws = list[tuple[str, int]](), list[Flaw]()
    for number, line in logical_lines(data):
        try:
            targets += [(target, number) for target in split_targets(line.decode())]
        except UnicodeDecodeError:
            flaws.append(Flaw(number, NOT_UTF8))
    return targets, flaws


def split_targets(text: str) -> list[str]:
    """Cut at the commas outside of quotes. Quotes around a whole target go, as do comments, the name and brackets around an address, and the
    backslash of ``\\user``, which Postfix does not heed here either."""
    found = list[str]()
    for part in map(str.strip, _TARGET.findall(_COMMENT.sub(lambda match: match[1] or "", text))):
        angle = _ANGLE.fullmatch(part)
        target = (angle[1].strip() if angle else part).removeprefix("\\")
        if is_quoted(target):
            target = unquote(target)
        if target:
            found.append(target)
    return found


def is_quoted(text: str) -> bool:
    """Whether quotes stand around the whole of it."""
    return len(text) > 1 and text.startswith('"') and text.endswith('"')


def unquote(text: str) -> str:
    """Without the quotes around it."""
    return _QUOTED_PAIR.sub(r"\1", text[1:-1])


def refusal_of(target: str) -> str:
    """Why a target cannot be one here; empty for those that can."""
    if target.startswith("|"):
        return "a command is no target here; a transport of the program pipe runs commands"  # not named: its arguments may hold a secret
    if target.startswith("/"):
        return f"a file is no target here: {target}"
    return ""


class AliasTable(Table):
    """A file of aliases. A value is its targets, separated by commas, with those of included files."""

    def __init__(self, name: str, path: Path, root: Path, watch: Watch) -> None:
        super().__init__(name)
        self._path = path
        self._root = root
        self._watch = watch
        self._file = FollowedFile(path, parse_aliases, watch)
        self._included: dict[Path, FollowedFile[list[tuple[str, int]]]] = {}

    async def lookup(self, key: str) -> Found | None:
        """The targets of a name, without case. Raises ``TableTrouble``, also for a target that is refused."""
        entry = (await self._file.content()).get(key.lower())
        if entry is None:
            return None
        value, line = entry
        targets = [each for target in split_targets(value) for each in await self._expand(target, f"{self._path}:{line}", 0)]
        return Found(", ".join(targets), str(self._path), line)

    async def _expand(self, target: str, place: str, depth: int) -> list[str]:
        if words := refusal_of(target):
            raise TableTrouble(f"{place}: {words}")
        if not target.lower().startswith(INCLUDE):
            return [target]
        if depth >= NESTING_LIMIT:
            raise TableTrouble(f"{place}: included files include each other")
        path = self._root / target[len(INCLUDE) :].strip()
        file = self._included.setdefault(path, FollowedFile(path, parse_include, self._watch))
        lines = await file.content()
        return [each for inner, line in lines for each in await self._expand(inner, f"{path}:{line}", depth + 1)]

    def version(self) -> int:
        """Grows with each content of any of the files taken into use."""
        return self._file.version() + sum(file.version() for file in self._included.values())
