"""Tests of the user's world: mailboxes (RFC 5490), special use (RFC 8579), metadata (RFC 5490), duplicates (RFC 7352)."""

from collections.abc import Callable, Iterator

from services.kernel.sieve.delivery import Mark
from services.kernel.sieve.filing import is_attribute, is_folder
from services.kernel.sieve.machine import Machine
from services.kernel.sieve.matching import OPTIONS, read_match
from services.kernel.sieve.message import decoded
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

_MOST_IDENTITY = 1000
"""Characters of what is remembered of a message; longer Message-IDs are those of attackers."""

Holds = Callable[[Machine], bool]


def _known_folder(machine: Machine, name: str) -> bool:
    if is_folder(name):
        return True
    machine.warn(f"invalid folder name '{name[:80].encode('ascii', 'backslashreplace').decode()}'")
    return False


def _build_mailboxexists(bound: Bound) -> Holds:
    def holds(machine: Machine) -> bool:
        names = [template.expand(machine) for template in bound.arguments[0].texts]
        machine.spend(10 * len(names))
        return all(_known_folder(machine, name) and machine.site.mailbox_exists(name) for name in names)

    return holds


def _build_specialuse_exists(bound: Bound) -> Holds:
    folder = bound.arguments[0].text if len(bound.arguments) == 2 else None
    for template in bound.arguments[-1].texts:
        if template.constant is not None and not is_attribute(template.constant):
            raise bound.fail(f"'{template.source[:40]}' is not a special-use attribute", bound.arguments[-1].place)

    def holds(machine: Machine) -> bool:
        name = folder.expand(machine) if folder else None
        wanted = [template.expand(machine) for template in bound.arguments[-1].texts]
        machine.spend(10 * len(wanted))
        if name is not None and not _known_folder(machine, name):
            return False
        return all(is_attribute(each) and machine.site.special_use_exists(each, name) for each in wanted)

    return holds


def _build_metadata(bound: Bound) -> Holds:
    """``metadata`` and ``servermetadata``."""
    match = read_match(bound, bound.arguments[-1].texts)
    folder = bound.arguments[0].text if len(bound.arguments) == 3 else None
    entry = bound.arguments[-2].text

    def values(machine: Machine) -> Iterator[str | None]:
        name = folder.expand(machine) if folder else None
        machine.spend(10)
        if name is None or _known_folder(machine, name):
            yield machine.site.metadata(name, entry.expand(machine))

    return lambda machine: match.any(machine, values(machine))


def _build_metadataexists(bound: Bound) -> Holds:
    """``metadataexists`` and ``servermetadataexists``."""
    folder = bound.arguments[0].text if len(bound.arguments) == 2 else None

    def holds(machine: Machine) -> bool:
        name = folder.expand(machine) if folder else None
        entries = [template.expand(machine) for template in bound.arguments[-1].texts]
        machine.spend(10 * len(entries))
        if name is not None and not _known_folder(machine, name):
            return False
        return all(machine.site.metadata(name, entry) is not None for entry in entries)

    return holds


def _build_duplicate(bound: Bound) -> Holds:
    handle, header, unique = bound.text("handle"), bound.text("header"), bound.text("uniqueid")
    period = bound.options.get("seconds")
    is_last = bound.has("last")

    def holds(machine: Machine) -> bool:
        limits = machine.limits
        seconds = min(period.number, limits.duplicate_most_seconds) if period else limits.duplicate_usual_seconds
        if unique is not None:
            identity = unique.expand(machine)
        else:
            fields = machine.message.section.named(header.expand(machine) if header else "message-id")
            if not fields:
                return False  # RFC 7352 section 3: what has no identity is no duplicate
            identity = decoded(fields[0])
        mark = Mark(handle.expand(machine)[:200] if handle else "", identity[:_MOST_IDENTITY], seconds, is_last)
        return machine.is_duplicate(mark)

    return holds


_MAILBOX = Positional(Want.STRING, "mailbox")
_ENTRY = Positional(Want.STRING, "annotation name")
_ENTRIES = Positional(Want.STRINGS, "annotation names")
_KEYS = Positional(Want.STRINGS, "key list")

WORDS = (
    Word("mailboxexists", _build_mailboxexists, is_test=True, capability="mailbox", positionals=(Positional(Want.STRINGS, "mailbox names"),)),
    Word(
        "specialuse_exists",
        _build_specialuse_exists,
        is_test=True,
        capability="special-use",
        positionals=(Positional(Want.STRING, "mailbox", is_optional=True), Positional(Want.STRINGS, "special-use attributes")),
    ),
    Word("metadata", _build_metadata, is_test=True, capability="mboxmetadata", positionals=(_MAILBOX, _ENTRY, _KEYS), options=OPTIONS),
    Word("metadataexists", _build_metadataexists, is_test=True, capability="mboxmetadata", positionals=(_MAILBOX, _ENTRIES)),
    Word("servermetadata", _build_metadata, is_test=True, capability="servermetadata", positionals=(_ENTRY, _KEYS), options=OPTIONS),
    Word("servermetadataexists", _build_metadataexists, is_test=True, capability="servermetadata", positionals=(_ENTRIES,)),
    Word(
        "duplicate",
        _build_duplicate,
        is_test=True,
        capability="duplicate",
        options=(
            Option("handle", Want.STRING),
            Option("header", Want.STRING, "identity"),
            Option("uniqueid", Want.STRING, "identity"),
            Option("seconds", Want.NUMBER),
            Option("last"),
        ),
    ),
)
