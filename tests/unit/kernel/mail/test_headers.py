"""Looking at a header section, and the trace field."""

import pytest

from services.kernel.mail.headers import Head, Trace, format_date, head_end, protocol_word, received, scan


@pytest.mark.parametrize(("content", "end"), [(b"A: b\r\n\r\ntext", 6), (b"\r\ntext", 0), (b"A: b\r\n", -1), (b"", -1)])
def test_the_end_of_the_head_is_found(content: bytes, end: int) -> None:
    assert head_end(content) == end


def test_facts_are_read_from_the_head() -> None:
    head = b"Received: a\r\nRECEIVED: b\r\nX-Received: c\r\nMessage-Id:\r\n\t<1@a\x07>\r\nDate: now\r\n"
    assert scan(head) == Head("<1@a>", 2, has_message_id=True, has_date=True)


def test_a_head_without_them_has_no_facts() -> None:
    assert scan(b"Subject: Date: Message-ID: x\r\n Received: no\r\n") == Head("", 0, has_message_id=False, has_date=False)


def test_an_endless_message_id_is_cut() -> None:
    assert len(scan(b"Message-ID: " + b"x" * 9000 + b"\r\n").message_id) == 250


def test_the_trace_field_tells_all() -> None:
    trace = Trace("c.test", "2001:db8::1", "mx.test", "ESMTPS", "ID", 0.0, "TLSv1.3 X", "a@b")
    assert received(trace).decode() == (
        "Received: from c.test ([IPv6:2001:db8::1])\r\n\tby mx.test with ESMTPS id ID\r\n\t(using TLSv1.3 X)\r\n"
        "\tfor <a@b>;\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n"
    )


def test_a_client_without_a_name_is_its_address_and_a_hidden_one_is_localhost() -> None:
    assert received(Trace("", "192.0.2.1", "mx.test", "SMTP", "ID", 0.0)).startswith(b"Received: from [192.0.2.1] ([192.0.2.1])\r\n")
    assert received(Trace("pc", "", "mx.test", "SMTP", "ID", 0.0)).startswith(b"Received: from localhost (localhost [127.0.0.1])\r\n")


@pytest.mark.parametrize(
    ("extended", "utf8", "tls", "auth", "lmtp", "word"),
    [
        (False, False, False, False, False, "SMTP"),
        (True, False, False, False, False, "ESMTP"),
        (True, False, True, True, False, "ESMTPSA"),
        (True, True, True, False, False, "UTF8SMTPS"),
        (True, False, False, False, True, "LMTP"),
        (True, True, False, False, True, "UTF8LMTP"),
    ],
)
def test_the_protocol_has_its_registered_word(extended: bool, utf8: bool, tls: bool, auth: bool, lmtp: bool, word: str) -> None:
    assert protocol_word(is_extended=extended, is_utf8=utf8, has_tls=tls, has_auth=auth, is_lmtp=lmtp) == word


def test_dates_are_in_utc() -> None:
    assert format_date(1_795_246_726) == "Sat, 21 Nov 2026 07:38:46 +0000"


@pytest.mark.parametrize(("recipient", "clause"), [("a@bücher.test", b"\r\n\tfor <a@xn--bcher-kva.test>;"), ("jürgen@b.test", b" id ID;")])
def test_trace_field_is_ascii_whatever_the_addresses(recipient: str, clause: bytes) -> None:
    made = received(Trace("bücher.test", "192.0.2.1", "mx.test", "UTF8SMTP", "ID", 0.0, "", recipient))
    assert made.isascii()
    assert b"from xn--bcher-kva.test (" in made
    assert clause in made
