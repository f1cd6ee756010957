"""The Date field as it is written, well or badly."""

from datetime import UTC, date, datetime

import pytest

from services.imapd.datefield import parse

TEN = datetime(2025, 2, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "hours_from_ten"),
    [
        ("Mon, 3 Feb 2025 10:00:00 +0000", 0),
        ("3 Feb 2025 10:00 +0200", -2),
        ("  mon ,  03  feb  25  10:00:00  -0330 (NST)", 3.5),
        ("Mon, (a day) 3 Feb (a month) 2025 10:00:00 +0000", 0),
        ("3 Feb 2025 10.00.00 EST", 5),
        ("3 Feb 2025 10:00:00 pdt", 7),
        ("3 Feb 2025 10:00:00 Z", 0),
        ("3 Feb 2025 10:00:00 XYZ", 0),
        ("3 Feb 2025 10:00:00", 0),
        ("3 Feb 2025 10:00:00 -0000", 0),
        ("3 Feb 2025 9:00 -0100", 0),
    ],
)
def test_date_is_read(value: str, hours_from_ten: float) -> None:
    sent = parse(value.encode())
    assert sent is not None
    assert (sent.seconds, sent.day) == (TEN.timestamp() + hours_from_ten * 3600, date(2025, 2, 3))


@pytest.mark.parametrize(("year", "meant"), [("99", 1999), ("70", 1970), ("69", 2069), ("00", 2000), ("1999", 1999)])
def test_two_digits_of_a_year(year: str, meant: int) -> None:
    sent = parse(b"1 Mar %b 10:00 +0000" % year.encode())
    assert sent is not None
    assert sent.day.year == meant


@pytest.mark.parametrize(
    "value",
    ["", "nonsense", "30 Feb 2025 10:00 +0000", "3 Foo 2025 10:00", "3 Feb 2025", "3 Feb 2025 25:00", "3 Feb 2025 10:60", "2025-02-03 10:00",
     "3 Feb 0000 10:00", "3 Feb 2025 10:00 +9900", "(" * 1000]
)  # fmt: skip
def test_what_is_no_date(value: str) -> None:
    assert parse(value.encode()) is None


def test_leap_second() -> None:
    assert parse(b"31 Dec 2016 23:59:60 +0000") is not None
