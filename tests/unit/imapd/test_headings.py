"""What the catalogue keeps of a header."""

import pytest

from services.imapd.headings import MAX_KEY_CHARACTERS, heading
from services.imapd.text import Document
from services.kernel.mailbox.catalog.records import FIELDS


def ids(fields: bytes) -> bytes:
    return heading(Document(fields + b"\r\n\r\n")).ids


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"<a.b@c>", b'<"a.b"@c>'),
        (b"<a.b@c>", b"text <a.b@c> (comment)"),
        (b'<"a<b"@c>', b'<"a\\<b"@c>'),
        (b'<a."b c".d@e>', b'<"a.b c.d"@e>'),
        (b"<a@[127.0.0.1]>", b'<"a"@[127.0.0.1]>'),
    ],
)
def test_ids_that_differ_in_quoting_are_the_same(one: bytes, other: bytes) -> None:
    assert ids(b"Message-ID: " + one) == ids(b"Message-ID: " + other) != bytes(8)


@pytest.mark.parametrize("hostile", [b"<" + b"a" * 60_000, b'<"<\\"' * 12_000, b'"<\\""' * 12_000, b"<" + b'""' * 30_000, b"<a@" * 20_000])
@pytest.mark.parametrize("field", [b"Message-ID", b"References", b"In-Reply-To"])
def test_text_that_is_no_id_is_no_work(hostile: bytes, field: bytes) -> None:
    assert ids(field + b": " + hostile) == bytes(8)


def test_keys_of_the_order_are_bounded_and_what_is_searched_is_not() -> None:
    long = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}".encode() * 5_000
    found = heading(Document(b"Subject: %b\r\nFrom: %b <%b@example.test>\r\nTo: %b@example.test\r\nCc: %b@x\r\n\r\n" % ((long,) * 5)))
    keys = (found.base, found.from_mailbox, found.to_mailbox, found.cc_mailbox, found.display_from, found.display_to)
    assert [len(key) for key in keys] == [MAX_KEY_CHARACTERS] * 6
    assert len(found.fields[FIELDS.index("subject")] or "") == 5_000 * 18
