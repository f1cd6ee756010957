"""``regexp:`` and ``pcre:``: rules that are tried in order, with ``if`` and ``endif`` (regexp_table(5), pcre_table(5))."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from services.kernel.tables.flaws import ORPHAN, Flaw
from services.kernel.tables.lines import logical_lines
from services.kernel.tables.lookup import Found, Table, TableTrouble
from services.kernel.tables.patterns import Engine, Pattern, Test, Written, cut_pattern
from services.kernel.tables.source import FollowedFile, Watch
from services.kernel.tables.substitution import Template, parse_template

_STATEMENT = re.compile(rb"(if|endif)(?![0-9A-Za-z])", re.IGNORECASE)
_EXTRA = "text after {} is ignored; rules between if and endif must not be indented"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line. An ``if`` has no template; ``skip_to`` is the place of the rule after its ``endif``."""

    line: int
    test: Test
    template: Template | None = None
    highest: int = 0
    also: Test | None = None
    skip_to: int = 1 << 62


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pattern stands: the ``if`` rules around it are ``blocks``, the outermost first."""

    line: int
    blocks: tuple[int, ...]
    pattern: Written


class RuleReader:
    """Reads the rules of one text; what has an error is left out, as Postfix does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open_ifs: list[int] = []
        self.rules: list[Rule] = []
        self.written: list[Place] = []
        self.flaws: list[Flaw] = []

    def read(self, data: bytes) -> None:
        """Read a whole file."""
        for number, line in logical_lines(data):
            try:
                self._read_line(number, line.rstrip())
            except ValueError as error:
                self.flaws.append(Flaw(number, str(error)))
        self.flaws += [Flaw(self.rules[place].line, "if without endif") for place in reversed(self._open_ifs)]

    def _read_line(self, number: int, line: bytes) -> None:
        if line[:1].isspace():
            raise ValueError(ORPHAN)
        statement = _STATEMENT.match(line)
        if statement is None:
            if line[:1].isalnum():
                raise ValueError("a pattern between delimiters is expected")
            self._read_rule(number, line)
        elif statement[1].lower() == b"if":
            self._read_if(number, line[2:])
        else:
            self._read_endif(number, line[5:])

    def _read_if(self, number: int, rest: bytes) -> None:
        written, rest = cut_pattern(self._engine, rest)
        if rest.strip():
            self.flaws.append(Flaw(number, _EXTRA.format("if"), is_error=False))
        test = Test(self._compile(written.text, written.options), written.is_negated)
        self._open_ifs.append(len(self.rules))
        self.rules.append(Rule(number, test))

    def _read_endif(self, number: int, rest: bytes) -> None:
        if not self._open_ifs:
            raise ValueError("endif without if")
        if rest.strip():
            self.flaws.append(Flaw(number, _EXTRA.format("endif"), is_error=False))
        start = self._open_ifs.pop()
        self.rules[start] = replace(self.rules[start], skip_to=len(self.rules))

    def _read_rule(self, number: int, line: bytes) -> None:
        first, rest = cut_pattern(self._engine, line)
        second = None
        if self._engine.has_second_pattern and rest.startswith(b"!"):
            second, rest = cut_pattern(self._engine, rest)
        text = rest.strip()
        template = parse_template(text)
        if template.highest and first.is_negated:
            raise ValueError("$number in the text of a negated pattern")
        without = self._engine.option_without_groups
        pattern = self._compile(first.text, first.options | (0 if template.highest else without))
        if template.highest > pattern.groups:
            raise ValueError(f"${template.highest} names no group of the pattern")
        also = Test(self._compile(second.text, second.options | without), second.is_negated) if second else None
        if not text:
            self.flaws.append(Flaw(number, "no value for the pattern"))
        if not second:
            self.written.append(Place(number, tuple(self._open_ifs), first))
        self.rules.append(Rule(number, Test(pattern, first.is_negated), template, template.highest, also))

    def _compile(self, text: bytes, options: int) -> Pattern:
        try:
            return self._engine.compile(text, options)
        except ValueError as error:
            raise ValueError(f"bad pattern: {error}") from None


def parser(engine: Engine) -> Callable[[bytes], tuple[tuple[Rule, ...], list[Flaw]]]:
    """What reads the rules of an engine."""

    def parse(data: bytes) -> tuple[tuple[Rule, ...], list[Flaw]]:
        reader = RuleReader(engine)
        reader.read(data)
        return tuple(reader.rules), reader.flaws

    return parse


def search(rules: tuple[Rule, ...], key: bytes) -> tuple[int, bytes] | None:
    """The line of the first rule that matches, and its text with the groups put in. Raises ``RuleTrouble``."""
    place = 0
    while place < len(rules):
        rule = rules[place]
        place += 1
        try:
            groups = rule.test.groups_of(key, rule.highest)
            if groups is None:
                place = rule.skip_to if rule.template is None else place
            elif rule.template is not None and (rule.also is None or rule.also.groups_of(key, 0) is not None):
                return rule.line, rule.template.expand(groups.__getitem__)
        except ValueError as error:
            raise RuleTrouble(rule.line, str(error)) from None
    return None


class RuleTrouble(Exception):
    """The engine gave up at a line: too much work for this key."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class RuleTable(Table):
    """Rules of a file, or of the configuration itself; the first one that matches gives the value."""

    def __init__(self, name: str, path: Path, engine: Engine, watch: Watch) -> None:
        super().__init__(name)
        self._path = path
        self._file = FollowedFile(path, parser(engine), watch)

    @property
    def is_pattern(self) -> bool:
        """Patterns see the whole key only."""
        return True

    async def lookup(self, key: str) -> Found | None:
        """Raises ``TableTrouble``, also for a pattern that takes too much work and for a value that is not UTF-8."""
        return find(await self._file.content(), key, str(self._path))

    def version(self) -> int:
        """Grows with each content taken into use."""
        return self._file.version()


def find(rules: tuple[Rule, ...], key: str, place: str) -> Found | None:
    """Look a key up in the rules of ``place``. A key that is not UTF-8 matches nothing (Postfix dict_utf8(3)). Raises ``TableTrouble``."""
    try:
        found = search(rules, key.encode())
        return Found(found[1].decode(), place, found[0]) if found else None
    except RuleTrouble as trouble:
        raise TableTrouble(f"{place}:{trouble.line}: {trouble}") from None
    except UnicodeEncodeError:
        return None
    except UnicodeDecodeError:
        raise TableTrouble(f"{place}: the value of {key!r} is not UTF-8") from None
