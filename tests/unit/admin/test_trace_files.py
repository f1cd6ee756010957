"""Reading on in files that grow and rotate."""

from pathlib import Path

import pytest

from services.admin.trace import files
from services.admin.trace.files import Position, event_files, last_lines, read_on


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "mda.0.jsonl"
    made.write_bytes(b"one\ntwo\n")
    return made


def rotate(path: Path, content: bytes) -> None:
    path.replace(path.with_suffix(".jsonl.1"))
    path.write_bytes(content)


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_each_line_is_read_once(path: Path) -> None:
    lines, position = read_on(path, None)
    assert lines == [b"one", b"two"]
    append(path, b"three\n")
    lines, position = read_on(path, position)
    assert lines == [b"three"]
    assert read_on(path, position) == ([], position)


def test_half_a_line_waits_for_its_end(path: Path) -> None:
    _, position = read_on(path, None)
    append(path, b"thr")
    lines, position = read_on(path, position)
    assert lines == []
    append(path, b"ee\n")
    assert read_on(path, position)[0] == [b"three"]


def test_rest_of_a_rotated_file_comes_before_the_new_one(path: Path) -> None:
    _, position = read_on(path, None)
    append(path, b"three\n")
    rotate(path, b"four\n")
    lines, position = read_on(path, position)
    assert lines == [b"three"]
    assert read_on(path, position)[0] == [b"four"]


def test_file_rotated_with_nothing_left_is_passed_over(path: Path) -> None:
    _, position = read_on(path, None)
    rotate(path, b"three\n")
    assert read_on(path, position)[0] == [b"three"]


def test_other_file_with_the_same_inode_is_read_from_its_start(path: Path) -> None:
    _, position = read_on(path, None)
    assert position is not None
    other = Position(position.inode, b"another head", position.offset)
    assert read_on(path, other)[0] == [b"one", b"two"]


def test_file_that_shrank_is_read_from_its_start(path: Path) -> None:
    _, position = read_on(path, None)
    path.write_bytes(b"new\n")
    assert read_on(path, position)[0] == [b"new"]


def test_long_file_is_read_block_by_block(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 6)
    lines, position = read_on(path, None)
    assert lines == [b"one"]
    assert read_on(path, position)[0] == [b"two"]
    assert last_lines(path)[0] == [b"e", b"two"]


def test_rotated_files_and_the_index_are_no_event_files(path: Path) -> None:
    rotate(path, b"three\n")
    (path.parent / "index.sqlite").touch()
    assert event_files(path.parent) == [path]
