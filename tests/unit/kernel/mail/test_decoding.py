"""Charsets undone, at once and in pieces."""

import encodings.aliases

import pytest

from services.kernel.mail.decoding import decode_pieces, decode_text, find_charset


@pytest.mark.parametrize("name", sorted(set(encodings.aliases.aliases.values()) | {"x-none", "utf-16"}))
def test_text_in_pieces_is_the_same(name: str) -> None:
    charset = name.encode()
    text = "Hello, world".encode(find_charset(charset) or "ascii")
    assert "".join(decode_pieces([text[at : at + 1] for at in range(len(text))], charset)) == decode_text(text, charset) == "Hello, world"


@pytest.mark.parametrize(("charset", "text"), [(b"utf-8", "h\u00e9 \u20ac \U0001f600"), (b"iso-2022-jp", "\u65e5\u672c"), (b"utf-16", "\u00e9x")])
def test_characters_may_end_in_the_next_piece(charset: bytes, text: str) -> None:
    raw = text.encode(charset.decode())
    assert "".join(decode_pieces([raw[at : at + 1] for at in range(len(raw))], charset)) == text
    assert "".join(decode_pieces([raw[:-1]], charset)) == decode_text(raw[:-1], charset)
