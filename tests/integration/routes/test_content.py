"""What leaves is what the server can take: 8-bit content, long lines, chunks, addresses and sizes."""

import hashlib
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD
from tests.integration.routes.conftest import SENDERS, Sent

TEXT = "Grüße aus München\r\n.\r\nEnde \r\n"
OCTETS = bytes(range(256)) * 4
PLAIN = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + TEXT.encode()
MIXED = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nseven\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>\xc3\xa4</p>\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: inner\r\n" + PLAIN + b"\r\n--b--\r\n"
)
PARTIAL = b"MIME-Version: 1.0\r\nContent-Type: message/partial; id=x; number=1; total=2\r\n\r\n\xe4\r\n"

Send = Callable[..., Sent]
Taken = Callable[..., Event]


def read(event: Event) -> EmailMessage:
    assert event["content"].isascii()
    return message_from_bytes(event["content"], policy=policy.SMTP)


def test_text_reaches_a_server_without_8bitmime_as_valid_mime(sent: Send, taken: Taken) -> None:
    message = sent("anyone@ascii.esmtp.test", content=PLAIN, mail_options=["BODY=8BITMIME"])
    assert message.kind == "delivered"
    event = taken("ascii.esmtp", message)
    got = read(event)
    assert (got["Content-Transfer-Encoding"], got.get_payload(decode=True)) == ("quoted-printable", TEXT.encode())
    assert "BODY=" not in event["commands"][0]


def test_parts_reach_a_server_without_8bitmime_as_valid_mime(sent: Send, taken: Taken) -> None:
    message = sent("anyone@ascii.esmtp.test", content=MIXED, mail_options=["BODY=8BITMIME"])
    parts = [part.get_payload(decode=True) for part in read(taken("ascii.esmtp", message)).walk() if not part.is_multipart()]
    assert parts == [b"seven", b"<p>\xc3\xa4</p>", TEXT.encode()]


def test_8_bit_content_goes_as_it_is_to_a_server_that_takes_it(sent: Send, taken: Taken) -> None:
    event = taken("noutf8.esmtp", sent("anyone@noutf8.esmtp.test", content=PLAIN, mail_options=["BODY=8BITMIME"]))
    assert event["content"].endswith(b"\r\n" + PLAIN)
    assert "BODY=8BITMIME" in event["commands"][0]


def test_conversion_can_be_switched_off_for_a_transport(sent: Send, taken: Taken) -> None:
    event = taken("ascii.esmtp", sent("anyone@asis.test", content=PLAIN, mail_options=["BODY=8BITMIME"]))
    assert event["content"].endswith(b"\r\n" + PLAIN)


def test_content_that_cannot_be_converted_is_bounced(sent: Send) -> None:
    message = sent("anyone@ascii.esmtp.test", content=PARTIAL, mail_options=["BODY=8BITMIME"])
    assert (message.kind, message.reply[:9]) == ("bounced", "550 5.6.3")


@pytest.mark.parametrize("domain", ["chunking.esmtp.test", "chunks-postfix.test", "chunks-exim.test"])
def test_content_goes_in_chunks(sent: Send, taken: Taken, domain: str) -> None:
    body = b"\r\n" + b".a line of the large message\r\n" * 10_000
    message = sent(f"anyone@{domain}", content=body)
    peer = {"chunks-postfix.test": "postfix", "chunks-exim.test": "exim"}.get(domain, "chunking.esmtp")
    assert (message.kind, message.event["stage"]) == ("delivered", "BDAT")
    event = taken(peer, message)
    assert event["size"] > len(body.replace(b"\r", b""))  # a pipe of Postfix's gets its own line ends
    assert b"\n.a line of the large message" in event["content"]


def test_chunks_arrive_byte_for_byte(sent: Send, taken: Taken, said: Callable[..., list[str]]) -> None:
    body = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n\r\n" + b"..dots\r\n.\r\n" * 30
    event = taken("chunking.esmtp", sent("anyone@chunking.esmtp.test", content=body))
    assert event["content"].endswith(body)
    assert event["sha256"] == hashlib.sha256(event["content"]).hexdigest()
    assert any(line.startswith("BDAT ") and line.endswith(" LAST") for line in said("chunking.esmtp"))


def test_lmtp_takes_chunks(sent: Send, mailbox: Callable[[str], list[bytes]]) -> None:
    message = sent("chunks@chunks-lmtp.test", content=b"\r\n.hello\r\n")
    assert (message.kind, message.event["stage"]) == ("delivered", "BDAT")
    assert [content.endswith((b"\n.hello\r\n", b"\n.hello\n")) for content in mailbox("chunks@chunks-lmtp.test")] == [True]


def test_server_that_announces_no_chunks_gets_data(sent: Send) -> None:
    assert sent("anyone@good.tls.test").event["stage"] == "end of DATA"


def test_long_lines_are_folded_unless_the_transport_says_otherwise(sent: Send, taken: Taken) -> None:
    body = b"\r\n" + b"x" * 2000 + b"\r\n"
    folded = taken("good.tls", sent("anyone@good.tls.test", content=body))["content"]
    assert folded.endswith(b"\r\n" + b"x" * 998 + b"\r\n " + b"x" * 997 + b"\r\n " + b"x" * 5 + b"\r\n")
    assert taken("ascii.esmtp", sent("anyone@asis.test", content=body))["content"].endswith(body)


def test_address_outside_ascii_is_bounced_where_it_cannot_be_said(sent: Send) -> None:
    message = sent("jürgen@noutf8.esmtp.test", mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert (message.kind, message.reply[:9]) == ("bounced", "550 5.6.7")


def test_header_outside_ascii_is_bounced_where_it_cannot_be_said(sent: Send) -> None:
    content = "X-Note: Grüße\r\n\r\nhello\r\n".encode()
    message = sent("anyone@noutf8.esmtp.test", content=content, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert (message.kind, message.reply[:9]) == ("bounced", "550 5.6.7")


def test_address_outside_ascii_goes_where_it_can_be_said(sent: Send, taken: Taken) -> None:
    event = taken("good.tls", sent("jürgen@good.tls.test", mail_options=["SMTPUTF8", "BODY=8BITMIME"]))
    assert event["to"] == ["jürgen@good.tls.test"]
    assert "SMTPUTF8" in event["commands"][0].split()


def test_domain_outside_ascii_has_another_form(sent: Send, taken: Taken) -> None:
    event = taken("xn--bcher-kva.esmtp", sent("anyone@bücher.esmtp.test", mail_options=["SMTPUTF8", "BODY=8BITMIME"]))
    assert event["to"] == ["anyone@xn--bcher-kva.esmtp.test"]


def test_message_over_the_size_that_is_announced_is_bounced(sent: Send) -> None:
    message = sent("anyone@small.esmtp.test", content=b"\r\n" + b"x" * 900 + b"\r\n" + b"x" * 900 + b"\r\n")
    assert (message.kind, message.reply[:9]) == ("bounced", "550 5.3.4")


def test_mailbox_here_gets_what_was_sent_whatever_the_line_length(routes: Site, sent: Send) -> None:
    body = b"\r\n" + b"x" * 2000 + b"\r\n"
    message = sent(SENDERS[1], content=body)
    assert message.kind == "delivered"
    (content,) = [content for content in routes.messages(SENDERS[1], PASSWORD) if message.key.encode() in content]
    assert content.endswith(body)
