"""A followed file is used whole or not at all."""

import os
from pathlib import Path

import pytest

from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.source import LOOK_SECONDS, SETTLED_SECONDS, FollowedFile, Watch
from services.kernel.tables.text import Entries, parse_text


class Bench:
    """A followed file with hands on its clocks. ``write`` stamps the file with the wall clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 1000.0
        self.told: list[str] = []
        self.file: FollowedFile[Entries] = FollowedFile(path, parse_text, Watch(self.told.append, lambda: self.now, lambda: self.now))

    def write(self, text: str) -> None:
        self.now += 0.01
        self.path.write_text(text)
        os.utime(self.path, (self.now, self.now))

    def value(self, key: str) -> str:
        return self.file.current()[key][0]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "table")
    made.write("key old\n")
    return made


def test_change_is_used_within_a_second(bench: Bench) -> None:
    assert bench.value("key") == "old"
    bench.write("key new\n")
    bench.now += LOOK_SECONDS + SETTLED_SECONDS
    assert LOOK_SECONDS + SETTLED_SECONDS < 1
    assert bench.value("key") == "new"


def test_change_is_used_at_the_first_lookup_after_a_quiet_time(bench: Bench) -> None:
    assert bench.value("key") == "old"
    bench.write("key new\n")
    bench.now += 3600
    assert bench.value("key") == "new"


def test_file_that_is_still_being_written_is_left_for_later(bench: Bench) -> None:
    assert bench.value("key") == "old"
    bench.now += LOOK_SECONDS
    bench.write("key n")
    assert bench.value("key") == "old"
    bench.write("key new\n")
    bench.now += LOOK_SECONDS
    assert bench.value("key") == "new"


def test_broken_file_keeps_the_old_table_and_is_told_once(bench: Bench) -> None:
    bench.value("key")
    bench.write("key\n")
    for _ in range(3):
        bench.now += 1
        assert bench.value("key") == "old"
    assert bench.told == [f"{bench.path}:1: no value for 'key'"]


def test_vanished_file_keeps_the_old_table_and_its_return_is_used(bench: Bench) -> None:
    bench.value("key")
    bench.path.unlink()
    bench.now += 1
    assert bench.value("key") == "old"
    bench.write("key new\n")
    bench.now += 1
    assert bench.value("key") == "new"
    assert bench.told == [f"{bench.path}: No such file or directory"]


def test_file_that_never_parsed_is_trouble_until_it_does(bench: Bench) -> None:
    bench.path.write_bytes(b"good one\nbad \xff\n")
    with pytest.raises(TableTrouble, match=":2: not UTF-8"):
        bench.value("key")
    bench.write("key new\n")
    bench.now += 1
    assert bench.value("key") == "new"


def test_version_grows_only_with_content_taken_into_use(bench: Bench) -> None:
    first = bench.file.version()
    bench.write("broken\n")
    bench.now += 1
    assert bench.file.version() == first
    bench.write("key new\n")
    bench.now += 1
    assert bench.file.version() > first
