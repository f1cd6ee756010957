"""``addheader`` and ``deleteheader`` (RFC 5293)."""

import re
from base64 import b64encode
from collections.abc import Callable

from services.kernel.sieve.fieldtests import INDEX_OPTIONS, read_index
from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.machine import Machine
from services.kernel.sieve.matching import OPTIONS, Match, read_match
from services.kernel.sieve.message import Field, Section, decoded
from services.kernel.sieve.templates import Template
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

PROTECTED = frozenset({b"received", b"auto-submitted", b"x-sieve-redirected-from"})
"""Fields that stay, silently (RFC 5293 section 5): the trace of the message, and what keeps machines from answering each other and from sending
mail in circles."""
_NOT_ADDED = frozenset({b"received", b"return-path", b"x-sieve-redirected-from"})
_ALWAYS_FREE = "subject"
"""RFC 5293 section 5: every site lets scripts change it."""
_NAME = re.compile(r"[!-9;-~]{1,900}")
"""RFC 5322 section 3.6.8; a line has 998 octets at the most."""
_LINE = re.compile(r"\r\n|\r|\n")
_LINE_OCTETS = 78
"""Where a line is folded (RFC 5322 section 2.1.1)."""

Run = Callable[[Machine], None]


def _check_name(bound: Bound, template: Template) -> Callable[[Machine], str]:
    if template.constant is not None and not _NAME.fullmatch(template.constant):
        raise bound.fail(f"specified field name '{template.source[:80]}' is invalid for {bound.name}", bound.arguments[0].place)

    def read(machine: Machine) -> str:
        name = template.expand(machine)
        if not _NAME.fullmatch(name):
            raise RunFault(f"specified field name '{name[:80]}' is invalid")
        return name

    return read


def _build_addheader(bound: Bound) -> Run:
    name, value = _check_name(bound, bound.arguments[0].text), bound.arguments[1].text
    if value.constant is not None and "\0" in value.constant:
        shown = value.constant[:80].replace("\0", "\\0")
        raise bound.fail(f"specified value '{shown}' for the field is invalid: it holds NUL", bound.arguments[1].place)
    if value.constant is not None and bound.arguments[0].text.constant is not None:
        _check_size(bound.arguments[0].text.constant, value.constant, bound)
    is_last = bound.has("last")

    def run(machine: Machine) -> None:
        field = _make_field(machine, name(machine), value.expand(machine))
        if field.name in _NOT_ADDED or _is_forbidden(field, machine.limits.policy.unadded_fields):
            machine.tell(f"addheader: the field {field.name.decode()} cannot be added")
            return
        fields = machine.message.section.fields
        machine.message.edit(Section((*fields, field) if is_last else (field, *fields)))

    return run


def _is_forbidden(field: Field, names: frozenset[str]) -> bool:
    name = field.name.decode("ascii", "replace")
    return name in names and name != _ALWAYS_FREE


def _check_size(name: str, value: str, bound: Bound) -> None:
    if len(name) + 2 + len(value.encode("utf-8", "surrogateescape")) > bound.limits.header_bytes:
        raise bound.fail(f"the header field '{name[:80]}' is too long: more than {bound.limits.header_bytes} octets", bound.arguments[1].place)


def _make_field(machine: Machine, name: str, value: str) -> Field:
    if "\0" in value:
        raise RunFault("the value of a header field cannot hold NUL")
    octets = len(name) + 2 + len(value.encode("utf-8", "surrogateescape"))
    if octets > machine.limits.header_bytes:
        raise RunFault(f"the header field '{name[:80]}' is too long: more than {machine.limits.header_bytes} octets")
    return Field(name.lower().encode(), fold_field(name, value))


def fold_field(name: str, value: str) -> bytes:
    """Write a field, UTF-8 as encoded words (RFC 2047), in lines that a mail server takes."""
    lines = [line.strip(" \t") for line in _LINE.split(value.strip())]
    words = [word for line in lines for word in _words(line)]
    written, length = name + ":", len(name) + 1
    for word in words:
        if length + 1 + len(word) > _LINE_OCTETS and length > len(name) + 1:
            written, length = written + "\r\n", 0
        written += " " + word
        length += 1 + len(word)
    return written.encode("ascii", "replace") + b"\r\n"


def _words(line: str) -> list[str]:
    if line.isascii():
        return line.split(" ")
    words, plain = line.split(" "), [word.isascii() and not word.startswith("=?") for word in line.split(" ")]
    first, last = plain.index(False), len(plain) - 1 - plain[::-1].index(False)
    return [*words[:first], *encoded_words(" ".join(words[first : last + 1])), *words[last + 1 :]]


def encoded_words(text: str) -> list[str]:
    """Text as encoded words in UTF-8 and base64, none longer than 75 characters (RFC 2047 section 2)."""
    pieces, piece = [], b""
    for character in text:
        octets = character.encode("utf-8", "surrogateescape")
        if len(piece) + len(octets) > 45:
            pieces.append(piece)
            piece = b""
        piece += octets
    return [f"=?utf-8?B?{b64encode(each).decode()}?=" for each in (*pieces, piece)]


def _build_deleteheader(bound: Bound) -> Run:
    name, index = _check_name(bound, bound.arguments[0].text), read_index(bound)
    is_last = bound.has("last")
    patterns = bound.arguments[1].texts if len(bound.arguments) == 2 else ()
    match = read_match(bound, patterns, keeps_groups=False)

    def run(machine: Machine) -> None:
        section = machine.message.section
        machine.spend(1 + (len(section.fields) >> 3))
        found = section.named(name(machine))
        if index:
            at = len(found) - index if is_last else index - 1
            found = found[at : at + 1] if at >= 0 else []
        if found and _is_protected(machine, found[0]):
            machine.tell(f"deleteheader: the field {name(machine)} cannot be deleted")
            return
        doomed = _doomed(machine, found, match if patterns else None)
        if doomed:
            machine.message.edit(Section(tuple(field for field in section.fields if id(field) not in doomed)))

    return run


def _is_protected(machine: Machine, field: Field) -> bool:
    return field.name in PROTECTED or _is_forbidden(field, machine.limits.policy.undeleted_fields)


def _doomed(machine: Machine, fields: list[Field], match: Match | None) -> set[int]:
    """The fields that go, by identity: two may be equal."""
    if match is not None and match.kind == "count":
        return {id(field) for field in fields} if match.any(machine, [decoded(field) for field in fields]) else set()
    return {id(field) for field in fields if match is None or match.any(machine, [decoded(field)])}


WORDS = (
    Word(
        "addheader",
        _build_addheader,
        capability="editheader",
        positionals=(Positional(Want.STRING, "field name"), Positional(Want.STRING, "value")),
        options=(Option("last"),),
    ),
    Word(
        "deleteheader",
        _build_deleteheader,
        capability="editheader",
        positionals=(Positional(Want.STRING, "field name"), Positional(Want.STRINGS, "value patterns", is_optional=True)),
        options=(*OPTIONS, *(Option(option.name, option.want) for option in INDEX_OPTIONS)),
    ),
)
