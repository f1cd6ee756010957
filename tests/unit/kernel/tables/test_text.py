"""Key-value tables read as Postfix reads them."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.text import parse_text

SOURCE = """\
# a comment
postmaster@example.test   alice@example.test

team@example.test   alice@example.test,
    bob@example.test
# a comment does not end the line before
    carol@example.test
"John Doe"@example.test  john@example.test
Team@Example.Test   nobody@example.test
"""


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("postmaster@example.test", "alice@example.test", 2),
        ("team@example.test", "alice@example.test, bob@example.test carol@example.test", 4),
        ('"john doe"@example.test', "john@example.test", 8),
    ],
)
def test_value_is_found_with_its_line(key: str, value: str, line: int) -> None:
    assert parse_text("aliases", SOURCE)[key] == (value, line)


def test_first_of_equal_keys_counts() -> None:
    assert parse_text("aliases", SOURCE)["team@example.test"][1] == 4


def test_key_without_value_is_refused_with_file_and_line() -> None:
    with pytest.raises(TableTrouble, match="aliases:2: no value for 'lonely'"):
        parse_text("aliases", "a b\nlonely\n")


@pytest.mark.parametrize("kind", ["hash", "texthash", "lmdb"])
def test_source_text_of_each_type_is_looked_up_without_case(tmp_path: Path, kind: str) -> None:
    (tmp_path / "virtual").write_text(SOURCE)
    table = Tables(print, tmp_path).open(f"{kind}:virtual")
    found = asyncio.run(table.lookup("POSTMASTER@example.test"))
    assert found is not None
    assert (found.value, found.file, found.line) == ("alice@example.test", str(tmp_path / "virtual"), 2)


def test_missing_key_is_none_and_missing_file_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "virtual").write_text(SOURCE)
    tables = Tables(lambda _: None, tmp_path)
    assert asyncio.run(tables.open("hash:virtual").lookup("nobody@example.test")) is None
    with pytest.raises(TableTrouble, match="No such file"):
        asyncio.run(tables.open("hash:gone").lookup("nobody@example.test"))
