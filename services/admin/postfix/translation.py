"""From one parameter to its outcome, by its row."""

from collections.abc import Callable

from services.admin.postfix.findings import Outcome, Verdict, translated, unneeded, unsupported
from services.admin.postfix.job import Job, Where
from services.admin.postfix.lines import split_words
from services.admin.postfix.lookups import NotBrought
from services.admin.postfix.receiving import RECEIVING
from services.admin.postfix.relaying import RELAYING
from services.admin.postfix.rows import How, Row, parameter_rows, transport_rows
from services.admin.postfix.sites import SITES, domain_list
from services.admin.postfix.values import parse_flag, parse_number, parse_seconds, with_unit

OWN: dict[str, Callable[[Job], Outcome]] = {**SITES, **RELAYING, **RECEIVING}
"""The functions behind ``own`` in parameters.txt."""


def translate(job: Job) -> Outcome:
    """What becomes of a parameter. Raises ``ImportTrouble`` for what cannot be expanded."""
    row, target = _row(job)
    if row is None:
        return Outcome(Verdict.UNKNOWN, "Postfix has no such parameter, and nothing refers to it")
    try:
        outcome = _apply(job, row, target)
    except ValueError as error:
        return unsupported(str(error))
    except NotBrought as error:
        return unsupported(str(error))
    if outcome.verdict is Verdict.UNSUPPORTED and job.scope.where is Where.SITE and job.value == job.source.parameters.default(job.name):
        return unneeded("it is Postfix's default")
    return outcome


def _row(job: Job) -> tuple[Row | None, str]:
    """The row, and the setting it writes; for a parameter that bears a transport's name this is that transport's."""
    parameters = job.source.parameters
    transport = next((name for name in _transport_names(job) if job.name.startswith(f"{name}_")), None)
    if transport and (row := transport_rows().find(job.name.removeprefix(transport))):
        return row, f"transport.{transport}" if row.how not in (How.UNNEEDED, How.UNSUPPORTED) else ""
    row = parameter_rows().find(job.name)
    if row is None or parameters.is_known(job.name) or row.name == job.name:
        return row, row.rest if row else ""
    return None, ""


def _transport_names(job: Job) -> list[str]:
    """Longest first, so that ``slow_eu_`` is not taken for ``slow_``."""
    named = {entry.name for entry in job.source.entries if entry.kind == "unix"}
    return sorted(named | {"smtp", "relay", "lmtp", "local", "virtual", "error", "retry", "discard"}, key=len, reverse=True)


def _apply(job: Job, row: Row, target: str) -> Outcome:
    match row.how:
        case How.UNNEEDED:
            return unneeded(row.rest)
        case How.UNSUPPORTED:
            return unsupported(row.rest)
        case How.OWN:
            return OWN[row.name](job)
        case _:
            return _write(job, row, target)


def _write(job: Job, row: Row, target: str) -> Outcome:
    if target.startswith("transport."):
        return _transport_option(job, row, target.removeprefix("transport."))
    if why := job.missing(target):  # before tables are brought along for it
        return unsupported(why)
    return job.put(target, _value(job, row))


def _transport_option(job: Job, row: Row, transport: str) -> Outcome:
    """``slow_destination_rate_delay``; the mailboxes' transports are one here."""
    if transport in ("local", "virtual"):
        transport = "lmtp"
    elif transport in ("error", "retry", "discard"):
        return unneeded("nothing is sent by this transport")
    entry = job.source.entry(transport)
    program = entry.command if entry else "smtp"
    if program not in ("smtp", "lmtp", "pipe"):
        return unneeded(f"{transport} sends nothing")
    path = ("routing", "transports", transport, row.rest)
    if program == "lmtp" or transport == "lmtp":
        job.draft.put((*path[:3], "program"), "lmtp")
    job.draft.put(path, _value(job, row))
    return translated(".".join(path))


def _value(job: Job, row: Row) -> object:
    """Raises ``ValueError``, ``NotBrought``."""
    match row.how:
        case How.NUMBER:
            return parse_number(job.value)
        case How.SECONDS:
            return parse_seconds(job.value, row.unit)
        case How.TIME:
            return with_unit(job.value, row.unit)
        case How.FLAG:
            return parse_flag(job.value)
        case How.WORDS:
            return split_words(job.value)
        case How.MAPS:
            return [job.lookups.table(word) for word in split_words(job.value)]
        case How.DOMAINS:
            return domain_list(job)[0]
        case How.FILE:
            return job.lookups.file(job.value) if job.value else None
        case _:
            return job.value
