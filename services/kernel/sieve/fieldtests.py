"""Tests of fields and the envelope: header, address, exists, envelope, size (RFC 5228 section 5), with index (RFC 5260), mime (RFC 5703)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from services.kernel.mail.mime.media import MAX_FIELD_BYTES, parse_disposition, parse_media
from services.kernel.sieve import addresses
from services.kernel.sieve.machine import Machine
from services.kernel.sieve.matching import OPTIONS, read_match
from services.kernel.sieve.message import Field, Section, decoded, leaves
from services.kernel.sieve.parameters import parameter_text
from services.kernel.sieve.templates import Template
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

INDEX_OPTIONS = (Option("index", Want.NUMBER, capability="index"), Option("last", capability="index"))
_MIME_OPTIONS = (Option("mime", capability="mime"), Option("anychild", capability="mime"))
_PIECES = ("type", "subtype", "contenttype", "param")
_PIECE_OPTIONS = tuple(Option(name, Want.STRINGS if name == "param" else None, "mime option", "mime") for name in _PIECES)
PART_OPTIONS = (
    Option("all", group="address part"),
    Option("localpart", group="address part"),
    Option("domain", group="address part"),
    Option("user", None, "address part", "subaddress"),
    Option("detail", None, "address part", "subaddress"),
)
_DSN_PARTS = ("notify", "orcpt", "ret", "envid")
"""RFC 6009 section 3."""

Holds = Callable[[Machine], bool]


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields a test looks at: by name, of the message or of MIME parts, all of a name or one of them."""

    names: tuple[Template, ...]
    index: int
    is_last: bool
    is_mime: bool
    any_child: bool

    def found(self, machine: Machine) -> Iterator[Field]:
        """The fields, in order."""
        names = [name.expand(machine) for name in self.names]
        for section in self.sections(machine):
            for name in names:
                machine.spend(1 + (len(section.fields) >> 3))
                yield from self._chosen(section.named(name))

    def sections(self, machine: Machine) -> Iterator[Section]:
        """The headers to look at (RFC 5703 section 4.1)."""
        if not self.is_mime:
            yield machine.message.section
            return
        root = machine.message.root
        part = machine.parts[-1] if machine.parts else root
        for one in leaves(part) if self.any_child else (part,):
            machine.spend(1)
            yield machine.message.header_of(one)

    def _chosen(self, fields: Sequence[Field]) -> Sequence[Field]:
        if not self.index:
            return fields
        at = len(fields) - self.index if self.is_last else self.index - 1
        return fields[at : at + 1] if at >= 0 else ()


def read_index(bound: Bound) -> int:
    """``:index`` from 1, or 0 without it. Raises ``BadCall``."""
    index = bound.options.get("index")
    if index is None:
        if bound.has("last"):
            raise bound.fail(f":last of {bound.name} needs :index", bound.options["last"].place)
        return 0
    if index.number < 1:
        raise bound.fail(f":index of {bound.name} counts from 1", index.place)
    return index.number


def read_fields(bound: Bound, names: tuple[Template, ...]) -> Fields:
    """The fields that the arguments of a test name."""
    alone = next((name for name in ("anychild", *_PIECES) if bound.has(name)), "")
    if alone and not bound.has("mime"):
        raise bound.fail(f":{alone} of {bound.name} needs :mime", bound.options[alone].place)
    return Fields(names, read_index(bound), bound.has("last"), bound.has("mime"), bound.has("anychild"))


def _build_header(bound: Bound) -> Holds:
    fields = read_fields(bound, bound.arguments[0].texts)
    match = read_match(bound, bound.arguments[1].texts)
    piece = bound.first_of(*_PIECES)
    parameters = bound.options[piece].texts if piece == "param" else ()

    def values(machine: Machine) -> Iterator[str]:
        wanted = [name.expand(machine).lower() for name in parameters]
        for field in fields.found(machine):
            machine.spend(1 + (len(field.raw) >> 5))
            if piece:
                yield from _piece(field, piece, wanted)
            else:
                yield decoded(field)

    return lambda machine: match.any(machine, values(machine))


def _piece(field: Field, piece: str, wanted: Sequence[str]) -> Iterator[str]:
    """A piece of a MIME field (RFC 5703 section 4.1)."""
    value = field.value[:MAX_FIELD_BYTES]
    media = parse_media(value)
    disposition = None if media else parse_disposition(value)
    parameters = media.parameters if media else disposition.parameters if disposition else ()
    main = media.type if media else disposition.word if disposition else b""
    subtype = media.subtype if media else b""
    if piece == "param":
        yield from (text for name in wanted if (text := parameter_text(parameters, name)) is not None)
    elif media or disposition:
        full = main + b"/" + subtype if subtype else main
        yield {"type": main, "subtype": subtype, "contenttype": full}[piece].decode("utf-8", "replace")


def _build_address(bound: Bound) -> Holds:
    names = bound.arguments[0].texts
    for name in names:
        if name.constant is not None and name.constant.lower() not in addresses.HEADERS:
            raise bound.fail(f"header '{name.source[:60]}' is not allowed for {bound.name}: it holds no addresses", bound.arguments[0].place)
    fields = read_fields(bound, names)
    match = read_match(bound, bound.arguments[1].texts)
    part = bound.first_of("all", "localpart", "domain", "user", "detail") or "all"

    def values(machine: Machine) -> Iterator[str | None]:
        for field in fields.found(machine):
            if field.name.decode("ascii", "replace") not in addresses.HEADERS:
                continue
            machine.spend(1 + (len(field.raw) >> 1))
            for address in addresses.in_header(field.value):
                yield addresses.part(address, part, machine.delivery.recipient_delimiter)

    return lambda machine: match.any(machine, values(machine))


def _build_exists(bound: Bound) -> Holds:
    names = bound.arguments[0].texts
    every = read_fields(bound, names)
    each = [Fields((name,), 0, False, every.is_mime, every.any_child) for name in names]
    return lambda machine: all(next(fields.found(machine), None) is not None for fields in each)


def _build_envelope(bound: Bound) -> Holds:
    names = bound.arguments[0].texts
    known = ("from", "to", *(_DSN_PARTS if "envelope-dsn" in bound.required else ()))
    for name in names:
        if name.constant is not None and name.constant.lower() not in known:
            raise bound.fail(f"'{name.source[:40]}' is not a part of the envelope that {bound.name} knows", bound.arguments[0].place)
    match = read_match(bound, bound.arguments[1].texts)
    part = bound.first_of("all", "localpart", "domain", "user", "detail") or "all"

    def values(machine: Machine) -> Iterator[str | None]:
        for name in names:
            yield from _envelope(machine, name.expand(machine).lower(), part, known)

    return lambda machine: match.any(machine, values(machine))


def _envelope(machine: Machine, name: str, part: str, known: Sequence[str]) -> Iterator[str | None]:
    envelope = machine.delivery.envelope
    if name in ("from", "to"):
        address = addresses.in_envelope(envelope.sender if name == "from" else envelope.recipient)
        if address is not None:
            yield addresses.part(address, part, machine.delivery.recipient_delimiter)
    elif name == "orcpt" and envelope.orcpt and name in known:
        address = addresses.in_envelope(envelope.orcpt.partition(";")[2]) if part != "all" else None
        yield addresses.part(address, part, machine.delivery.recipient_delimiter) if address else envelope.orcpt
    elif name in known:
        value = {"notify": envelope.notify, "ret": envelope.ret, "envid": envelope.envid}.get(name, "")
        yield from value.split(",") if name == "notify" and value else [value] if value else []


def _build_size(bound: Bound) -> Holds:
    tag = bound.first_of("over", "under")
    if not tag:
        raise bound.fail(f"{bound.name} needs :over or :under")
    limit = bound.arguments[0].number
    if tag == "over":
        return lambda machine: machine.message.size > limit
    return lambda machine: machine.message.size < limit


_KEYS = Positional(Want.STRINGS, "key list")

WORDS = (
    Word(
        "header",
        _build_header,
        is_test=True,
        positionals=(Positional(Want.STRINGS, "header names"), _KEYS),
        options=(*OPTIONS, *INDEX_OPTIONS, *_MIME_OPTIONS, *_PIECE_OPTIONS),
    ),
    Word(
        "address",
        _build_address,
        is_test=True,
        positionals=(Positional(Want.STRINGS, "header list"), _KEYS),
        options=(*OPTIONS, *PART_OPTIONS, *INDEX_OPTIONS, *_MIME_OPTIONS),
    ),
    Word("exists", _build_exists, is_test=True, positionals=(Positional(Want.STRINGS, "header names"),), options=_MIME_OPTIONS),
    Word(
        "envelope",
        _build_envelope,
        is_test=True,
        capability="envelope",
        positionals=(Positional(Want.STRINGS, "envelope parts"), _KEYS),
        options=(*OPTIONS, *PART_OPTIONS),
    ),
    Word(
        "size",
        _build_size,
        is_test=True,
        positionals=(Positional(Want.NUMBER, "limit"),),
        options=(Option("over", group="relation"), Option("under", group="relation")),
    ),
)
