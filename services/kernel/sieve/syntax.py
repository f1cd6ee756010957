"""The grammar (RFC 5228 section 8.2): commands, tests and arguments, before any of them has a meaning."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from services.kernel.sieve.flaws import Flaw
from services.kernel.sieve.limits import Limits
from services.kernel.sieve.tokens import Kind, Place, Token, Tokens

MAX_ARGUMENTS = 32
"""Arguments of one command or test; the most that a defined one takes is 16."""


@dataclass(frozen=True, slots=True)
class Text:
    """One string as written, escapes resolved, variables not."""

    place: Place
    value: str


@dataclass(frozen=True, slots=True)
class Strings:
    """A string or a list of them."""

    place: Place
    items: tuple[Text, ...]
    is_list: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number, its unit applied."""

    place: Place
    value: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, in lower case and without its colon."""

    place: Place
    name: str


Argument = Strings | Number | Tag


@dataclass(frozen=True, slots=True)
class Call:
    """A command or test with all that follows its name. ``name`` is in lower case; ``block`` is ``None`` where a semicolon ended the command."""

    place: Place
    name: str
    arguments: tuple[Argument, ...] = ()
    tests: tuple["Call", ...] = ()
    has_test_list: bool = False
    block: tuple["Call", ...] | None = None


class _Lost(Exception):
    """The parser no longer knows where it is: the command is given up."""


class _TooLong(Exception):
    """The script is given up."""


def parse(text: str, limits: Limits) -> tuple[tuple[Call, ...], list[Flaw]]:
    """Return the commands and what is wrong. After an error, reading goes on behind the command that has it."""
    tokens = Tokens(text)
    parser = _Parser(tokens, limits)
    try:
        calls = parser.commands(0)
    except _TooLong:
        calls = ()
    flaws = sorted([*tokens.flaws, *parser.flaws], key=lambda flaw: (flaw.line, flaw.column))
    return calls, flaws


class _Parser:
    def __init__(self, tokens: Iterable[Token], limits: Limits) -> None:
        self._tokens = iter(tokens)
        self._limits = limits
        self._is_cut = False
        self._taken = 0
        self._token = next(self._tokens)
        self.flaws: list[Flaw] = []

    def _take(self) -> Token:
        token = self._token
        if token.kind is not Kind.END:
            self._token = next(self._tokens)
            self._count()
        return token

    def _count(self) -> None:
        self._taken += 1
        if self._taken > self._limits.tokens:
            self.flaws.append(Flaw(*self._token.place, f"the script is too long: it has more than {self._limits.tokens} words and marks"))
            raise _TooLong

    def _is_mark(self, text: str) -> bool:
        return self._token.kind is Kind.MARK and self._token.text == text

    def _accept(self, text: str) -> bool:
        if found := self._is_mark(text):
            self._take()
        return found

    def _lose(self, message: str, place: Place | None = None) -> NoReturn:
        self.flaws.append(Flaw(*(place or self._token.place), message))
        raise _Lost

    def commands(self, depth: int) -> tuple[Call, ...]:
        """Read commands up to the end of the script or, inside a block, of the block."""
        found: list[Call] = []
        while self._token.kind is not Kind.END and not (depth and self._is_mark("}")):
            try:
                found.append(self._command(depth))
            except _Lost:
                self._recover(depth)
        return tuple(found)

    def _recover(self, depth: int) -> None:
        """Go to the end of the command: its semicolon, its block, or the end of the block it stands in."""
        while self._token.kind is not Kind.END and not (depth and self._is_mark("}")):
            if self._is_mark("{"):
                self._skip_block()
                return
            if self._take()[:2] == (Kind.MARK, ";"):
                return

    def _skip_block(self) -> None:
        depth = 0
        while self._token.kind is not Kind.END:
            depth += self._is_mark("{") - self._is_mark("}")
            self._take()
            if depth == 0:
                return

    def _command(self, depth: int) -> Call:
        if self._token.kind is not Kind.WORD:
            self._lose(f"a command is expected here, not {self._token}")
        call = self._call(0)
        if self._accept(";"):
            return call
        if not self._is_mark("{"):
            self._lose(f"';' or a block is expected after the {call.name} command, not {self._token}")
        return Call(call.place, call.name, call.arguments, call.tests, call.has_test_list, self._block(depth))

    def _block(self, depth: int) -> tuple[Call, ...]:
        opening = self._token.place
        if depth >= self._limits.nesting:
            self._lose(f"blocks are nested too deep, the limit is {self._limits.nesting}")
        self._take()
        calls = self.commands(depth + 1)
        if not self._accept("}") and not self._is_cut:
            self._is_cut = True  # the blocks around it are not closed either: told once
            self._lose("the block is not closed", opening)
        return calls

    def _call(self, depth: int) -> Call:
        word = self._take()
        arguments = self._arguments(word.text)
        if self._token.kind is Kind.WORD:
            return Call(word.place, word.text.lower(), arguments, (self._test(depth),))
        if self._is_mark("("):
            return Call(word.place, word.text.lower(), arguments, self._tests(depth), has_test_list=True)
        return Call(word.place, word.text.lower(), arguments)

    def _test(self, depth: int) -> Call:
        if self._token.kind is not Kind.WORD:
            self._lose(f"a test is expected here, not {self._token}")
        if depth >= self._limits.nesting:
            self._lose(f"tests are nested too deep, the limit is {self._limits.nesting}")
        return self._call(depth + 1)

    def _tests(self, depth: int) -> tuple[Call, ...]:
        self._take()
        found = [self._test(depth)]
        while self._accept(","):
            found.append(self._test(depth))
        if not self._accept(")"):
            self._lose(f"',' or ')' is expected in a list of tests, not {self._token}")
        return tuple(found)

    def _arguments(self, name: str) -> tuple[Argument, ...]:
        found: list[Argument] = []
        while (argument := self._argument()) is not None:
            found.append(argument)
            if len(found) > MAX_ARGUMENTS:
                self._lose(f"too many arguments for {name}, the limit is {MAX_ARGUMENTS}", argument.place)
        return tuple(found)

    def _argument(self) -> Argument | None:
        token = self._token
        if token.kind is Kind.NUMBER:
            return Number(self._take().place, token.number)
        if token.kind is Kind.TAG:
            return Tag(self._take().place, token.text.lower())
        if token.kind is Kind.STRING:
            return Strings(token.place, (self._string(),), is_list=False)
        if self._is_mark("["):
            return self._list()
        return None

    def _list(self) -> Strings:
        place = self._take().place
        items = [self._string()]
        while self._accept(","):
            items.append(self._string())
        if not self._accept("]"):
            self._lose(f"',' or ']' is expected in a list of strings, not {self._token}")
        return Strings(place, tuple(items), is_list=True)

    def _string(self) -> Text:
        if self._token.kind is not Kind.STRING:
            self._lose(f"a string is expected here, not {self._token}")
        token = self._take()
        return Text(token.place, token.text)
