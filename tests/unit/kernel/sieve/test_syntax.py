"""What the grammar takes and refuses, and where it says so (RFC 5228 section 8)."""

import pytest

from services.kernel.sieve.limits import Limits
from tests.unit.kernel.sieve.scripts import flaws, holds


@pytest.mark.parametrize(
    "source",
    [
        "",
        "# nothing but a comment",
        "/* one\n * two */ keep;",
        "keep; # without a line end",
        "KEEP;\r\nIf TRUE { Stop; }",
        'if header :is "subject" ["a", "b"] { keep; } elsif true { stop; } else { discard; }',
        "if size :over 100K { discard; }\nif size :under 18446744073709551615 { keep; }",
        "if allof (true, not false, anyof(true)) { keep; }",
        "\ufeffkeep;",
        "require []; keep;".replace("[]", '["fileinto"]'),
    ],
)
def test_script_is_taken(source: str) -> None:
    assert flaws(source) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("keep", ["line 1, column 5: ';' or a block is expected after the keep command, not end of script"]),
        ("keep;\n  )", ["line 2, column 3: a command is expected here, not ')'"]),
        ('keep;\nredirect "a', ["line 2, column 10: the string is not closed"]),
        ("/* keep;", ["line 1, column 1: the comment is not closed"]),
        ("if true {\nkeep;\n", ["line 1, column 9: the block is not closed"]),
        ("if true { if true { keep;", ["line 1, column 19: the block is not closed"]),
        ("if anyof(true,) { keep; }", ["line 1, column 15: a test is expected here, not ')'"]),
        ('if header ["a" "b"] "c" { }', ["line 1, column 16: ',' or ']' is expected in a list of strings, not string"]),
        ("if size :over 18446744073709551616 { }", ["line 1, column 15: the number is larger than 18446744073709551615"]),
        ("redirect text:\na@b\n", ["line 1, column 10: the multi-line text is not closed by a line with a dot alone"]),
    ],
)
def test_error_names_line_and_column(source: str, expected: list[str]) -> None:
    assert [flaw for flaw in flaws(source) if flaw in expected] == expected
    assert flaws(source)[0].startswith(expected[0])


def test_all_errors_are_told_at_once() -> None:
    assert [flaw.split(":")[0] for flaw in flaws("frop;\nkeep;\nfiep 1;\nif snot { stop 2; }")] == [
        "line 1, column 1",
        "line 3, column 1",
        "line 4, column 4",
        "line 4, column 16",
    ]


def test_unexpected_character_does_not_hide_what_follows() -> None:
    assert [flaw.split(",")[0] for flaw in flaws("keep $;\n stop $$;")] == ["line 1", "line 1", "line 2", "line 2"]


def test_script_that_is_not_utf8_is_refused_where_it_is_not() -> None:
    assert flaws(b'keep;\nredirect "\xff@b.test";') == ["line 2, column 10: the string holds what is not UTF-8 text"]


def test_nesting_is_limited() -> None:
    assert flaws("if true { " * 33 + "keep;" + "}" * 33) == ["line 1, column 329: blocks are nested too deep, the limit is 32"]
    assert flaws("if " + "not " * 40 + "true { keep; }") == ["line 1, column 132: tests are nested too deep, the limit is 32"]


def test_deepest_nesting_hostile_or_not_is_only_an_error() -> None:
    assert any(flaw.endswith("blocks are nested too deep, the limit is 32") for flaw in flaws("if true {" * 100_000))
    assert flaws("(" * 100_000) != []
    assert flaws("if " + "not " * 100_000) != []


def test_script_that_is_too_large_is_refused() -> None:
    assert flaws("#" * ((1 << 20) + 1)) == ["line 1, column 1: the script is larger than 1048576 octets"]


def test_no_more_errors_are_told_than_the_limit() -> None:
    assert len(flaws("".join(f"frop{number};\n" for number in range(100)))) == 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text:\nab\n.\n", '"ab\n"'),
        ("text: # comment\r\n..dot\r\n.x\r\n.\r\n", '".dot\r\n.x\r\n"'),
        ("TEXT:\n.\n", '""'),
    ],
)
def test_multi_line_text_is_the_same_as_a_quoted_string(text: str, expected: str) -> None:
    assert holds(f"string :is {text} {expected}")


def test_script_of_too_many_words_is_refused_where_they_begin() -> None:
    assert flaws("keep;\n" * 50, Limits(tokens=100)) == []
    assert flaws("keep;\n" * 50 + "if true { stop; }", Limits(tokens=100)) == [
        "line 51, column 4: the script is too long: it has more than 100 words and marks"
    ]
