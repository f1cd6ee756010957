"""What is wrong with the tables, line by line: errors, and entries that never count."""

from pathlib import Path

from services.kernel.runtime.fault import ConfigError
from services.kernel.tables import aliases, cidr, shadows, sqlsettings, text
from services.kernel.tables.collection import ALIASES, COMPOSITE_TYPES, DATABASES, ENGINES, TEXT_TYPES, Tables, parts_of, split_name
from services.kernel.tables.flaws import Flaw
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.tables.rules import parser

PROBE = "probe@example.invalid"
"""A key to find out whether a database answers (RFC 2606)."""


async def examine(name: str, tables: Tables) -> list[tuple[str, bool]]:
    """The flaws of a table and of those it is made of, each as ``(words with the place, is it an error)``."""
    try:
        kind, rest = split_name(name)
        table = tables.open(name)
        if kind in COMPOSITE_TYPES:
            return [flaw for part in parts_of(rest) for flaw in await examine(part, tables)]
        path = tables.root / rest
        told = [(flaw.describe(str(path)), flaw.is_error) for flaw in flaws_of(kind, path)] if _has_file(kind, rest) else []
        if kind in DATABASES and not any(is_error for _, is_error in told):
            await table.lookup(PROBE)
    except (ConfigError, LookupTrouble) as error:
        return [(str(error), True)]
    except OSError as error:
        return [(f"{error.filename}: {error.strerror}", True)]
    return told


def flaws_of(kind: str, path: Path) -> list[Flaw]:
    """The flaws of a file, in the order of its lines. Raises ``OSError``."""
    data = path.read_bytes()
    if kind in TEXT_TYPES:
        entries, flaws = text.parse_text(data)
        flaws = [*flaws, *entries.repeated()]
    elif kind == ALIASES:
        flaws = aliases.parse_aliases(data)[1]
    elif kind == "cidr":
        networks, flaws = cidr.parse_cidr(data)
        flaws = [*flaws, *networks.covered()]
    elif kind in ENGINES:
        flaws = [*parser(ENGINES[kind])(data)[1], *shadows.shadowed(ENGINES[kind], data)]
    else:
        flaws = sqlsettings.parser(kind)(data)[1]
    return sorted(flaws, key=lambda flaw: flaw.line)


def _has_file(kind: str, rest: str) -> bool:
    return kind in (*TEXT_TYPES, *ENGINES, *DATABASES, "cidr", ALIASES) and not rest.startswith("{")
