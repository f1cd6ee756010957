"""What the catalogue keeps of a header."""

import pytest

from services.imapd.headings import heading
from services.imapd.text import Document


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
