"""The file in which mda says which mailboxes have little room."""

import os
from pathlib import Path

import pytest

from services.kernel.wire import room
from services.kernel.wire.room import LOOK_SECONDS, NAME, VALID_SECONDS, Board, Room

ALICE = "alice@example.test"
NOW = 1_763_712_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        self.now += LOOK_SECONDS + 0.1
        return self.now


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path, Clock())


def write(path: Path, **rooms: Room) -> None:
    room.write(path, {f"{name}@example.test": each for name, each in rooms.items()})
    os.utime(path / NAME, (NOW, NOW))


@pytest.mark.parametrize(
    ("left", "size_bytes", "fits"),
    [
        (Room(), 1 << 40, True),
        (Room(100), 100, True),
        (Room(100), 101, False),
        (Room(0), 0, False),
        (Room(1), 0, True),
        (Room(-1, 0), 0, False),
        (Room(-1, 1), 1 << 40, True),
        (Room(100, 0), 1, False),
    ],
)
def test_message_fits_by_size_and_number(left: Room, size_bytes: int, fits: bool) -> None:
    assert left.takes(size_bytes) is fits


def test_board_follows_the_file(board: Board, tmp_path: Path) -> None:
    assert board.room(ALICE) is None
    write(tmp_path, alice=Room(5, -1))
    assert (board.room(ALICE), board.room("bob@example.test"), board.has_any) == (Room(5, -1), None, True)
    write(tmp_path, bob=Room(0, 0))
    assert (board.room(ALICE), board.room("bob@example.test")) == (None, Room(0, 0))
    (tmp_path / NAME).unlink()
    assert (board.room("bob@example.test"), board.has_any) == (None, False)


def test_file_that_nobody_confirms_says_nothing(board: Board, tmp_path: Path) -> None:
    write(tmp_path, alice=Room(0))
    assert board.room(ALICE) == Room(0)
    os.utime(tmp_path / NAME, (NOW - VALID_SECONDS, NOW - VALID_SECONDS))
    assert board.room(ALICE) is None
    os.utime(tmp_path / NAME, (NOW, NOW))
    assert board.room(ALICE) == Room(0)


@pytest.mark.parametrize("content", [b"", b"{", b'{"alice@example.test": "much"}', b"[]"])
def test_damaged_file_says_nothing(board: Board, tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    os.utime(tmp_path / NAME, (NOW, NOW))
    assert board.room(ALICE) is None


def test_board_sees_a_change_that_leaves_the_size_as_it_was(board: Board, tmp_path: Path) -> None:
    write(tmp_path, alice=Room(5, -1))
    assert board.room(ALICE) == Room(5, -1)
    content = (tmp_path / NAME).read_bytes().replace(b"5", b"7")
    (tmp_path / NAME).write_bytes(content)
    os.utime(tmp_path / NAME, (NOW + 1, NOW + 1))
    assert board.room(ALICE) == Room(7, -1)
