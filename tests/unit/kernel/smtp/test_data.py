"""DATA and BDAT readers, fed in every way."""

import pytest

from services.kernel.smtp.data import ChunkReader, ContentCheck, DotReader, Fault


def read_dots(wire: bytes, cut: int, size_limit: int = 10**6, line_limit: int = 10**6) -> tuple[bytes, Fault | None, bytes]:
    """Feed in pieces of ``cut``; return content, fault and what is left."""
    check = ContentCheck(size_limit, line_limit)
    reader = DotReader(check)
    content, position = b"", 0
    while not reader.is_done:
        assert position < len(wire), "the end was not seen"
        content += reader.feed(wire[position : position + cut])
        position += cut
    return content, check.fault, reader.rest + wire[position:]


CUTS = [1, 2, 3, 4, 5, 7, 1000]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    ("wire", "content"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n..a\r\n.b\r\n.\r\n", b"..\r\n.a\r\nb\r\n"),
        (b"a\r\n\r\n\r\n..\r\n\r\n.\r\n", b"a\r\n\r\n\r\n.\r\n\r\n"),
    ],
)
def test_dots_of_transparency_are_taken_away(wire: bytes, content: bytes, cut: int) -> None:
    assert read_dots(wire + b"NOOP\r\n", cut) == (content, None, b"NOOP\r\n")


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n.\x00\r\n"])
def test_only_one_sequence_ends_content(end: bytes, cut: int) -> None:
    _, fault, rest = read_dots(b"a" + end + b"MAIL FROM:<x>\r\n.\r\nQUIT\r\n", cut)
    assert rest == b"QUIT\r\n"
    assert fault is Fault.BARE_NEWLINE or b"\x00" in end


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    ("length", "fault"), [(9, None), (10, None), (11, Fault.LONG_LINE), (50, Fault.LONG_LINE)]
)
@pytest.mark.parametrize("before", [b"", b"ab\r\n", b"ab\r\n" * 9])
def test_lines_over_the_limit_are_a_fault(before: bytes, length: int, fault: Fault | None, cut: int) -> None:
    assert read_dots(before + b"x" * length + b"\r\nab\r\n.\r\n", cut, line_limit=10)[1] is fault


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("limit", "fault"), [(12, None), (11, Fault.TOO_LARGE)])
def test_content_over_the_limit_is_a_fault(limit: int, fault: Fault | None, cut: int) -> None:
    assert read_dots(b"12345\r\n890\r\n.\r\n", cut, size_limit=limit)[1] is fault


def test_after_a_fault_nothing_is_given_out() -> None:
    reader = DotReader(ContentCheck(10**6, 10**6))
    assert reader.feed(b"a\nb\r\n") == b""
    assert reader.feed(b"c\r\n" * 1000) == b""


def test_chunks_may_cut_a_line_end_and_the_last_line_is_finished() -> None:
    check = ContentCheck(100, 100)
    reader = ChunkReader(check)
    parts = [reader.feed(b"a\r"), reader.feed(b"\nb\r\n..\r"), reader.feed(b"\nend"), reader.close()]
    assert b"".join(parts) == b"a\r\nb\r\n..\r\nend\r\n"
    assert check.fault is None


def test_a_lonely_cr_at_the_end_of_chunks_is_a_fault() -> None:
    check = ContentCheck(100, 100)
    reader = ChunkReader(check)
    reader.feed(b"a\r")
    assert reader.close() == b""
    assert check.fault is Fault.BARE_NEWLINE
