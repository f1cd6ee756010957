"""Dates of header fields and their parts (RFC 5260 section 4)."""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime, parsedate_tz

PARTS = ("year", "month", "day", "date", "julian", "hour", "minute", "second", "time", "iso8601", "std11", "zone", "weekday")

_ZONE = re.compile(r"([+-])(\d\d)(\d\d)")
_JULIAN_OF_FIRST_DAY = 678_576
"""Modified Julian Day of 0001-01-01 is minus this many days before ``date.toordinal`` counts 0."""
_LONGEST = 200
"""Characters of a date that are looked at."""


def parse_zone(text: str) -> timezone | None:
    """``+hhmm`` as a zone (RFC 5260 section 4.1)."""
    match = _ZONE.fullmatch(text)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes)) if minutes < 24 * 60 else None


def parse_date(text: str) -> datetime | None:
    """The date in a field, with the zone it is written in; in ``Received`` it stands behind the last semicolon."""
    try:
        found = parsedate_tz(text.rpartition(";")[2].strip()[:_LONGEST])
        if found is None:
            return None
        zone = timezone(timedelta(seconds=found[9] or 0))
        return datetime(*found[:5], min(found[5], 59), tzinfo=zone)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def extract(moment: datetime, part: str) -> str:
    """A part of a moment, as RFC 5260 section 4.2 writes it."""
    match part:
        case "julian":
            return str(moment.date().toordinal() - _JULIAN_OF_FIRST_DAY)
        case "weekday":
            return str(moment.isoweekday() % 7)
        case "zone":
            return _zone(moment)
        case "iso8601":
            return moment.replace(microsecond=0).isoformat()
        case "std11":
            return format_datetime(moment)
    return moment.strftime(_FORMATS[part]) if part != "year" and part != "date" else _year(moment, part)


_FORMATS = {"month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S", "time": "%H:%M:%S"}


def _year(moment: datetime, part: str) -> str:
    """``strftime`` leaves zeros out before the year 1000."""
    return f"{moment.year:04d}" if part == "year" else moment.date().isoformat()


def _zone(moment: datetime) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def shifted(moment: datetime, zone: tzinfo) -> datetime | None:
    """The moment in another zone; ``None`` where the calendar ends."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return None
