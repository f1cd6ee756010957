import pytest

from services.kernel.mail.mime.media import PLAIN, Disposition, Label, Media, parse_disposition, parse_languages, parse_media, parse_word, read_label


@pytest.mark.parametrize(
    ("text", "media"),
    [
        (b"TEXT/Html; Charset=UTF-8", Media(b"TEXT", b"Html", ((b"Charset", b"UTF-8"),))),
        (b"text / plain (a (b)) ; charset (x) = (y) utf-8 (z)", Media(b"text", b"plain", ((b"charset", b"utf-8"),))),
        (b"text/plain charset=x", Media(b"text", b"plain")),
        (b"text/plain, text/html", Media(b"text", b"plain")),
        (b'a/b; name="x \\"y\\" \\\\z"', Media(b"a", b"b", ((b"name", b'x "y" \\z'),))),
        (b'a/b; name="(no comment)"', Media(b"a", b"b", ((b"name", b"(no comment)"),))),
        (b'a/b; name="never closed', Media(b"a", b"b", ((b"name", b"never closed"),))),
        (b"a/b; name=two words; x=y", Media(b"a", b"b", ((b"name", b"two"), (b"x", b"y")))),
        (b"a/b;; ;charset; =x; x=y;", Media(b"a", b"b", ((b"x", b"y"),))),
        (b"a/b; name==?utf-8?q?x?=", Media(b"a", b"b", ((b"name", b"=?utf-8?q?x?="),))),
        (b"a/b; name=\xe4\xf6", Media(b"a", b"b", ((b"name", b"\xe4\xf6"),))),
        (b'a/b; name=""', Media(b"a", b"b", ((b"name", b""),))),
        (b"a/b (never closed; x=y", Media(b"a", b"b")),
    ],
)
def test_content_type_is_read_leniently(text: bytes, media: Media) -> None:
    assert parse_media(text) == media


@pytest.mark.parametrize("text", [b"", b"text", b"text/", b"/plain", b";", b"(text/plain)", b"text plain"])
def test_text_without_type_and_subtype_is_no_content_type(text: bytes) -> None:
    assert parse_media(text) is None


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        (b'name*0="ab"; name*1="cd"', ((b"name", b"abcd"),)),
        (b'name*1="cd"; NAME*0="ab"; x=y', ((b"x", b"y"), (b"name", b"abcd"))),
        (b"name*0*=utf-8''ab; name*1=c%d; name*2*=e%20", ((b"name*", b"utf-8''abc%25de%20"),)),
        (b"name*=utf-8''%e2%82%ac", ((b"name*", b"utf-8''%e2%82%ac"),)),
        (b"name*0=a; name*2=b", ((b"name*0", b"a"), (b"name*2", b"b"))),
        (b"name*1=a", ((b"name*1", b"a"),)),
        (b"name*0=a; name*0=b", ((b"name*0", b"a"), (b"name*0", b"b"))),
    ],
)
def test_continued_parameters_are_joined_when_complete(text: bytes, parameters: tuple[tuple[bytes, bytes], ...]) -> None:
    media = parse_media(b"a/b; " + text)
    assert media is not None
    assert media.parameters == parameters


@pytest.mark.parametrize(
    ("text", "disposition"),
    [
        (b"attachment; filename=x", Disposition(b"attachment", ((b"filename", b"x"),))),
        (b'(c) "INLINE"', Disposition(b"INLINE")),
        (b"attachment foo; filename=x", Disposition(b"attachment", ((b"filename", b"x"),))),
        (b"", None),
        (b"; filename=x", None),
    ],
)
def test_disposition_is_a_word_with_parameters(text: bytes, disposition: Disposition | None) -> None:
    assert parse_disposition(text) == disposition


def test_first_word_is_the_encoding() -> None:
    assert parse_word(b"(c) Base64 (d) rest") == b"Base64"
    assert parse_word(b" (c) ") is None


def test_languages_are_a_list() -> None:
    assert parse_languages(b"en, de (German), fr-CA, ,") == (b"en", b"de", b"fr-CA")


def test_first_of_repeated_fields_counts() -> None:
    assert read_label(b"Content-ID: <1>\r\ncontent-id : <2>\r\n", PLAIN).id == b"<1>"


def test_header_without_mime_fields_gives_the_default() -> None:
    assert read_label(b"Subject: x\r\n Content-Type: text/html\r\n\r\n", PLAIN) == Label(PLAIN)
