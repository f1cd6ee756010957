"""The Date field of a message (RFC 5322 sections 3.3 and 4.3)."""

import re
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

_MONTHS = {word: number for number, word in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_ZONES = {b"EDT": -4, b"EST": -5, b"CDT": -5, b"CST": -6, b"MDT": -6, b"MST": -7, b"PDT": -7, b"PST": -8}
"""Hours of the zones that have a name; all others are UTC (section 4.3)."""
_COMMENT = re.compile(rb"\([^()]*\)")
_DATE = re.compile(
    rb"\s*(?:[A-Za-z]{3}\s*,)?\s*(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4}|\d{2})\s+(\d{1,2})\s*[:.]\s*(\d{2})(?:\s*[:.]\s*(\d{2}))?(?:\s+(?:([+-])(\d{2})(\d{2})\b|(\w+)))?"
)
_FIRST_OF_OLD_CENTURY = 70
"""Two digits from here on are of the twentieth century. Section 4.3 says 50; there was no mail before 1970."""
MAX_BYTES = 200
"""Of the field that are looked at."""


class Sent(NamedTuple):
    """Seconds since the epoch, and the day as it is written, whatever its zone."""

    seconds: int
    day: date


def parse(value: bytes) -> Sent | None:
    """Read an unfolded field; ``None`` when it is no date. One without a zone is in UTC (RFC 5256 section 2.2)."""
    value = value[:MAX_BYTES]
    found = _DATE.match(_COMMENT.sub(b" ", value) if b"(" in value else value)
    month = _MONTHS.get(found[2].decode().lower()) if found else None
    if found is None or month is None:
        return None
    hour, minute, second = (int(found[group] or 0) for group in (4, 5, 6))
    try:
        day = date(_year(found[3]), month, int(found[1]))
        moment = datetime(day.year, day.month, day.day, hour, minute, min(second, 59), tzinfo=_zone(found))  # 60 is a leap second
        return Sent(int(moment.timestamp()), day)
    except (ValueError, OverflowError):
        return None


def _year(digits: bytes) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= _FIRST_OF_OLD_CENTURY else 2000)


def _zone(found: re.Match[bytes]) -> timezone:
    if found[7] is None:
        return timezone(timedelta(hours=_ZONES.get((found[10] or b"").upper(), 0)))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    return timezone(-offset if found[7] == b"-" else offset)
