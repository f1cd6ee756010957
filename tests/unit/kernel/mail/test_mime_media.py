import pytest

from services.kernel.mail.mime.media import (
    MAX_PARAMETERS,
    MESSAGE,
    PLAIN,
    Disposition,
    Label,
    Media,
    parse_disposition,
    parse_encoding,
    parse_languages,
    parse_media,
    read_label,
)


@pytest.mark.parametrize(
    ("text", "media"),
    [
        (b"TEXT/Html; Charset=UTF-8", Media(b"TEXT", b"Html", ((b"Charset", b"UTF-8"),))),
        (b"text / plain (a (b)) ; charset (x) = (y) utf-8 (z)", Media(b"text", b"plain", ((b"charset", b"utf-8"),))),
        (b"text/; x=y", Media(b"text", b"", ((b"x", b"y"),))),
        (b"/plain", Media(b"", b"plain")),
        (b"\xe4/b", Media(b"\xe4", b"b")),
        (b'a/b; name="x \\"y\\" \\\\z"', Media(b"a", b"b", ((b"name", b'x "y" \\z'),))),
        (b'a/b; name="(no comment)"', Media(b"a", b"b", ((b"name", b"(no comment)"),))),
        (b'a/b; x=y; name="never closed; z=z', Media(b"a", b"b", ((b"x", b"y"),))),
        (b'a/b; name="', Media(b"a", b"b")),
        (b'a/b; name=="x"; y=z', Media(b"a", b"b", ((b"name", b'="x"'), (b"y", b"z")))),
        (b"a/b; x:y=z; x=y", Media(b"a", b"b", ((b"x", b"y"),))),
        (b"a/b; name=two words; x=y", Media(b"a", b"b", ((b"name", b"two"), (b"x", b"y")))),
        (b"a/b; ;charset; =x; x=y;", Media(b"a", b"b", ((b"", b"x"), (b"x", b"y")))),
        (b"a/b;;x=y; ; x=y;z=z", Media(b"a", b"b", ((b"z", b"z"),))),
        (b"a/b; x ; x=y; z=z", Media(b"a", b"b", ((b"z", b"z"),))),
        (b"a/b;;;x=y", Media(b"a", b"b", ((b"x", b"y"),))),
        (b"a/b; name==?utf-8?q?x?=", Media(b"a", b"b", ((b"name", b"=?utf-8?q?x?="),))),
        (b"a/b; name=\xe4\xf6", Media(b"a", b"b", ((b"name", b"\xe4\xf6"),))),
        (b'a/b; name=""', Media(b"a", b"b", ((b"name", b""),))),
        (b"a/b (never closed; x=y", Media(b"a", b"b")),
        (b"a/b; x=y; y=(never closed; z=z", Media(b"a", b"b", ((b"x", b"y"),))),
        (b'a/b; x=y; y="z" (never (closed; z=z', Media(b"a", b"b", ((b"x", b"y"),))),
        (b"a/b; x=y; y (never closed; z=z", Media(b"a", b"b", ((b"x", b"y"),))),
        (b'a/b; x:"never closed; y=(c) z; (c)x=y', Media(b"a", b"b", ((b"y", b"z"), (b"x", b"y")))),
        (b'a/b; x=y; y"; y=(never closed', Media(b"a", b"b", ((b"x", b"y"),))),
        (b"a/b; x y=(never closed; z=z", Media(b"a", b"b", ((b"z", b"z"),))),
        (b"a/b; x==y (never closed; z=z", Media(b"a", b"b", ((b"x", b"=y"), (b"z", b"z")))),
    ],
)
def test_content_type_is_read_leniently(text: bytes, media: Media) -> None:
    assert parse_media(text) == media


@pytest.mark.parametrize(
    "text",
    [b"", b"text", b"text/", b"/", b";", b"(text/plain)", b"text plain", b"a/b charset=x", b"a/b, a/c", b"a/b/c", b"a/[b]", b'"a/b"', b"a:b; x=y"],
)
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
        (b"a*0=b; name*1=a; x=y", ((b"x", b"y"), (b"a", b"b"), (b"name*1", b"a"))),
        (b"name*0=a; name*0=b; name*1*=c; name*1=d", ((b"name*", b"ac"),)),
        (b"*0=a; name*0=b; name*1*=", ((b"", b"a"), (b"name", b"b"))),
    ],
)
def test_continued_parameters_are_joined_when_complete(text: bytes, parameters: tuple[tuple[bytes, bytes], ...]) -> None:
    media = parse_media(b"a/b; " + text)
    assert media is not None
    assert media.parameters == parameters


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        (b'x=a; y=b; X=c; x="d"', ((b"x", b"a"), (b"y", b"b"))),
        (b"x=a; x=", ((b"x", b"a"),)),
        (b"x=; x=a", ((b"x", b""),)),
        (b"x*0=a; x=b", ((b"x", b"b"),)),
        (b"x=a; x*=b", ((b"x", b"a"),)),
        (b"x=a; x*=us-ascii'en'b", ((b"x", b"a"), (b"x*", b"us-ascii'en'b"))),
    ],
)
def test_parameter_given_twice_is_told_once_as_first_given(text: bytes, parameters: tuple[tuple[bytes, bytes], ...]) -> None:
    media = parse_media(b"a/b; " + text)
    assert media is not None
    assert media.parameters == parameters


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"boundary=x; boundary=y", b"x"),
        (b"boundary*=x; boundary=y", b"x"),
        (b"Boundary*=us-ascii'en'%78'%79", b"x'y"),
        (b"boundary*0*=utf-8''x; boundary*1=%79", b"x%79"),
        (b"boundary*=us-ascii'x", b"us-ascii'x"),
        (b"boundary*=us-ascii''x%0Ay", None),
        (b"boundary*=''%78", b"%78"),
        (b"boundary*='b/c'", b"'b/c'"),
        (b'boundary=""', b""),
        (b"name=x", None),
    ],
)
def test_boundary_may_be_empty_or_in_percent_codes_of_a_charset(text: bytes, word: bytes | None) -> None:
    media = parse_media(b"multipart/mixed; " + text)
    assert media is not None
    assert media.boundary == word


@pytest.mark.parametrize(
    ("text", "disposition"),
    [
        (b"attachment; filename=x", Disposition(b"attachment", ((b"filename", b"x"),))),
        (b"(c) INLINE", Disposition(b"INLINE")),
        (b'"inline"', None),
        (b";", Disposition(b"")),
        (b"attachment foo; filename=x", Disposition(b"attachment", ((b"filename", b"x"),))),
        (b"", None),
        (b"; filename=x", Disposition(b"", ((b"filename", b"x"),))),
        (b";; filename*1*=", Disposition(b"")),
    ],
)
def test_disposition_is_a_word_with_parameters(text: bytes, disposition: Disposition | None) -> None:
    assert parse_disposition(text) == disposition


def test_single_word_is_the_encoding() -> None:
    assert parse_encoding(b"(c) Base64 (d)") == b"Base64"


@pytest.mark.parametrize("text", [b"", b" (c) ", b"7 bit", b"base64;", b'"base64"', b"8bit, x", b"a/b", b"[x]"])
def test_anything_else_is_no_encoding(text: bytes) -> None:
    assert parse_encoding(text) is None


def test_first_languages_that_can_be_understood_count() -> None:
    header = b"Content-Language: (c)\nContent-Language: en (never closed\nContent-Language: de\nContent-Language: fr\n"
    assert read_label(header, PLAIN).languages == (b"de",)


def test_languages_are_a_list() -> None:
    assert parse_languages(b"en, de (German), fr-CA, ,") == (b"en", b"de", b"fr-CA")


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (b'"en"', ()),
        (b'en, "de"', (b"en",)),
        (b"en, d.e", (b"en",)),
        (b"en de, fr", (b"en",)),
        (b"en;de", (b"en",)),
        (b"i_x", ()),
        (b"*", ()),
        (b",", ()),
    ],
)
def test_languages_end_at_what_is_no_tag(text: bytes, tags: tuple[bytes, ...]) -> None:
    assert parse_languages(text) == tags


def test_first_of_repeated_fields_counts() -> None:
    assert read_label(b"Content-ID: <1>\r\ncontent-id : <2>\r\n", PLAIN).id == b"<1>"


def test_repeated_field_that_cannot_be_understood_is_passed_over() -> None:
    label = read_label(b"Content-Type: x\nContent-Type: a/b\nContent-Transfer-Encoding: 8 bit\nContent-Transfer-Encoding: base64\n", PLAIN)
    assert (label.media, label.encoding) == (Media(b"a", b"b"), b"base64")


def test_last_of_repeated_dispositions_counts() -> None:
    assert read_label(b"Content-Disposition: a\n" * 20 + b"Content-Disposition: b\n", PLAIN).disposition == Disposition(b"b")


def test_broken_type_is_plain_text_whatever_the_default() -> None:
    assert read_label(b"Content-Type: x\n", MESSAGE).media == PLAIN
    assert read_label(b"Content-ID: <1>\n", MESSAGE).media == MESSAGE


def test_header_without_mime_fields_gives_the_default() -> None:
    assert read_label(b"Subject: x\r\n Content-Type: text/html\r\n\r\n", PLAIN) == Label(PLAIN)


BLANKS = b" " * 3_000_000
"""Quadratic time for as many would be hours."""


@pytest.mark.parametrize("text", [b"%b?" % BLANKS, b"a/%b?" % BLANKS])
def test_blanks_before_what_is_no_token_are_read_once(text: bytes) -> None:
    assert parse_media(text) is None


def test_blanks_before_what_is_no_parameter_are_read_once() -> None:
    assert parse_media(b"a/b;%bx?; y=z" % BLANKS) == Media(b"a", b"b", ((b"y", b"z"),))


def test_escaped_parentheses_before_a_nested_comment_are_read_once() -> None:
    assert parse_media(b"a/b (%b(x" % (b"\\(" * 1_000_000)) == Media(b"a", b"b")


@pytest.mark.parametrize(
    "text",
    [b"a/b (x (y) z); c=d", b"a/b (x \\( (y) \\) z); c=d", b'a/b (x "y" (z) "); c=d', b"(((x)))a/b; c=d", b"a(\\\\)/b; c=d"],
)
def test_comment_may_hold_comments_escapes_and_quotation_marks(text: bytes) -> None:
    assert parse_media(text) == Media(b"a", b"b", ((b"c", b"d"),))


def test_of_many_repeated_fields_ten_are_tried() -> None:
    header = b"Content-Type: x\nContent-Transfer-Encoding: 8 bit\n"
    last = b"Content-Type: a/b\nContent-Transfer-Encoding: base64\nContent-Disposition: c\n"
    assert read_label(header * 9 + last, PLAIN) == Label(Media(b"a", b"b"), b"base64", disposition=Disposition(b"c"))
    assert read_label(header * 10 + last, PLAIN) == Label(PLAIN, disposition=Disposition(b"c"))


def test_so_many_parameters_and_no_more() -> None:
    media = parse_media(b"a/b" + b"".join(b";%d=" % number for number in range(MAX_PARAMETERS + 100)))
    assert media is not None
    assert len(media.parameters) == MAX_PARAMETERS
