"""The file of an SQL table: ``name = value``, one a line, with continuation lines (sqlite_table(5), pgsql_table(5))."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.kernel.tables.braces import split_assignment, split_items
from services.kernel.tables.flaws import NOT_UTF8, ORPHAN, Flaw
from services.kernel.tables.lines import logical_lines
from services.kernel.tables.sqltemplate import Templates

_COMMON = frozenset(
    ("query", "result_format", "expansion_limit", "domain", "select_field", "table", "where_field", "additional_conditions"),
)
_OWN = {
    "sqlite": frozenset(("dbpath",)),
    "pgsql": frozenset(("hosts", "user", "password", "dbname", "encoding", "idle_interval", "retry_interval", "select_function")),
}


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """What a file says. ``values`` holds what belongs to one kind of database."""

    values: Mapping[str, str]
    templates: Templates
    expansion_limit: int = 0
    domain: tuple[str, ...] = ()


def parser(kind: str) -> Callable[[bytes], tuple[SqlSettings, list[Flaw]]]:
    """What reads the file of a kind of database."""

    def parse(data: bytes) -> tuple[SqlSettings, list[Flaw]]:
        values, lines, flaws = _read(data)
        flaws += [Flaw(line, f"unknown parameter {name}", is_error=False) for name, line in lines.items() if name not in _COMMON | _OWN[kind]]
        settings = SqlSettings(values, Templates("", ""))
        try:
            settings = _settings(kind, values)
        except _BadValue as error:
            flaws.append(Flaw(lines.get(error.name, 1), str(error)))
        return settings, flaws

    return parse


class _BadValue(Exception):
    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def _read(data: bytes) -> tuple[dict[str, str], dict[str, int], list[Flaw]]:
    values, lines, flaws = dict[str, str](), dict[str, int](), list[Flaw]()
    for number, line in logical_lines(data):
        try:
            if line[:1].isspace():
                raise ValueError(ORPHAN)
            name, value = split_assignment(line.decode())
        except UnicodeDecodeError:
            flaws.append(Flaw(number, NOT_UTF8))
        except ValueError as error:
            flaws.append(Flaw(number, str(error)))
        else:
            if name in values:
                flaws.append(Flaw(number, f"{name} overrides line {lines[name]}", is_error=False))
            values[name], lines[name] = value, number
    return values, lines, flaws


def _settings(kind: str, values: Mapping[str, str]) -> SqlSettings:
    if kind == "sqlite" and not values.get("dbpath"):
        raise _BadValue("dbpath", "dbpath is missing")
    try:
        templates = Templates(values.get("query") or _legacy_query(kind, values), values.get("result_format") or "%s")
    except ValueError as error:
        raise _BadValue(str(error).partition(":")[0], str(error)) from None
    domain = tuple(split_items(values.get("domain", "")))
    if any(item.removeprefix("!").startswith("/") for item in domain):
        raise _BadValue("domain", "domain: a list of domains in a file is not supported; name the domains or a type:table")
    limits = {name: _number(name, values.get(name, "0")) for name in ("expansion_limit", "idle_interval", "retry_interval")}
    return SqlSettings(values, templates, limits["expansion_limit"], domain)


def _number(name: str, text: str) -> int:
    digits = text[:-1] if name != "expansion_limit" and text.endswith("s") else text
    if not digits.isdecimal():
        raise _BadValue(name, f"{name}: {text!r} is no number")
    return int(digits)


def _legacy_query(kind: str, values: Mapping[str, str]) -> str:
    """``select_function``, or ``table`` and its companions, as they were before Postfix 2.2 had ``query``."""
    if kind == "pgsql" and values.get("select_function"):
        return f"SELECT {values['select_function']}('%s')"
    for name in ("table", "select_field", "where_field"):
        if not values.get(name):
            raise _BadValue(name, f"neither query nor {name} is set")
    return (
        f"SELECT {values['select_field']} FROM {values['table']} WHERE {values['where_field']} = '%s' {values.get('additional_conditions', '')}"
    )
