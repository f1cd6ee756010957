"""What a server announced decides whether a message can go to it."""

import pytest

from services.kernel.mail.envelope import Recipient
from services.kernel.smtp.client_extensions import Extensions
from services.kernel.wire.delivery import DeliveryRequest, NextHop, Protocol
from services.relay import fitness

UTF8 = Extensions(has_smtputf8=True)


def request(sender: str = "a@b.test", size: int = 100, *, smtputf8: bool = False) -> DeliveryRequest:
    return DeliveryRequest("Q", "T", sender, NextHop(Protocol.SMTP, "d.test"), [0], [], size, smtputf8=smtputf8)


@pytest.mark.parametrize(
    ("asked", "peer", "enhanced"),
    [
        (request(), Extensions(), None),
        (request(size=1000), Extensions(has_size=True), None),
        (request(size=1000), Extensions(has_size=True, size_bytes=1000), None),
        (request(size=1001), Extensions(has_size=True, size_bytes=1000), "5.3.4"),
        (request("jürgen@b.test"), UTF8, None),
        (request("jürgen@b.test"), Extensions(), "5.6.7"),
        (request("a@b.test\r\nRCPT TO:<x@y.test>"), UTF8, "5.1.7"),
    ],
)
def test_message_fits_or_not(asked: DeliveryRequest, peer: Extensions, enhanced: str | None) -> None:
    trouble = fitness.refuse_message(asked, peer)
    assert (trouble.reply.enhanced if trouble else None) == enhanced


@pytest.mark.parametrize(("mbox", "has_xmbox", "is_taken"), [("", False, True), ("", True, True), ("lists", True, True), ("lists", False, False)])
def test_message_for_a_file_of_the_site_waits_where_the_server_would_put_it_somewhere_else(mbox: str, has_xmbox: bool, is_taken: bool) -> None:
    asked = DeliveryRequest("Q", "T", "a@b.test", NextHop(Protocol.LMTP, "mda", mbox=mbox), [0], [], 100)
    trouble = fitness.refuse_message(asked, Extensions(has_xmbox=has_xmbox))
    assert (trouble is None) == is_taken
    assert trouble is None or (not trouble.is_hard and "routing.mbox_transport" in trouble.reply.text)


@pytest.mark.parametrize(
    ("address", "peer", "enhanced"),
    [
        ("x@y.test", Extensions(), None),
        ("jürgen@y.test", UTF8, None),
        ("jürgen@y.test", Extensions(), "5.6.7"),
        ("x@y.test\nDATA", UTF8, "5.1.3"),
    ],
)
def test_recipient_fits_or_not(address: str, peer: Extensions, enhanced: str | None) -> None:
    trouble = fitness.refuse_recipient(Recipient(address, address), peer)
    assert (trouble.reply.enhanced if trouble else None) == enhanced


@pytest.mark.parametrize(
    ("head", "is_refused"),
    [(b"Subject: x\r\n\r\ngr\xc3\xbcn", False), (b"Subject: gr\xc3\xbcn\r\n\r\nx", True), (b"gr\xc3\xbcn", True), (b"", False)],
)
def test_header_that_is_not_ascii_needs_smtputf8(head: bytes, is_refused: bool) -> None:
    assert (fitness.refuse_header(head) is not None) == is_refused


def test_header_is_looked_at_only_where_it_matters() -> None:
    asked = [(request(smtputf8=given), peer) for given in (True, False) for peer in (UTF8, Extensions())]
    assert [fitness.needs_header_scan(*case) for case in asked] == [False, True, False, False]
