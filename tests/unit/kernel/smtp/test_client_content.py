"""Content arrives as it is in the queue file."""

import os
from pathlib import Path

import pytest

from services.kernel.smtp.client_content import BLOCK_BYTES, ContentTrouble, Extent, Stuffing


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
