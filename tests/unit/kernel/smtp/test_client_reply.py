"""Replies as servers really send them."""

import pytest

from services.kernel.mail.reply import Reply
from services.kernel.smtp.client_reply import REPLY_BYTES, ReplyFault, ReplyReader


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        (b"250 ok\r\n", Reply(250, "", "ok")),
        (b"250 ok\n", Reply(250, "", "ok")),
        (b"250\r\n", Reply(250, "", "")),
        (b"250 \r\n", Reply(250, "", "")),
        (b"250 2.1.5 ok\r\n", Reply(250, "2.1.5", "ok")),
        (b"550 5.1.1\r\n", Reply(550, "5.1.1", "")),
        (b"550 4.1.1 odd\r\n", Reply(550, "", "4.1.1 odd")),
        (b"550-5.7.1 one\r\n550 5.7.1 two\r\n", Reply(550, "5.7.1", "one\ntwo")),
        (b"550-one\r\n550 5.7.1 two\r\n", Reply(550, "5.7.1", "one\ntwo")),
        (b"250-a\r\n550 b\r\n", Reply(550, "", "a\nb")),
        (b"250 gr\xc3\xbc\xc3\x9fe\r\n", Reply(250, "", "grüße")),
        (b"250 \xff\x1b[31m\r\n", Reply(250, "", "\ufffd?[31m")),
        (b"250 10.0.0.1 is you\r\n", Reply(250, "", "10.0.0.1 is you")),
    ],
)
def test_reply_is_read(wire: bytes, reply: Reply) -> None:
    assert ReplyReader().feed(wire) == [reply]


@pytest.mark.parametrize(
    "wire", [b"\r\n", b"ok\r\n", b"25 ok\r\n", b"999 ok\r\n", b"150 ok\r\n", b"250ok\r\n", b"HTTP/1.1 400 Bad\r\n", b"2\xb20 x\r\n"]
)
def test_what_is_no_reply_is_a_fault(wire: bytes) -> None:
    with pytest.raises(ReplyFault):
        ReplyReader().feed(wire)


def test_replies_that_come_together_are_told_apart() -> None:
    codes = [reply.code for reply in ReplyReader().feed(b"250 a\r\n250-b\r\n250 c\r\n354 d\r\n")]
    assert codes == [250, 250, 354]


def test_reply_in_pieces_is_put_together() -> None:
    reader = ReplyReader()
    assert reader.feed(b"250-on") == []
    assert reader.has_rest
    assert reader.feed(b"e\r\n250 tw") == []
    assert reader.feed(b"o\r\n") == [Reply(250, "", "one\ntwo")]
    assert not reader.has_rest


def test_endless_line_is_cut() -> None:
    reader = ReplyReader()
    reader.feed(b"250 ")
    for _ in range(100):
        assert reader.feed(b"x" * 10_000) == []
    (reply,) = reader.feed(b"\r\n")
    assert len(reply.text) < 3000


def test_endless_reply_is_a_fault() -> None:
    reader = ReplyReader()
    with pytest.raises(ReplyFault):
        reader.feed(b"250-again and again\r\n" * (REPLY_BYTES // 10))
