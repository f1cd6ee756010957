"""Content arrives as it is in the queue file."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.smtp.client_content import BLOCK_BYTES, ChunkOutflow, ContentTrouble, Extent, Folding, Stuffing


def stuff(*blocks: bytes) -> bytes:
    stuffing = Stuffing()
    return b"".join(map(stuffing.encode, blocks)) + stuffing.end()


@pytest.mark.parametrize(
    ("blocks", "wire"),
    [
        ((b"",), b".\r\n"),
        ((b"a\r\n",), b"a\r\n.\r\n"),
        ((b"a",), b"a\r\n.\r\n"),
        ((b".\r\n",), b"..\r\n.\r\n"),
        ((b".a\r\n..b\r\n",), b"..a\r\n...b\r\n.\r\n"),
        ((b"a\r\n", b".b\r\n"), b"a\r\n..b\r\n.\r\n"),
        ((b"a\r", b"\n", b"."), b"a\r\n..\r\n.\r\n"),
        ((b"a", b".b\r\n"), b"a.b\r\n.\r\n"),
        ((b"a\n.\n",), b"a\n..\n\r\n.\r\n"),
        ((b"a\r\n.", b"b"), b"a\r\n..b\r\n.\r\n"),
    ],
)
def test_dots_are_doubled_and_the_last_line_is_ended(blocks: tuple[bytes, ...], wire: bytes) -> None:
    assert stuff(*blocks) == wire


def test_content_is_read_from_its_place_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"head" + b"x" * BLOCK_BYTES + b"y" + b"tail")
    fd = os.open(path, os.O_RDONLY)
    extent = Extent(fd, 4, BLOCK_BYTES + 1)
    assert (extent.read(0), extent.read(BLOCK_BYTES), extent.read(BLOCK_BYTES + 1)) == (b"x" * BLOCK_BYTES, b"y", b"")
    os.close(fd)


def test_file_that_is_too_short_is_trouble(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"short")
    fd = os.open(path, os.O_RDONLY)
    with pytest.raises(ContentTrouble):
        Extent(fd, 0, 10).read(5)
    os.close(fd)


def fold(limit: int, *blocks: bytes) -> bytes:
    folding = Folding(limit)
    return b"".join(map(folding.fold, blocks))


@pytest.mark.parametrize(
    ("content", "folded"),
    [
        (b"", b""),
        (b"x" * 98 + b"\r\n", b"x" * 98 + b"\r\n"),
        (b"x" * 99 + b"\r\n", b"x" * 98 + b"\r\n x\r\n"),
        (b"x" * 200 + b"\r\ny", b"x" * 98 + b"\r\n " + b"x" * 97 + b"\r\n " + b"x" * 5 + b"\r\ny"),
        (b"short\r\n" * 50, b"short\r\n" * 50),
        (b"x" * 97 + "ü".encode() + b"\r\n", b"x" * 97 + b"\r\n " + "ü".encode() + b"\r\n"),
        (b"x" * 94 + "😀!".encode() + b"\r\n", b"x" * 94 + "😀".encode() + b"\r\n !\r\n"),
        (b"x" * 95 + "😀!".encode() + b"\r\n", b"x" * 95 + b"\r\n " + "😀!".encode() + b"\r\n"),
    ],
)
def test_long_lines_are_folded_at_the_limit(content: bytes, folded: bytes) -> None:
    assert fold(98, content) == folded


@pytest.mark.parametrize("size", [1, 7, 97, 98, 99, 100, 101, 200])
def test_folding_is_the_same_for_any_blocks(size: int) -> None:
    content = b"a" * 98 + b"\r\n" + b"b" * 99 + b"\r\n" + b"c" * 500 + b"\r\n\r\n" + b"d" * 98 + b"\r\ne"
    assert fold(98, *[content[at : at + size] for at in range(0, len(content), size)]) == fold(98, content)


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(64, 120))
def test_folding_loses_nothing_and_leaves_no_long_line(blocks: list[bytes], limit: int) -> None:
    content = b"".join(blocks).replace(b"\r", b"").replace(b" ", b"").replace(b"\n", b"\r\n")
    folded = fold(limit, *[content[at : at + 150] for at in range(0, len(content), 150)])
    assert folded.replace(b"\r\n ", b"") == content
    assert max(map(len, folded.split(b"\r\n"))) <= limit


def test_chunks_say_their_size_and_which_is_the_last(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"x" * BLOCK_BYTES + b"\r\n.\r\ny")
    fd = os.open(path, os.O_RDONLY)
    outflow = ChunkOutflow(Extent(fd, 0, BLOCK_BYTES + 6), 0)
    assert outflow.read() == b"BDAT %d\r\n" % BLOCK_BYTES + b"x" * BLOCK_BYTES
    assert outflow.read() == b"BDAT 8 LAST\r\n\r\n.\r\ny\r\n"
    assert not outflow.has_more
    os.close(fd)
