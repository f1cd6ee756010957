"""What is wrong with a table, line by line."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.tables.check import examine
from services.kernel.tables.collection import Tables


@pytest.mark.parametrize(
    ("kind", "text", "flaws"),
    [
        ("hash", "a b\nlonely\nA c\n", ["2: no value for 'lonely'", "3: warning duplicate entry 'A'; the one in line 1 counts"]),
        ("hash", "a: b\n", ['1: warning the record is in "key: value" format; is this an alias file?']),
        ("regexp", "/a/ x\n/(/ y\n", ["2: bad pattern: Unmatched ( or \\("]),
        ("pcre", "/a/ x\n/b/ y\n/a/ z\n/a/i z\n!/a/ z\n", ["3: warning never reached: line 1 has the same pattern"]),
        ("pcre", "/b/ x\n/./ y\n/a/ z\n", ["3: warning never reached: line 2 matches everything"]),
        ("regexp", "if /x/\n/^(.*)$/ $1\n/a/ z\nendif\n/a/ z\n", ["3: warning never reached: line 2 matches everything"]),
        ("regexp", "/a/ x\nif /x/\n/a/ z\nendif\n/b/ z\nif /y/\n/b/ z\nendif\n", ["3", "7"]),
        ("regexp", "if /x/\n/a/ x\nendif\nif /y/\n/a/ x\nendif\n/a/ x\n", []),
        ("regexp", "/two/!/words/ x\n/two/ x\n!/./ x\n/b/ x\n", []),
        ("regexp", "if /a/ extra\n/b/ x\nendif\n", ["1: warning text after if"]),
        ("cidr", "10.0.0.0/8 a\n10.1.0.0/16 b\n192.0.2.1/24 c\n", ["2: warning 10.1.0.0/16 is never reached: line 1 has 10.0.0.0/8", "3"]),
        ("cidr", "10.0.0.0/8 a\nif 10.0.0.0/8\n10.1.0.0/16 b\n11.0.0.0/8 c\nendif\n11.1.0.0/16 d\n", ["3"]),
        ("sqlite", "dbpath = x.db\nquery = SELECT 1\nquerry = x\nquery = SELECT '%q'\n", ["3: warning unknown", "4: warning", "4: query: there"]),
        ("hash", "a b\n\nc d\n", []),
    ],
)
def test_each_flaw_is_told_with_its_line(tmp_path: Path, kind: str, text: str, flaws: list[str]) -> None:
    (tmp_path / "table").write_text(text)
    found = asyncio.run(examine(f"{kind}:table", Tables(lambda _: None, tmp_path)))
    told = [words if is_error else words.replace(": ", ": warning ", 1) for words, is_error in found]
    assert len(told) == len(flaws), told
    assert [words.removeprefix(f"{tmp_path}/table:")[: len(flaw)] for words, flaw in zip(told, flaws, strict=True)] == flaws


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("hash:gone", "/gone: No such file or directory"),
        ("sqlite:good.cf", "/nowhere.db: No such file or directory"),
        ("unionmap:{static:a, hash:gone}", "/gone: No such file or directory"),
        ("pcre:{{/(/ x}}", "error in regex"),
        ("mysql:x", "not supported"),
        ("virtual", "expected type:file"),
    ],
)
def test_table_that_cannot_be_asked_is_an_error(tmp_path: Path, name: str, fault: str) -> None:
    (tmp_path / "good.cf").write_text("dbpath = /nowhere.db\nquery = SELECT 1\n")
    ((words, is_error),) = asyncio.run(examine(name, Tables(lambda _: None, tmp_path)))
    assert is_error
    assert fault in words


@pytest.mark.parametrize("name", ["static:a", "inline:{a=b}", "unionmap:{static:a, inline:{a=b}}", "proxy:static:a"])
def test_table_without_a_file_has_no_flaws(tmp_path: Path, name: str) -> None:
    assert asyncio.run(examine(name, Tables(lambda _: None, tmp_path))) == []
