"""The syntax of POSIX extended regular expressions (IEEE 1003.1, 9.4), with ``\\w \\W \\s \\S \\b \\B \\< \\>`` as the GNU library has them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from services.kernel.sieve.comparing import fold_ascii

MOST_REPEATS = 255
"""RE_DUP_MAX."""
MOST_NESTING = 50
"""Groups inside each other."""

_BOUNDS = re.compile(r"\{(\d{1,6})?(,)?(\d{1,6})?\}")
_CLASSES: dict[str, Callable[[str], bool]] = {
    "alpha": str.isalpha,
    "digit": lambda c: c in "0123456789",
    "alnum": lambda c: c.isalpha() or c in "0123456789",
    "upper": str.isupper,
    "lower": str.islower,
    "space": lambda c: c in " \t\r\n\v\f",
    "blank": lambda c: c in " \t",
    "punct": lambda c: c.isascii() and c.isprintable() and not c.isalnum() and c != " ",
    "print": str.isprintable,
    "graph": lambda c: c.isprintable() and c != " ",
    "cntrl": lambda c: c < " " or c == "\x7f",
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}

Takes = str | Callable[[str], bool]


class BadPattern(ValueError):
    """A pattern that is none."""


class Op(IntEnum):
    """What an instruction does."""

    TAKE = 0
    SPLIT = 1
    JUMP = 2
    SAVE = 3
    ASSERT = 4
    MATCH = 5


class Instruction(NamedTuple):
    """``first`` is what TAKE takes, what ASSERT asks, or a place; ``second`` is the other place of a SPLIT, which prefers the first."""

    op: Op
    first: Any = None
    second: int = 0


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled pattern. ``first`` finds the characters that a match can begin with, where they are known."""

    code: tuple[Instruction, ...]
    groups: int
    first: "re.Pattern[str] | None"


def parse(pattern: str, folds: bool, states: int) -> Program:
    """Compile a pattern to no more than ``states`` instructions. Raises ``BadPattern``."""
    parser = _Parser(fold_ascii(pattern) if folds else pattern, folds, states)
    body = parser.alternatives(0)
    if parser.rest:
        raise BadPattern("unmatched )")
    code = (Instruction(Op.SAVE, 0), *body, Instruction(Op.SAVE, 1), Instruction(Op.MATCH))
    return Program(_absolute(code), parser.groups, _first(code))


def _absolute(code: tuple[Instruction, ...]) -> tuple[Instruction, ...]:
    """Make the places, relative until now, absolute."""
    return tuple(
        Instruction(op, at + first if op in (Op.SPLIT, Op.JUMP) else first, at + second if op is Op.SPLIT else 0)
        for at, (op, first, second) in enumerate(code)
    )


def _first(code: tuple[Instruction, ...]) -> "re.Pattern[str] | None":
    found: set[str] = set()
    waiting, seen = [0], set()
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        op, first, second = code[at]
        if op is Op.SAVE:
            waiting.append(at + 1)
        elif op is Op.SPLIT:
            waiting += (at + first, at + second)
        elif op is Op.JUMP:
            waiting.append(at + first)
        elif op is Op.TAKE and isinstance(first, str):
            found.add(first)
        else:
            return None
    return re.compile("|".join(map(re.escape, sorted(found))))


Code = list[Instruction]


@dataclass(slots=True)
class _Parser:
    """Recursive descent; places in what it returns are relative to the instruction that has them."""

    pattern: str
    folds: bool
    states: int
    at: int = 0
    groups: int = 0

    @property
    def rest(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def alternatives(self, depth: int) -> Code:
        if depth > MOST_NESTING:
            raise BadPattern("groups are nested too deep")
        branches = [self._branch(depth)]
        while self.rest == "|":
            self.at += 1
            branches.append(self._branch(depth))
        left = sum(len(branch) + 2 for branch in branches[:-1]) + len(branches[-1])
        code: Code = []
        for branch in branches[:-1]:
            left -= len(branch) + 2
            code += [Instruction(Op.SPLIT, 1, len(branch) + 2), *branch, Instruction(Op.JUMP, left + 1)]
        code += branches[-1]
        self._check(code)
        return code

    def _check(self, code: Code) -> None:
        if len(code) > self.states:
            raise BadPattern("the expression is too big")

    def _branch(self, depth: int) -> Code:
        code: Code = []
        while self.rest and self.rest != "|" and not (self.rest == ")" and depth):
            if self.rest == ")":
                raise BadPattern("unmatched )")
            code += self._repeated(self._atom(depth))
            self._check(code)
        return code

    def _atom(self, depth: int) -> Code:
        character = self.rest
        self.at += 1
        if character == "(":
            return self._group(depth)
        if character == "[":
            return [Instruction(Op.TAKE, self._bracket())]
        if character == ".":
            return [Instruction(Op.TAKE, _any)]
        if character == "^":
            return [Instruction(Op.ASSERT, _at_start)]
        if character == "$":
            return [Instruction(Op.ASSERT, _at_end)]
        if character == "\\":
            return [self._escape()]
        if character in "*+?" or (character == "{" and _BOUNDS.match(self.pattern, self.at - 1)):
            raise BadPattern(f"nothing to repeat before {character}")
        return [Instruction(Op.TAKE, character)]

    def _group(self, depth: int) -> Code:
        self.groups += 1
        number = 2 * self.groups
        inside = self.alternatives(depth + 1)
        if self.rest != ")":
            raise BadPattern("unmatched (")
        self.at += 1
        return [Instruction(Op.SAVE, number), *inside, Instruction(Op.SAVE, number + 1)]

    def _escape(self) -> Instruction:
        character = self.rest
        self.at += 1
        if not character:
            raise BadPattern("trailing backslash")
        if character in "123456789":
            raise BadPattern("back references are not supported")
        if character in _ASSERTIONS:
            return Instruction(Op.ASSERT, _ASSERTIONS[character])
        return Instruction(Op.TAKE, _SHORTHANDS.get(character, character))

    def _repeated(self, code: Code) -> Code:
        while self.rest and self.rest in "*+?{":
            least, most = self._bounds()
            if least < 0:
                return code
            code = self._repeat(code, least, most)
        return code

    def _bounds(self) -> tuple[int, int | None]:
        """How often; -1 when a brace is only a brace."""
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self.rest in simple:
            self.at += 1
            return simple[self.pattern[self.at - 1]]
        match = _BOUNDS.match(self.pattern, self.at)
        if match is None or not (match[1] or match[3]):
            if re.match(r"\{\d", self.pattern[self.at : self.at + 2]):
                raise BadPattern("invalid content of {}")
            return -1, None
        self.at = match.end()
        least = int(match[1] or 0)
        most = least if not match[2] else int(match[3]) if match[3] else None
        if least > MOST_REPEATS or (most is not None and not least <= most <= MOST_REPEATS):
            raise BadPattern("invalid content of {}")
        return least, most

    def _repeat(self, code: Code, least: int, most: int | None) -> Code:
        size = len(code)
        if size * max(least + 1, most or 0) > self.states:
            raise BadPattern("the expression is too big")
        repeated = code * least
        if most is None:
            repeated += [Instruction(Op.SPLIT, 1, size + 2), *code, Instruction(Op.JUMP, -size - 1)]
        else:
            left = most - least
            for number in range(left):
                repeated += [Instruction(Op.SPLIT, 1, (size + 1) * (left - number)), *code]
        self._check(repeated)
        return repeated

    # brackets

    def _bracket(self) -> Callable[[str], bool]:
        negate = self.rest == "^"
        self.at += negate
        singles: set[str] = set()
        ranges: list[tuple[str, str]] = []
        classes: list[Callable[[str], bool]] = []
        is_first = True
        while is_first or self.rest != "]":
            is_first = False
            name = self._class()
            if name:
                classes.append(name)
                continue
            low = self._element()
            if self.rest == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._element()
                if high < low:
                    raise BadPattern("invalid range end")
                ranges.append((low, high))
            else:
                singles.add(low)
        self.at += 1
        return _member(frozenset(singles), tuple(ranges), tuple(classes), negate=negate, folds=self.folds)

    def _class(self) -> Callable[[str], bool] | None:
        if not self.pattern.startswith("[:", self.at):
            return None
        end = self.pattern.find(":]", self.at)
        test = _CLASSES.get(self.pattern[self.at + 2 : end])
        if end < 0 or test is None:
            raise BadPattern("invalid character class name")
        self.at = end + 2
        return test

    def _element(self) -> str:
        for mark in (".", "="):
            if self.pattern.startswith(f"[{mark}", self.at):
                if self.pattern[self.at + 3 : self.at + 5] != f"{mark}]":
                    raise BadPattern("invalid collation character")
                self.at += 5
                return self.pattern[self.at - 3]
        character = self.rest
        if not character:
            raise BadPattern("unmatched [")
        self.at += 1
        return character


def _member(
    singles: frozenset[str], ranges: tuple[tuple[str, str], ...], classes: tuple[Callable[[str], bool], ...], *, negate: bool, folds: bool
) -> Callable[[str], bool]:
    def is_in(character: str) -> bool:
        return character in singles or any(low <= character <= high for low, high in ranges) or any(test(character) for test in classes)

    def either_case(character: str) -> bool:
        return is_in(character) or (character.isascii() and is_in(character.upper()))

    test = either_case if folds else is_in
    return (lambda character: not test(character)) if negate else test


def _any(character: str) -> bool:
    return True


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _at_start(text: str, at: int) -> bool:
    return at == 0


def _at_end(text: str, at: int) -> bool:
    return at == len(text)


def _is_begin(text: str, at: int) -> bool:
    return at < len(text) and _is_word(text[at]) and not (at and _is_word(text[at - 1]))


def _is_finish(text: str, at: int) -> bool:
    return at > 0 and _is_word(text[at - 1]) and not (at < len(text) and _is_word(text[at]))


def _is_edge(text: str, at: int) -> bool:
    return _is_begin(text, at) or _is_finish(text, at)


_ASSERTIONS: dict[str, Callable[[str, int], bool]] = {
    "<": _is_begin,
    ">": _is_finish,
    "b": _is_edge,
    "B": lambda text, at: not _is_edge(text, at),
    "`": _at_start,
    "'": _at_end,
}
_SHORTHANDS: dict[str, Callable[[str], bool]] = {
    "w": _is_word,
    "W": lambda character: not _is_word(character),
    "s": str.isspace,
    "S": lambda character: not character.isspace(),
}
