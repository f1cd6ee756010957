"""regexp and pcre tables: rules in order, patterns, substitutions, if and endif."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.patterns import PCRE, REGEXP, Engine
from services.kernel.tables.rules import parser

BOTH = ["regexp", "pcre"]


def look_up(tmp_path: Path, kind: str, text: str, key: str) -> str | None:
    (tmp_path / "table").write_text(text)
    found = asyncio.run(Tables(lambda _: None, tmp_path).open(f"{kind}:table").lookup(key))
    return found.value if found else None


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("rules", "key", "value"),
    [
        ("/^(.*)-outgoing@(.*)$/ 550 use ${1}@$2 instead, $$1", "Owner-OUTGOING@x.test", "550 use Owner@x.test instead, $1"),
        ("/(a)(b)?/ [$1$(2)]", "ac", "[a]"),
        ("/^(.)/ $1$1\n", "xy", "xx"),
        ("!/^owner-/ plain", "alice", "plain"),
        ("!/^owner-/ plain", "owner-x", None),
        ("! ! /^a/ twice", "a", "twice"),
        ("/CaSe/i exact\n/case/ folded", "CaSe", "exact"),
        ("/CaSe/i exact\n/case/ folded", "case", "folded"),
        ("|^a/b| other delimiter", "a/b", "other delimiter"),
        (r"/a\/b/ escaped", "a/b", "escaped"),
        ("/a/  two   words \t", "a", "two   words"),
        ("/a/ x,\n  y\n# no\n\n\tz", "a", "x,  y\tz"),
        ("#/a/ x\n/a/ y", "a", "y"),
        ("/[[:alpha:]]+-[[:digit:]]{2}$/ class", "ab-12", "class"),
        ("/^.$/ one byte", "ä", None),
        ("/^..$/ two bytes", "ä", "two bytes"),
        ("/a.b/ newline", "a\nb", "newline"),
        ("if /^a/\n/x/ inner\nendif\n/x/ outer", "ax", "inner"),
        ("if /^a/\n/x/ inner\nendif\n/x/ outer", "bx", "outer"),
        ("IF !/^a/\n/x/ inner\nENDIF\n/x/ outer", "bx", "inner"),
        ("if/^a/\nif /b/\n/c/ deep\nendif\n/c/ shallow\nendif\n/c/ out", "abc", "deep"),
        ("if/^a/\nif /b/\n/c/ deep\nendif\n/c/ shallow\nendif\n/c/ out", "ac", "shallow"),
        ("if/^a/\nif /b/\n/c/ deep\nendif\n/c/ shallow\nendif\n/c/ out", "bc", "out"),
        ("if /a/ extra\n/b/ x\nendif extra", "ab", "x"),
    ],
)
def test_first_matching_rule_gives_its_text(tmp_path: Path, kind: str, rules: str, key: str, value: str | None) -> None:
    assert look_up(tmp_path, kind, rules, key) == value


@pytest.mark.parametrize(
    ("kind", "rules", "key", "value"),
    [
        ("regexp", "/(a|ab|abc)/ $1", "abcd", "abc"),  # POSIX: the longest
        ("pcre", "/(a|ab|abc)/ $1", "abcd", "a"),  # Perl: the first
        ("regexp", "/two/!/words/ first only", "two", "first only"),
        ("regexp", "/two/!/words/ first only", "two words", None),
        ("regexp", "/^b$/m line", "a\nb\nc", "line"),
        ("regexp", r"/a\(b\)/x \1", "ab", r"\1"),
        ("pcre", "/^b$/m line", "a\nb\nc", "line"),
        ("pcre", "/a.b/s newline", "a\nb", None),
        ("pcre", "/a b # c/x spaces", "ab", "spaces"),
        ("pcre", "/b/A anchored", "ab", None),
        ("pcre", "/a$/ end", "a\n", "end"),
        ("pcre", "/a$/E end", "a\n", None),
        ("pcre", "/^(a+)(a*)$/U $1-$2", "aaa", "a-aa"),
        ("pcre", "/^a/X extra", "a", "extra"),
        ("pcre", r"/^(?<user>\w+)@(?=x)/ $1", "alice@x", "alice"),
    ],
)
def test_each_engine_matches_by_its_own_rules_and_flags(tmp_path: Path, kind: str, rules: str, key: str, value: str | None) -> None:
    assert look_up(tmp_path, kind, rules, key) == value


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("/a/ x\n/(/ y\n", "2: bad pattern"),
        ("/a\n", "1: the pattern is not closed"),
        ("/a/q x\n", "1: unknown flag 'q'"),
        ("/a/\n", "1: no value"),
        ("/(a)/ $2\n", "1: \\$2 names no group"),
        ("/(a)/ $0\n", "1: out-of-range replacement index 0"),
        ("/(a)/ $1x\n", "1: non-numeric replacement index '1x'"),
        ("/(a)/ ${1\n", "1: truncated"),
        ("/(a)/ a$\n", "1: empty macro name"),
        ("!/(a)/ $1\n", "1: \\$number in the text of a negated pattern"),
        ("a b\n", "1: a pattern between delimiters"),
        ("!\n", "1: no pattern"),
        (" /a/ b\n", "1: a logical line must not start"),
        ("if /a/\n/b/ c\n", "1: if without endif"),
        ("endif\n", "1: endif without if"),
    ],
)
def test_fault_names_file_and_line(tmp_path: Path, kind: str, text: str, fault: str) -> None:
    with pytest.raises(TableTrouble, match=f"table:{fault}"):
        look_up(tmp_path, kind, text, "key")


def test_pattern_that_takes_too_much_work_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(TableTrouble, match="table:2: match limit exceeded"):
        look_up(tmp_path, "pcre", "# costly\n/^(a+)+$/ x\n", "a" * 40 + "b")


@pytest.mark.parametrize("kind", BOTH)
def test_value_that_is_no_longer_utf8_is_trouble(tmp_path: Path, kind: str) -> None:
    with pytest.raises(TableTrouble, match="not UTF-8"):
        look_up(tmp_path, kind, "/^(.)/ $1", "ä")


@pytest.mark.parametrize("kind", BOTH)
def test_pattern_of_other_bytes_than_utf8_is_used(tmp_path: Path, kind: str) -> None:
    (tmp_path / "table").write_bytes(b"/caf\xe9/ latin\n/x/ y\n")
    assert asyncio.run(Tables(print, tmp_path).open(f"{kind}:table").lookup("x")) is not None


@pytest.mark.parametrize("engine", [REGEXP, PCRE])
def test_patterns_of_a_replaced_table_free_their_memory(engine: Engine) -> None:
    text = b"".join(b"/^%d(a|b){200}$/ x\n" % number for number in range(40))
    parser(engine)(text)
    before = resident_bytes()
    for _ in range(20):
        parser(engine)(text)
    assert resident_bytes() - before < 8_000_000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
