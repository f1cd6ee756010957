"""Alias files as aliases(5) describes them."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.tables.aliases import parse_aliases, split_targets
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import TableTrouble

TEXT = r"""
# who reads what
postmaster: root
root:  ann, bob@x.test ,
       "carol d"@x.test
"Two Words": ann
list: :include:members, :include:more
MixedCase : \ann
ann: Ann Lee <ann@y.test>
shell: ann, "|/usr/bin/program with, comma"
file: /var/mail/all
root: later
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "aliases").write_text(TEXT)
    (tmp_path / "members").write_text("# members\nann, bob\n\ncarol@x.test\n")
    (tmp_path / "more").write_text("dave\n  , :include:members\n")
    return tmp_path


def ask(folder: Path, name: str) -> str | None:
    found = asyncio.run(Tables(lambda _: None, folder).open_aliases("hash:aliases").lookup(name))
    return found.value if found else None


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("postmaster", "root"),
        ("ROOT", 'ann, bob@x.test, "carol d"@x.test'),
        ("two words", "ann"),
        ("list", "ann, bob, carol@x.test, dave, ann, bob, carol@x.test"),
        ("mixedcase", "ann"),
        ("ann", "ann@y.test"),
        ("nobody", None),
        ("ann: x", None),
    ],
)
def test_name_has_its_targets(folder: Path, name: str, targets: str | None) -> None:
    assert ask(folder, name) == targets


@pytest.mark.parametrize(("name", "words"), [("shell", "aliases:10: a command is no target here"), ("file", "aliases:11: a file is no target here")])
def test_command_and_file_are_refused_with_their_line_and_the_others_are_not(folder: Path, name: str, words: str) -> None:
    with pytest.raises(TableTrouble, match=words):
        ask(folder, name)
    assert ask(folder, "postmaster") == "root"


def test_flaws_name_their_lines() -> None:
    _, flaws = parse_aliases(TEXT.encode())
    assert [(flaw.line, flaw.is_error) for flaw in flaws] == [(10, False), (11, False), (12, False)]


@pytest.mark.parametrize("text", ["name", "name:", " name: x", ": x", "name x", '"name: x', "a: \xff".encode("latin-1")])
def test_line_that_is_no_alias_is_an_error(text: str | bytes) -> None:
    _, flaws = parse_aliases(text if isinstance(text, bytes) else text.encode())
    assert [flaw.line for flaw in flaws if flaw.is_error] == [1]


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("a, b", ["a", "b"]),
        ('"a, b"@x.test, c', ['"a, b"@x.test', "c"]),
        ('"|run a, b"', ["|run a, b"]),
        (r"\a", ["a"]),
        ('a (one, and), "b (c)"@x.test', ["a", '"b (c)"@x.test']),
        (", ,a,", ["a"]),
        ("", []),
    ],
)
def test_targets_are_cut_at_commas_outside_of_quotes(text: str, targets: list[str]) -> None:
    assert split_targets(text) == targets


def test_missing_or_circular_included_file_is_trouble(folder: Path) -> None:
    (folder / "more").unlink()
    with pytest.raises(TableTrouble, match="more: No such file"):
        ask(folder, "list")
    (folder / "more").write_text(":include:more\n")
    with pytest.raises(TableTrouble, match="include each other"):
        ask(folder, "list")


def test_changed_included_file_changes_the_version(folder: Path) -> None:
    table = Tables(lambda _: None, folder).open_aliases("hash:aliases")
    before = table.version()
    asyncio.run(table.lookup("list"))
    assert table.version() > before


def test_other_types_are_tables_as_everywhere(folder: Path) -> None:
    tables = Tables(lambda _: None, folder)
    assert tables.open_aliases("inline:{ ops=ann }") is tables.open("inline:{ ops=ann }")
    assert tables.open_aliases("hash:aliases") is not tables.open("hash:aliases")
