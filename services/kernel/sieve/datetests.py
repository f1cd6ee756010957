"""``date`` and ``currentdate`` (RFC 5260)."""

from collections.abc import Callable, Iterator
from datetime import datetime, timezone, tzinfo

from services.kernel.sieve.dates import PARTS, extract, parse_date, parse_zone, shifted
from services.kernel.sieve.fieldtests import INDEX_OPTIONS, read_fields
from services.kernel.sieve.machine import Machine
from services.kernel.sieve.matching import OPTIONS, read_match
from services.kernel.sieve.message import decoded
from services.kernel.sieve.templates import Template
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

Holds = Callable[[Machine], bool]


def _read_part(bound: Bound, template: Template) -> Callable[[Machine], str]:
    if template.constant is not None and template.constant.lower() not in PARTS:
        raise bound.fail(f"'{template.source[:40]}' is not a part of a date", bound.arguments[-2].place)
    return lambda machine: template.expand(machine).lower()


def _read_zone(bound: Bound) -> Callable[[Machine], timezone | None]:
    template = bound.text("zone")
    if template is None:
        return lambda machine: None
    if template.constant is not None and parse_zone(template.constant) is None:
        raise bound.fail(f"'{template.source[:40]}' is not a time zone such as \"+0100\"", bound.options["zone"].place)
    return lambda machine: parse_zone(template.expand(machine))


def _told(moment: datetime | None, zone: tzinfo | None, part: str) -> str | None:
    if moment is None or part not in PARTS:
        return None
    there = shifted(moment, zone) if zone is not None else moment
    return extract(there, part) if there is not None else None


def _build_date(bound: Bound) -> Holds:
    name, part = bound.arguments[0].text, _read_part(bound, bound.arguments[1].text)
    fields, zone = read_fields(bound, (name,)), _read_zone(bound)
    match, is_original = read_match(bound, bound.arguments[2].texts), bound.has("originalzone")

    def values(machine: Machine) -> Iterator[str | None]:
        there = None if is_original else zone(machine) or machine.delivery.now.tzinfo
        for field in fields.found(machine):
            machine.spend(4)
            yield _told(parse_date(decoded(field)), there, part(machine))

    return lambda machine: match.any(machine, values(machine))


def _build_currentdate(bound: Bound) -> Holds:
    part, zone = _read_part(bound, bound.arguments[0].text), _read_zone(bound)
    match = read_match(bound, bound.arguments[1].texts)

    def holds(machine: Machine) -> bool:
        return match.any(machine, [_told(machine.delivery.now, zone(machine), part(machine))])

    return holds


_KEYS = Positional(Want.STRINGS, "key list")
_PART = Positional(Want.STRING, "date part")
_ZONE = Option("zone", Want.STRING, "zone")

WORDS = (
    Word(
        "date",
        _build_date,
        is_test=True,
        capability="date",
        positionals=(Positional(Want.STRING, "header name"), _PART, _KEYS),
        options=(*OPTIONS, *INDEX_OPTIONS, _ZONE, Option("originalzone", group="zone")),
    ),
    Word("currentdate", _build_currentdate, is_test=True, capability="date", positionals=(_PART, _KEYS), options=(*OPTIONS, _ZONE)),
)
