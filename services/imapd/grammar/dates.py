"""Dates of IMAP (RFC 3501 section 9): ``date`` in SEARCH, ``date-time`` in APPEND and INTERNALDATE."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_NUMBERS = {word.lower(): number for number, word in enumerate(_MONTHS, 1)}
_DATE = re.compile(rb"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})")
_DATE_TIME = re.compile(rb"( [0-9]|[0-9]{1,2})-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})")


def parse_date(text: bytes) -> date | None:
    """Read ``1-Feb-1994``; ``None`` when it is none."""
    found = _DATE.fullmatch(text)
    if found is None or found[2].lower() not in _NUMBERS:
        return None
    try:
        return date(int(found[3]), _NUMBERS[found[2].lower()], int(found[1]))
    except ValueError:
        return None


def parse_date_time(text: bytes) -> int | None:
    """Read `` 1-Feb-1994 21:52:25 -0800`` as seconds since the epoch; ``None`` when it is none."""
    found = _DATE_TIME.fullmatch(text)
    if found is None or found[2].lower() not in _NUMBERS:
        return None
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    hour, minute, second = (int(found[group]) for group in (4, 5, 6))
    try:
        zone = timezone(-offset if found[7] == b"-" else offset)
        moment = datetime(int(found[3]), _NUMBERS[found[2].lower()], int(found[1]), hour, minute, second, tzinfo=zone)
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def format_date_time(seconds: int) -> bytes:
    """Write seconds since the epoch as a ``date-time`` in UTC, with its quotes."""
    moment = day_and_time(seconds)
    clock = b"%02d:%02d:%02d" % (moment.hour, moment.minute, moment.second)
    return b'"%02d-%b-%04d %b +0000"' % (moment.day, _MONTHS[moment.month - 1], moment.year, clock)


def day_and_time(seconds: int) -> datetime:
    """Return the moment in UTC; one outside of what a calendar holds is the epoch, since a file can carry any time."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
