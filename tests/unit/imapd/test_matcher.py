"""Patterns of LIST."""

import pytest

from services.imapd.matcher import Pattern


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "A.B.C", True),
        ("%", "A", True),
        ("%", "A.B", False),
        ("%.%", "A.B", True),
        ("A.%", "A.", True),
        ("A.%", "A", False),
        ("A*", "A", True),
        ("*B", "A.B", True),
        ("%B", "A.B", False),
        ("*%", "A.B", True),
        ("%*%", "", True),
        ("", "A", False),
        ("inbox", "INBOX", True),
        ("i*X", "INBOX", True),
        ("inbox.%", "INBOX.x", True),
        ("a", "A", False),
        ("été", "été", True),
    ],
)
def test_pattern_fits(pattern: str, name: str, fits: bool) -> None:
    assert Pattern(pattern).matches(name) is fits


def test_pattern_full_of_wildcards_takes_no_longer_than_its_length() -> None:
    assert not Pattern("*a" * 400 + "b").matches("a" * 240)
