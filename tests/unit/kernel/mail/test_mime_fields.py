import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.mime.fields import as_crlf, join, select, split, unfold, value

HEADER = b"Received: one\r\n\ttwo\r\nSubject: x\r\nno colon\r\nreceived : three\r\n\r\nSubject: body\r\n"


def test_header_is_split_at_fields_and_ends_at_the_empty_line() -> None:
    assert list(split(HEADER)) == [
        (b"received", b"Received: one\r\n\ttwo\r\n"),
        (b"subject", b"Subject: x\r\n"),
        (b"", b"no colon\r\n"),
        (b"received", b"received : three\r\n"),
    ]


def test_chosen_fields_come_in_order_with_an_empty_line() -> None:
    assert select(HEADER, {b"received"}) == b"Received: one\r\n\ttwo\r\nreceived : three\r\n\r\n"


def test_other_fields_come_when_the_choice_is_negated() -> None:
    assert select(HEADER + b"\r\n", {b"received"}, negate=True) == b"Subject: x\r\nno colon\r\n\r\n"


@pytest.mark.parametrize("header", [b"", b"Subject: x\r\n", b"Subject: x"])
def test_other_fields_of_a_header_that_is_not_closed_are_not_closed_either(header: bytes) -> None:
    assert select(header, {b"received"}, negate=True) == header.rstrip() + b"\r\n" * bool(header)


@pytest.mark.parametrize("header", [b"\r\n", b"To: x\r\n\r\n", b"To: x\r\n"])
def test_choice_of_nothing_is_an_empty_line(header: bytes) -> None:
    assert select(header, {b"subject"}) == b"\r\n"


def test_choice_from_nothing_is_nothing() -> None:
    assert select(b"", {b"subject"}) == b""


@pytest.mark.parametrize("header", [b"To: x\r\n\r\n", b"To: x\r\n", b"To: x\r\nno"])
def test_choice_is_closed_even_where_the_header_is_not(header: bytes) -> None:
    assert select(header, {b"to"}) == b"To: x\r\n\r\n"


def test_choice_is_not_closed_where_its_last_line_was_cut_off() -> None:
    assert select(b"To: x", {b"to"}) == b"To: x\r\n"


def test_chosen_fields_of_a_header_with_lf_have_crlf() -> None:
    assert select(b"Subject: a\n b\nTo: x\n", {b"subject", b"to"}) == b"Subject: a\r\n b\r\nTo: x\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b" a b ", b"a b"),
        (b" a \r\n\t b\r\n", b"a b"),
        (b"\n x\n", b"x"),
        (b"a\rb", b"a b"),
        (b"", b""),
    ],
)
def test_fold_becomes_one_space(raw: bytes, line: bytes) -> None:
    assert unfold(raw) == line


def test_value_is_what_follows_the_first_colon() -> None:
    assert value(b"Subject: Re: x\r\n") == b"Re: x"


def test_bare_lf_becomes_crlf_and_crlf_and_bare_cr_stay() -> None:
    assert as_crlf(b"a\nb\r\nc\rd\n") == b"a\r\nb\r\nc\rd\r\n"


def test_content_with_crlf_is_not_copied() -> None:
    content = b"a\r\nb\r\n"
    assert as_crlf(content) is content


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r", b"\n", b"a"]), max_size=12).map(b"".join))
def test_every_fold_becomes_one_space(text: bytes) -> None:
    assert unfold(text) == re.sub(rb"[ \t]*\r?\n[ \t]*|\r", b" ", text).strip(b" \t")


def test_many_blanks_are_no_work() -> None:
    assert unfold(b"a" + b" " * 1_000_000 + b"b\n") == b"a" + b" " * 1_000_000 + b"b"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b" \t a b \r", b"a b "),
        (b" a \r\n\t b\r", b"a \t b"),
        (b"\n x\n\ty", b" x\ty"),
        (b" a\rb\r", b"a b"),
        (b"\r", b""),
    ],
)
def test_joined_field_keeps_its_white_space(raw: bytes, text: bytes) -> None:
    assert join(raw) == text
