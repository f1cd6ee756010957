"""The message on standard input (pipe(8), flags)."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.spool.reader import OpenContent
from services.pipe.content import CHUNK_BYTES, Form, chunks, has_been_delivered_to

MESSAGE = b"Subject: x\r\n\r\nFrom here\r\n.dot\r\nlast\r\n"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[int]]:
    files: list[int] = []
    yield files
    for file in files:
        os.close(file)


def _open(tmp_path: Path, opened: list[int], content: bytes) -> OpenContent:
    (tmp_path / "file").write_bytes(b"before" + content)
    file = os.open(tmp_path / "file", os.O_RDONLY)
    opened.append(file)
    return OpenContent(file, 6, len(content))


def _form(flags: str, eol: bytes = b"\n") -> Form:
    return Form(flags, eol, "s@world.test", "jane@example.com", "alias@example.com", arrived=0.0)


def _text(content: OpenContent, form: Form) -> bytes:
    return b"".join(chunks(content, form))


def test_message_is_copied_with_line_feeds(tmp_path: Path, opened: list[int]) -> None:
    assert _text(_open(tmp_path, opened, MESSAGE), _form("")) == MESSAGE.replace(b"\r\n", b"\n")


def test_line_end_is_what_the_transport_says(tmp_path: Path, opened: list[int]) -> None:
    assert _text(_open(tmp_path, opened, MESSAGE), _form("", b"\r\n")) == MESSAGE


def test_fields_on_top_are_in_the_order_of_postfix(tmp_path: Path, opened: list[int]) -> None:
    head = _text(_open(tmp_path, opened, MESSAGE), _form("DORF")).partition(b"Subject")[0].decode()
    assert head == (
        f"From s@world.test  {time.asctime(time.localtime(0))}\n"
        "Return-Path: <s@world.test>\nX-Original-To: alias@example.com\nDelivered-To: jane@example.com\n"
    )


def test_lines_are_guarded(tmp_path: Path, opened: list[int]) -> None:
    content = _open(tmp_path, opened, MESSAGE)
    assert b"\n..dot\n" in _text(content, _form("."))
    assert b"\n>From here\n" in _text(content, _form(">"))
    assert _text(content, _form("B")).endswith(b"last\n\n")


def test_last_line_gets_its_end(tmp_path: Path, opened: list[int]) -> None:
    assert _text(_open(tmp_path, opened, b"a: b\r\n\r\nno end"), _form("")) == b"a: b\n\nno end\n"


@pytest.mark.parametrize("size", [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_line_end_across_two_chunks_is_one(tmp_path: Path, opened: list[int], size: int) -> None:
    content = b"x" * size + b"\r\n" + b".y\r\n" * 3
    assert _text(_open(tmp_path, opened, content), _form(".")) == b"x" * size + b"\n" + b"..y\n..y\n..y\n"


def test_delivered_to_is_found_in_the_header_alone(tmp_path: Path, opened: list[int]) -> None:
    looped = _open(tmp_path, opened, b"a: b\r\ndelivered-TO:\r\n JANE@example.com\r\n\r\nx\r\n")
    assert has_been_delivered_to(looped, "jane@Example.com")
    assert not has_been_delivered_to(looped, "kim@example.com")
    assert not has_been_delivered_to(_open(tmp_path, opened, b"a: b\r\n\r\nDelivered-To: jane@example.com\r\n"), "jane@example.com")


def test_content_that_is_too_short_is_a_fault(tmp_path: Path, opened: list[int]) -> None:
    content = _open(tmp_path, opened, MESSAGE)
    with pytest.raises(OSError, match="too early"):
        _text(content._replace(size=content.size + 5), _form(""))
