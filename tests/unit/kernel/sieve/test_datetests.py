"""``date`` and ``currentdate`` (RFC 5260)."""

import pytest

from tests.unit.kernel.sieve.scripts import holds

MESSAGE = b"Date: Mon, 20 Jul 2009 23:44:43 +0300\r\nReceived: by x\r\n with y; Sun, 1 Feb 2026 00:00:01 -0000\r\nBad: Moo, 34 Juul 3060\r\n\r\n"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("year", "2009"),
        ("month", "07"),
        ("day", "20"),
        ("date", "2009-07-20"),
        ("julian", "55032"),
        ("hour", "23"),
        ("minute", "44"),
        ("second", "43"),
        ("time", "23:44:43"),
        ("iso8601", "2009-07-20T23:44:43+03:00"),
        ("std11", "Mon, 20 Jul 2009 23:44:43 +0300"),
        ("zone", "+0300"),
        ("weekday", "1"),
    ],
)
def test_part_of_a_date(part: str, expected: str) -> None:
    assert holds(f'date :originalzone "date" "{part}" "{expected}"', message=MESSAGE)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('date "date" "time" "21:44:43"', True),  # the site's zone is +0100
        ('date :zone "+0500" "date" "date" "2009-07-21"', True),
        ('date :zone "-0330" "date" "zone" "-0330"', True),
        ('date :originalzone "received" "date" "2026-02-01"', True),
        ('date "bad" "year" "3060"', False),
        ('date :value "lt" "date" "date" "2010-01-01"', True),
        ('currentdate "iso8601" "2026-11-28T13:05:09+01:00"', True),
        ('currentdate :zone "+0000" "hour" "12"', True),
        ('currentdate "weekday" "6"', True),
    ],
)
def test_zone_and_comparison(test: str, expected: bool) -> None:
    assert holds(test, message=MESSAGE) is expected


@pytest.mark.parametrize(
    "date", [b"Mon, 99 Jul 99999 99:99:99 +9999", b";" * 5000, b"1 Jan 0000 00:00:00 +0000", b"1 Jan 9999 23:59:59 -1200", b"\xff"]
)
def test_hostile_date_breaks_nothing(date: bytes) -> None:
    assert not holds('date :zone "+1300" "date" "year" "x"', message=b"Date: " + date + b"\r\n\r\n")
