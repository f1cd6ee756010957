"""Key-value tables read as Postfix reads them."""

import asyncio
import itertools
from pathlib import Path

import pytest

from services.kernel.tables.collection import TEXT_TYPES, Tables
from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.text import parse_text

SOURCE = b"""\
# a comment
postmaster@example.test   alice@example.test

team@example.test   alice@example.test,
    bob@example.test
  # a comment does not end the line before

\tcarol@example.test
"John Doe"@example.test  john@example.test
Team@Example.Test   nobody@example.test
two"\\" words"  are \\ one\t
back\\ slash v
CRLF value\r
key#hash value#hash
later
   value
stra\xc3\x9fe sz
"""


def look_up(tmp_path: Path, text: bytes, key: str, kind: str = "hash") -> tuple[str, int] | None:
    (tmp_path / "table").write_bytes(text)
    found = asyncio.run(Tables(lambda _: None, tmp_path).open(f"{kind}:table").lookup(key))
    return (found.value, found.line) if found else None


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("postmaster@example.test", ("alice@example.test", 2)),
        ("POSTMASTER@example.test", ("alice@example.test", 2)),
        ("team@example.test", ("alice@example.test,    bob@example.test\tcarol@example.test", 4)),
        ('"john doe"@example.test', ("john@example.test", 9)),
        ('two"\\" words"', ("are \\ one", 11)),
        ("back\\ slash", ("v", 12)),
        ("crlf", ("value", 13)),
        ("key#hash", ("value#hash", 14)),
        ("later", ("value", 15)),
        ("STRASSE", ("sz", 17)),
        ("straße", ("sz", 17)),
        ("nobody", None),
        ("#", None),
        ("", None),
        ("\udcff", None),
    ],
)
def test_value_is_found_with_its_line(tmp_path: Path, key: str, answer: tuple[str, int] | None) -> None:
    assert look_up(tmp_path, SOURCE, key) == answer


@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_source_text_is_read_for_each_type(tmp_path: Path, kind: str) -> None:
    assert look_up(tmp_path, SOURCE, "later", kind) == ("value", 15)


def test_first_of_equal_keys_counts_and_the_others_are_named() -> None:
    entries, flaws = parse_text(b"a 1\nb 2\nA 3\na 4\n")
    assert entries.get(b"a") == ("1", 1)
    assert flaws == []
    assert [(flaw.line, flaw.is_error) for flaw in sorted(entries.repeated(), key=lambda flaw: flaw.line)] == [(3, False), (4, False)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"a b\nlonely\n", "2: no value for 'lonely'"),
        (b"a b\nlonely   \n# x\n", "2: no value for 'lonely'"),
        (b"# x\n  indented value\na b\n", "2: a logical line must not start with white space"),
        (b'a b\n"open v\n', '2: unbalanced "'),
        (b"a b\nc \xff\n", "2: not UTF-8"),
        (b"a b\nc d\n\xff d\n", "3: not UTF-8"),
    ],
)
def test_line_that_postfix_would_leave_out_refuses_the_table(tmp_path: Path, text: bytes, fault: str) -> None:
    with pytest.raises(TableTrouble, match=f"table:{fault}"):
        look_up(tmp_path, text, "a")


def test_lenient_table_tells_of_bad_lines_and_answers_from_the_others(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "table").write_bytes(b"lonely\na b\nbad \xff\n")
    found = asyncio.run(Tables(told.append, tmp_path, is_lenient=True).open("hash:table").lookup("a"))
    assert found is not None
    assert found.value == "b"
    assert [fault.split(": ")[0] for fault in told] == [f"{tmp_path}/table:1", f"{tmp_path}/table:3"]


def test_line_that_looks_like_an_alias_file_is_used_and_noted() -> None:
    entries, flaws = parse_text(b"root: alice\n")
    assert entries.get(b"root:") == ("alice", 1)
    assert [(flaw.line, flaw.is_error) for flaw in flaws] == [(1, False)]


def test_missing_file_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(TableTrouble, match="No such file"):
        asyncio.run(Tables(lambda _: None, tmp_path).open("hash:gone").lookup("nobody@example.test"))


def test_every_entry_of_a_large_table_is_found() -> None:
    data = b"".join(b"user%d@example.test box%d\n" % (number, number) for number in range(30_000))
    entries, _ = parse_text(data)
    numbers = itertools.chain(range(0, 30_000, 97), (29_999,))
    assert all(entries.get(b"user%d@example.test" % number) == (f"box{number}", number + 1) for number in numbers)
    assert entries.get(b"user30000@example.test") is None
