"""A followed file is used whole or not at all."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from services.kernel.tables.flaws import Flaw
from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.source import LARGE_BYTES, LOOK_SECONDS, SETTLED_SECONDS, FollowedFile, Parse, Watch
from services.kernel.tables.text import Entries, parse_text


class Bench:
    """A followed file with hands on its clocks. ``write`` stamps the file with the wall clock."""

    def __init__(self, path: Path, parse: Parse[Entries] = parse_text) -> None:
        self.path = path
        self.now = 1000.0
        self.told: list[str] = []
        self.file: FollowedFile[Entries] = FollowedFile(path, parse, Watch(self.told.append, lambda: self.now, lambda: self.now))

    def write(self, text: str) -> None:
        self.now += 0.01
        self.path.write_text(text)
        os.utime(self.path, (self.now, self.now))

    def wait_for_loader(self) -> None:
        for thread in threading.enumerate():
            if thread.name == f"load {self.path.name}":
                thread.join(10)

    def value(self, key: str) -> str:
        entry = asyncio.run(self.file.content()).get(key.encode())
        assert entry is not None
        return entry[0]


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


class SlowParser:
    """Parses as ``parse_text``, but from the second time on only when told to."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self, data: bytes) -> tuple[Entries, list[Flaw]]:
        assert self.may_go.wait(10)
        return parse_text(data)


@pytest.fixture
def large(tmp_path: Path) -> tuple[Bench, SlowParser]:
    parser = SlowParser()
    made = Bench(tmp_path / "table", parser)
    made.write(PADDING + "key old\n")
    assert made.value("key") == "old"
    parser.may_go.clear()
    return made, parser


PADDING = "".join(f"user{number} x\n" for number in range(LARGE_BYTES // 8))


def test_large_file_is_parsed_beside_and_the_old_content_answers_meanwhile(large: tuple[Bench, SlowParser]) -> None:
    bench, parser = large
    bench.now += LOOK_SECONDS
    assert bench.value("key") == "old"
    bench.write(PADDING + "key new\n")
    bench.now += LOOK_SECONDS + SETTLED_SECONDS
    assert bench.value("key") == "old"
    parser.may_go.set()
    bench.wait_for_loader()
    assert bench.value("key") == "new"


def test_first_lookup_after_a_quiet_time_waits_for_a_large_file(large: tuple[Bench, SlowParser]) -> None:
    bench, parser = large
    before = bench.file.version()
    bench.write(PADDING + "key new\n")
    bench.now += 3600
    assert bench.file.version() > before, "who keeps what was derived from the table would not ask"
    parser.may_go.set()
    assert bench.value("key") == "new"


def test_broken_large_file_keeps_the_old_table_and_is_told_once(large: tuple[Bench, SlowParser]) -> None:
    bench, parser = large
    parser.may_go.set()
    bench.write(PADDING + "key\n")
    for _ in range(3):
        bench.now += 3
        assert bench.value("key") == "old"
    assert len(bench.told) == 1
    assert "no value for 'key'" in bench.told[0]


def test_lookups_that_wait_for_the_first_load_share_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "table")
    bench.write(PADDING + "key value\n")

    async def ask() -> list[Entries]:
        return await asyncio.gather(*(bench.file.content() for _ in range(5)))

    assert len({id(content) for content in asyncio.run(ask())}) == 1
