import pytest

from services.pop3d.stream import PIECE_BYTES, end_of_top, pieces

MESSAGE = b"Subject: x\r\n\r\none\r\ntwo\r\nthree\r\n"


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"no line end", b"no line end\r\n.\r\n"),
        (b".\r\n..\r\n.a\r\n", b"..\r\n...\r\n..a\r\n.\r\n"),
        (b"a.b\r\n\r\n.", b"a.b\r\n\r\n..\r\n.\r\n"),
        (b"bare\n.lf\r.cr\r\n", b"bare\n.lf\r.cr\r\n.\r\n"),
        (b"ends in cr\r", b"ends in cr\r\r\n.\r\n"),
        (b"\0\xff\xc3\xa4\r\n", b"\0\xff\xc3\xa4\r\n.\r\n"),
    ],
)
def test_only_dots_at_line_starts_and_the_end_are_added(content: bytes, wire: bytes) -> None:
    assert b"".join(pieces(content, len(content))) == wire


@pytest.mark.parametrize("shift", range(5))
def test_dot_is_doubled_where_two_pieces_meet(shift: int) -> None:
    content = b"x" * (PIECE_BYTES - shift) + b"\r\n.\r\n"
    assert b"".join(pieces(content, len(content))) == content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


@pytest.mark.parametrize(
    ("lines", "top"),
    [
        (0, b"Subject: x\r\n\r\n"),
        (1, b"Subject: x\r\n\r\none\r\n"),
        (3, MESSAGE),
        (10**9, MESSAGE),
    ],
)
def test_top_is_the_header_and_so_many_lines(lines: int, top: bytes) -> None:
    assert MESSAGE[: end_of_top(MESSAGE, lines)] == top


@pytest.mark.parametrize(
    ("content", "end"),
    [(b"\r\nbody\r\n", 2), (b"Subject: only a header\r\n", 24), (b"", 0)],
    ids=["no header", "no body", "nothing"],
)
def test_top_of_an_odd_message_stops_where_its_header_does(content: bytes, end: int) -> None:
    assert end_of_top(content, 0) == end
