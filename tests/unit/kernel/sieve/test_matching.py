"""Match types and comparators (RFC 5228 section 2.7)."""

import pytest

from tests.unit.kernel.sieve.scripts import holds


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("*", "", ["", ""]),
        ("?", "", None),
        ("a*c", "abbc", ["abbc", "bb"]),
        ("*a*", "xay", ["xay", "x", "y"]),
        ("*-*", "a-b-c", ["a-b-c", "a", "b-c"]),  # the first takes as little as it can
        ("??x", "abx", ["abx", "a", "b"]),
        ("*??", "abc", ["abc", "a", "b", "c"]),
        ("?*", "", None),
        (r"\\*x", "*x", ["*x"]),
        (r"\\*x", "ax", None),
        (r"a\\\\*", "a\\\\b", ["a\\\\b", "b"]),
        ("*end", "end of the end", ["end of the end", "end of the "]),
        ("a*a", "a", None),
        ("a\nb*", "a\nbc", ["a\nbc", "c"]),
    ],
)
def test_wildcards_match_and_tell_what_they_stood_for(key: str, value: str, expected: list[str] | None) -> None:
    matched = f'string :matches "{value}" "{key}"'
    if expected is None:
        assert not holds(matched)
    else:
        tests = ", ".join(f'string :is "${{{number}}}" "{group}"' for number, group in enumerate(expected))
        assert holds(f"allof ({matched}, {tests})")


def test_case_of_ascii_letters_counts_not_unless_octets_are_compared() -> None:
    assert holds('header :is "subject" "hELLO"')
    assert holds('header :contains "subject" "ELL"')
    assert not holds('header :is :comparator "i;octet" "subject" "hELLO"')
    assert holds('string :is :comparator "i;ascii-casemap" "A" "a"')
    assert not holds('string :is "A" "a"')
    assert not holds('string :is :comparator "i;ascii-casemap" "É" "é"')
    assert holds('string :is :comparator "i;unicode-casemap" "É" "é"')


@pytest.mark.parametrize(
    ("relation", "value", "key", "expected"),
    [
        ("gt", "10", "9", True),
        ("lt", "10", "9", False),
        ("eq", "007", "7", True),
        ("ge", "", "9", True),  # no digits: positive infinity (RFC 4790 section 9.1)
        ("eq", "x", "y", True),
        ("ne", "7x", "7", False),
        ("gt", "9" * 5000, "9" * 4999, True),
    ],
)
def test_numbers_are_compared_as_numbers(relation: str, value: str, key: str, expected: bool) -> None:
    assert holds(f'string :value "{relation}" :comparator "i;ascii-numeric" "{value}" "{key}"') is expected


def test_values_are_compared_as_strings_otherwise() -> None:
    assert not holds('string :value "gt" "10" "9"')


def test_counting_counts_fields_not_keys() -> None:
    message = b"X-A: 1\r\nX-A: 2\r\nX-B: 3\r\n\r\n"
    assert holds('header :count "eq" :comparator "i;ascii-numeric" ["x-a", "x-b", "x-c"] "3"', message=message)
    assert holds('not header :count "gt" :comparator "i;ascii-numeric" "x-c" "0"', message=message)


def test_last_match_that_was_true_sets_the_variables() -> None:
    before = 'if string :matches "one" "o*" {} if string :matches "two" "x*" {}'
    assert holds('string :is "${1}" "ne"', before=before)


def test_thousand_wildcards_take_no_time() -> None:
    assert not holds(f'string :matches "{"a" * 5000}" "{"*a" * 1000}b"')
