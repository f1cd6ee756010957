"""regexp, pcre and cidr tables."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import TableTrouble

PATTERNS = """\
/^(.*)-outgoing@(.*)$/   550 use ${1}@$2 instead, $$1
!/^owner-/               plain
if /@example\\.test$/
    /^[[:alpha:]]+@/       letters
endif
/CaSe/i                  exact
/case/                   folded
"""
NETWORKS = """\
192.0.2.1        host
192.0.2.0/24     network
[2001:db8::]/32  six
!10.0.0.0/8      not ten
"""


def look_up(tmp_path: Path, kind: str, text: str, key: str) -> str | None:
    (tmp_path / "table").write_text(text)
    found = asyncio.run(Tables(lambda _: None, tmp_path).open(f"{kind}:table").lookup(key))
    return found.value if found else None


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Owner-list-OUTGOING@example.test", "550 use Owner-list@example.test instead, $1"),
        ("alice@example.test", "plain"),
        ("owner-x@example.test", None),
        ("owner-CaSe", "exact"),
        ("owner-case", "folded"),
    ],
)
def test_first_matching_pattern_gives_its_text(tmp_path: Path, kind: str, key: str, value: str | None) -> None:
    assert look_up(tmp_path, kind, PATTERNS, key) == value


def test_rules_between_if_and_endif_need_the_condition(tmp_path: Path) -> None:
    rules = "if !/^a/\n/x/ inner\nendif\n/x/ outer\n"
    assert look_up(tmp_path, "pcre", rules, "bx") == "inner"
    assert look_up(tmp_path, "pcre", rules, "ax") == "outer"


@pytest.mark.parametrize(
    ("key", "value"),
    [("192.0.2.1", "host"), ("192.0.2.77", "network"), ("2001:db8::5", "six"), ("10.9.8.7", None), ("198.51.100.1", "not ten")],
)
def test_first_matching_network_gives_its_text(tmp_path: Path, key: str, value: str | None) -> None:
    assert look_up(tmp_path, "cidr", NETWORKS, key) == value


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        ("pcre", "/a/ x\n/(/ y\n", "2: bad pattern"),
        ("pcre", "/a\n", "1: the pattern is not closed"),
        ("pcre", "/a/q x\n", "1: unknown flag 'q'"),
        ("pcre", "/a/\n", "1: no value"),
        ("pcre", "/(a)/ $2\n", "1: \\$2 names no group"),
        ("regexp", "if /a/\n/b/ c\n", "1: if without endif"),
        ("regexp", "endif\n", "1: endif without if"),
        ("cidr", "192.0.2.1/24 x\n", "1: .* has host bits set"),
    ],
)
def test_fault_names_file_and_line(tmp_path: Path, kind: str, text: str, fault: str) -> None:
    with pytest.raises(TableTrouble, match=f"table:{fault}"):
        look_up(tmp_path, kind, text, "key")
