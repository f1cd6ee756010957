"""Tables of rules that are tried in order: the frame that ``regexp:``, ``pcre:`` and ``cidr:`` share.

``if`` and ``endif`` nest; the rules between are tried only when the condition of the ``if`` holds (regexp_table(5), pcre_table(5), cidr_table(5)).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services.kernel.tables.lines import logical_lines
from services.kernel.tables.lookup import Found, Table, TableTrouble
from services.kernel.tables.source import FollowedFile, Watch

Test = Callable[[str], Callable[[str], str] | None]
"""Takes a key; gives ``None`` for no match, or what turns the rule's text into its value."""
ParseRule = Callable[[str], tuple[Test, str]]
"""Reads ``pattern text``; raises ``ValueError`` with words for the operator."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line. For an ``if``, ``text`` is ``None`` and ``skip_to`` the place of the rule after its ``endif``."""

    test: Test
    text: str | None
    line: int
    skip_to: int = 0


def split_word(line: str) -> tuple[str, str]:
    """The first word and the rest, without the white space between."""
    word, *rest = line.split(None, 1)
    return word, rest[0].strip() if rest else ""


def parse_rules(name: str, text: str, parse_rule: ParseRule) -> list[Rule]:
    """Raises ``TableTrouble`` that names the line."""
    rules: list[Rule] = []
    open_ifs: list[int] = []
    for number, line in logical_lines(text):
        word, rest = split_word(line)
        try:
            if word.lower() == "endif":
                start = open_ifs.pop()
                rules[start] = Rule(rules[start].test, None, rules[start].line, len(rules))
            elif word.lower() == "if":
                open_ifs.append(len(rules))
                rules.append(Rule(parse_rule(rest)[0], None, number))
            else:
                test, value = parse_rule(line)
                if not value:
                    raise ValueError("no value for the pattern")
                rules.append(Rule(test, value, number))
        except IndexError:
            raise TableTrouble(f"{name}:{number}: endif without if") from None
        except ValueError as error:
            raise TableTrouble(f"{name}:{number}: {error}") from None
    if open_ifs:
        raise TableTrouble(f"{name}:{rules[open_ifs[-1]].line}: if without endif")
    return rules


class RuleTable(Table):
    """A file of rules; the first one that matches gives the value."""

    def __init__(self, name: str, path: Path, parse_rule: ParseRule, watch: Watch) -> None:
        super().__init__(name)
        self._path = path
        self._file = FollowedFile(path, lambda file, text: parse_rules(file, text, parse_rule), watch)

    @property
    def is_pattern(self) -> bool:
        """Patterns see the whole key only."""
        return True

    async def lookup(self, key: str) -> Found | None:
        """Raises ``TableTrouble``."""
        rules = self._file.current()
        place = 0
        while place < len(rules):
            rule = rules[place]
            place += 1
            expand = rule.test(key)
            if rule.text is None:
                place = place if expand else rule.skip_to
            elif expand:
                return Found(expand(rule.text), str(self._path), rule.line)
        return None

    def version(self) -> int:
        """Grows with each content taken into use."""
        return self._file.version()
