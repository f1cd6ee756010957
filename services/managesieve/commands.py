"""Requests (RFC 5804 section 2), from the words of a command."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.managesieve.grammar import Atom, Malformed, Word

MAX_NUMBER = 4_294_967_295
"""RFC 5804 section 4 ``number``."""


class Verb(StrEnum):
    """What a client can ask."""

    AUTHENTICATE = "AUTHENTICATE"
    CAPABILITY = "CAPABILITY"
    CHECKSCRIPT = "CHECKSCRIPT"
    DELETESCRIPT = "DELETESCRIPT"
    GETSCRIPT = "GETSCRIPT"
    HAVESPACE = "HAVESPACE"
    LISTSCRIPTS = "LISTSCRIPTS"
    LOGOUT = "LOGOUT"
    NOOP = "NOOP"
    PUTSCRIPT = "PUTSCRIPT"
    RENAMESCRIPT = "RENAMESCRIPT"
    SETACTIVE = "SETACTIVE"
    STARTTLS = "STARTTLS"
    UNAUTHENTICATE = "UNAUTHENTICATE"


@dataclass(frozen=True, slots=True)
class Bare:
    """CAPABILITY, LISTSCRIPTS, LOGOUT, STARTTLS, UNAUTHENTICATE."""

    verb: Verb


@dataclass(frozen=True, slots=True)
class Noop:
    """NOOP; ``tag`` comes back."""

    tag: str | None


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTHENTICATE; ``initial`` is base64 still."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class Named:
    """DELETESCRIPT, GETSCRIPT, SETACTIVE."""

    verb: Verb
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """RENAMESCRIPT."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class HaveSpace:
    """HAVESPACE."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PutScript:
    """PUTSCRIPT."""

    name: str
    source: bytes


@dataclass(frozen=True, slots=True)
class CheckScript:
    """CHECKSCRIPT."""

    source: bytes


Work = Named | Rename | HaveSpace | PutScript | CheckScript
"""What is done with a user's scripts, besides LISTSCRIPTS."""
Request = Bare | Noop | Authenticate | Work


def parse(words: Sequence[Word]) -> Request:
    """The request of a command. Raises ``Malformed``."""
    if not words or not isinstance(words[0], Atom):
        raise Malformed("a command is expected")
    try:
        verb = Verb(words[0].text.upper())
    except ValueError:
        raise Malformed("no such command") from None
    return _MAKE[verb](verb, words[1:])


def _bare(verb: Verb, words: Sequence[Word]) -> Request:
    _expect(words, 0)
    return Bare(verb)


def _noop(_verb: Verb, words: Sequence[Word]) -> Request:
    return Noop(_text(words[0]) if _expect(words, 0, 1) else None)


def _authenticate(_verb: Verb, words: Sequence[Word]) -> Request:
    count = _expect(words, 1, 2)
    return Authenticate(_text(words[0]).upper(), _string(words[1]) if count == 2 else None)


def _named(verb: Verb, words: Sequence[Word]) -> Request:
    _expect(words, 1)
    return Named(verb, _text(words[0]))


def _rename(_verb: Verb, words: Sequence[Word]) -> Request:
    _expect(words, 2)
    return Rename(_text(words[0]), _text(words[1]))


def _have_space(_verb: Verb, words: Sequence[Word]) -> Request:
    _expect(words, 2)
    number = words[1]
    if not isinstance(number, Atom) or not number.text.isdecimal() or int(number.text) > MAX_NUMBER:
        raise Malformed("a number is expected")
    return HaveSpace(_text(words[0]), int(number.text))


def _put_script(_verb: Verb, words: Sequence[Word]) -> Request:
    _expect(words, 2)
    return PutScript(_text(words[0]), _string(words[1]))


def _check_script(_verb: Verb, words: Sequence[Word]) -> Request:
    _expect(words, 1)
    return CheckScript(_string(words[0]))


_MAKE: dict[Verb, Callable[[Verb, Sequence[Word]], Request]] = {
    Verb.AUTHENTICATE: _authenticate,
    Verb.CAPABILITY: _bare,
    Verb.CHECKSCRIPT: _check_script,
    Verb.DELETESCRIPT: _named,
    Verb.GETSCRIPT: _named,
    Verb.HAVESPACE: _have_space,
    Verb.LISTSCRIPTS: _bare,
    Verb.LOGOUT: _bare,
    Verb.NOOP: _noop,
    Verb.PUTSCRIPT: _put_script,
    Verb.RENAMESCRIPT: _rename,
    Verb.SETACTIVE: _named,
    Verb.STARTTLS: _bare,
    Verb.UNAUTHENTICATE: _bare,
}


def _expect(words: Sequence[Word], least: int, most: int | None = None) -> int:
    if not least <= len(words) <= (least if most is None else most):
        raise Malformed("wrong number of arguments")
    return len(words)


def _string(word: Word) -> bytes:
    if isinstance(word, Atom):
        raise Malformed("a string is expected")
    return word


def _text(word: Word) -> str:
    try:
        return _string(word).decode()
    except UnicodeDecodeError:
        raise Malformed("a string is not UTF-8") from None
