"""Variables, and tests of what is not a header field: set, string (RFC 5229), body (RFC 5173), environment (RFC 5183)."""

import re
from collections.abc import Callable, Iterator

from services.kernel.mail.mime.structure import Part
from services.kernel.sieve.comparing import OCTET
from services.kernel.sieve.machine import Machine
from services.kernel.sieve.matching import OPTIONS, read_match
from services.kernel.sieve.message import is_text, leaves, media_of
from services.kernel.sieve.modifiers import MODIFIER_OPTIONS, read_modifiers
from services.kernel.sieve.templates import BadReference, Reference, Template, reference
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

Run = Callable[[Machine], None]
Holds = Callable[[Machine], bool]

_NAME = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*")


def read_variable(bound: Bound, template: Template) -> Reference:
    """The variable that a constant string names. Raises ``BadCall``."""
    place = bound.arguments[0].place
    if template.constant is None or not _NAME.fullmatch(template.constant):
        raise bound.fail(f"'{template.source[:60]}' is not the name of a variable that {bound.name} can set", place)
    try:
        return reference(template.constant, bound.required)
    except BadReference as bad:
        raise bound.fail(str(bad), place) from None


def _build_set(bound: Bound) -> Run:
    target = read_variable(bound, bound.arguments[0].text)
    value, modify = bound.arguments[1].text, read_modifiers(bound)

    def run(machine: Machine) -> None:
        text = value.expand(machine)
        machine.variables.set(target, modify(machine, text))

    return run


def _build_string(bound: Bound) -> Holds:
    """RFC 5229 names no comparator of its own for ``string``; like Dovecot's, it tells upper case from lower unless a comparator is given."""
    sources, match = bound.arguments[0].texts, read_match(bound, bound.arguments[1].texts, usual=OCTET)

    def values(machine: Machine) -> Iterator[str]:
        for source in sources:
            text = source.expand(machine)
            if text or match.kind != "count":  # RFC 5229 section 5: an empty string is not counted
                yield text

    return lambda machine: match.any(machine, values(machine))


def _build_body(bound: Bound) -> Holds:
    transform = bound.first_of("raw", "content", "text") or "text"
    match = read_match(bound, bound.arguments[0].texts, keeps_groups=False)
    wanted = bound.options["content"].texts if transform == "content" else ()

    def values(machine: Machine) -> Iterator[str | None]:
        if not machine.message.has_body:
            return
        if transform == "raw":
            yield machine.message.body
        elif transform == "text":
            yield from _texts(machine)
        else:
            types = [template.expand(machine).lower() for template in wanted]
            yield from _contents(machine, [kind for kind in types if _is_content_type(kind)])

    return lambda machine: match.any(machine, values(machine))


def _texts(machine: Machine) -> Iterator[str | None]:
    """``:text``: every part that is for reading, without markup."""
    for part in leaves(machine.message.root):
        machine.spend(3)
        if not part.children and is_text(part) and media_of(part, machine.message.header_bytes(part)):
            yield machine.message.text(part, plain=True)


def _is_content_type(kind: str) -> bool:
    return not (kind.startswith("/") or kind.endswith("/") or kind.count("/") > 1)


def _contents(machine: Machine, types: list[str]) -> Iterator[str | None]:
    for part in leaves(machine.message.root):
        machine.spend(3)
        media = media_of(part, machine.message.header_bytes(part))
        if any(not kind or media == kind or media.partition("/")[0] == kind for kind in types):
            yield from _content(machine, part)


def _content(machine: Machine, part: Part) -> Iterator[str | None]:
    """RFC 5173 section 5.2: of a multipart what is around its parts, of a message inside only its header."""
    if part.is_multipart:
        yield from machine.message.around(part)
    elif part.message is not None:
        header = machine.message.header_bytes(part.message)
        yield header.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")
    elif not part.children:
        yield machine.message.text(part, plain=False)


def _build_environment(bound: Bound) -> Holds:
    name, match = bound.arguments[0].text, read_match(bound, bound.arguments[1].texts)

    def holds(machine: Machine) -> bool:
        value = machine.environment(name.expand(machine).lower())
        return value is not None and match.any(machine, [value] if value or match.kind != "count" else [])

    return holds


_KEYS = Positional(Want.STRINGS, "key list")

WORDS = (
    Word(
        "set",
        _build_set,
        capability="variables",
        positionals=(Positional(Want.STRING, "name"), Positional(Want.STRING, "value")),
        options=MODIFIER_OPTIONS,
    ),
    Word("string", _build_string, is_test=True, capability="variables", positionals=(Positional(Want.STRINGS, "source"), _KEYS), options=OPTIONS),
    Word(
        "body",
        _build_body,
        is_test=True,
        capability="body",
        positionals=(_KEYS,),
        options=(*OPTIONS, Option("raw", group="transform"), Option("content", Want.STRINGS, "transform"), Option("text", group="transform")),
    ),
    Word(
        "environment",
        _build_environment,
        is_test=True,
        capability="environment",
        positionals=(Positional(Want.STRING, "name"), _KEYS),
        options=OPTIONS,
    ),
)
