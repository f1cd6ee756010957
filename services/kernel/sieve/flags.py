"""IMAP flags (RFC 5232): the internal variable, flags in named variables, and ``:flags``."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from services.kernel.sieve.machine import Machine
from services.kernel.sieve.matching import OPTIONS, read_match
from services.kernel.sieve.templates import BadReference, Reference, Template, reference
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

FLAGS_OPTION = Option("flags", Want.STRINGS, capability="imap4flags")
SYSTEM = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
_MOST_FLAGS = 128
_MOST_FLAG = 100
"""Characters of a keyword."""
_MOST_TEXT = 16_384
"""Characters of one string of flags; 128 of 100 characters fit."""
_SPECIALS = frozenset('(){%*"\\]')
"""What an IMAP atom cannot hold (RFC 3501 section 9)."""

Run = Callable[[Machine], None]


def split(texts: Iterable[str]) -> tuple[str, ...]:
    """Flags out of strings that may hold several; of those that differ in case only, the first. What is no flag is left out."""
    found: dict[str, str] = {}
    for word in islice(_words(texts), 10 * _MOST_FLAGS):
        if len(found) < _MOST_FLAGS:
            found.setdefault(word.lower(), word)
    return tuple(found.values())


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for word in text.split():
            flag = _flag(word)
            if flag:
                yield flag


def _flag(word: str) -> str:
    if word.startswith("\\"):
        return word if word.lower() in (flag.lower() for flag in SYSTEM) else ""
    is_atom = word.isascii() and word.isprintable() and not _SPECIALS.intersection(word)
    return word if is_atom and len(word) <= _MOST_FLAG else ""


def canonical(flags: Iterable[str]) -> tuple[str, ...]:
    """System flags as IMAP writes them."""
    known = {flag.lower(): flag for flag in SYSTEM}
    return tuple(known.get(flag.lower(), flag) for flag in flags)


def read_flags(bound: Bound) -> Callable[[Machine], tuple[str, ...]]:
    """The flags of an action: those of ``:flags``, otherwise the internal variable (RFC 5232 section 5)."""
    value = bound.options.get("flags")
    if value is None:
        return lambda machine: canonical(machine.outcome.flags)
    return lambda machine: canonical(split(_expanded(machine, value.texts)))


def _expanded(machine: Machine, texts: Iterable[Template]) -> Iterator[str]:
    for template in texts:
        text = template.expand(machine)[:_MOST_TEXT]
        machine.spend(1 + (len(text) >> 4))
        yield text


def _variable(bound: Bound, template: Template) -> Reference:
    place = bound.arguments[0].place
    if "variables" not in bound.required:
        raise bound.fail(f"a variable name in {bound.name} needs 'require \"variables\"'", place)
    try:
        found = reference(template.constant or "", bound.required)
    except BadReference as bad:
        raise bound.fail(str(bad), place) from None
    if not found.name.isidentifier() or not found.name.isascii():
        raise bound.fail(f"'{template.source[:40]}' is not the name of a variable", place)
    return found


def _build_change(bound: Bound) -> Run:
    target = _variable(bound, bound.arguments[0].text) if len(bound.arguments) == 2 else None
    texts, kind = bound.arguments[-1].texts, bound.call.name

    def run(machine: Machine) -> None:
        given = split(_expanded(machine, texts))
        present = split([machine.variables.value(target)]) if target else machine.outcome.flags
        flags = _changed(kind, present, given)
        if target:
            machine.variables.set(target, " ".join(flags))
        else:
            machine.outcome.flags = flags

    return run


def _changed(kind: str, present: tuple[str, ...], given: tuple[str, ...]) -> tuple[str, ...]:
    if kind == "removeflag":
        gone = {flag.lower() for flag in given}
        return tuple(flag for flag in present if flag.lower() not in gone)
    return split((*present, *given)) if kind == "addflag" else given


def _build_hasflag(bound: Bound) -> Callable[[Machine], bool]:
    keys = bound.arguments[-1].texts
    names = [_variable(bound, text) for text in bound.arguments[0].texts] if len(bound.arguments) == 2 else []
    match = read_match(bound, keys)

    def holds(machine: Machine) -> bool:
        flags = split(machine.variables.value(name) for name in names) if names else machine.outcome.flags
        if match.kind == "count":
            return match.any(machine, flags)
        wanted = [word for text in _expanded(machine, keys) for word in text.split()][:_MOST_FLAGS]
        return match.any_of(machine, flags, wanted)

    return holds


_VARIABLE = Positional(Want.STRING, "variable name", is_optional=True)
_LIST = Positional(Want.STRINGS, "list of flags")

WORDS = (
    *(Word(name, _build_change, capability="imap4flags", positionals=(_VARIABLE, _LIST)) for name in ("setflag", "addflag", "removeflag")),
    Word(
        "hasflag",
        _build_hasflag,
        is_test=True,
        capability="imap4flags",
        positionals=(Positional(Want.STRINGS, "variable names", is_optional=True), _LIST),
        options=OPTIONS,
    ),
)
