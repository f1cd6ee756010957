import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.mime.addresses import MAX_FIELD_BYTES, MISSING_DOMAIN, MISSING_MAILBOX, Address, by_tokens, parse
from services.kernel.mail.mime.envelope import MAX_ADDRESSES, envelope
from services.kernel.mail.mime.fields import MAX_HEADER_BYTES

A_B = Address(None, None, b"a", b"b")
C_D = Address(None, None, b"c", b"d")
END = Address()


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (b"", ()),
        (b"a@b", (A_B,)),
        (b"<a@b>", (A_B,)),
        (b"a@b, c@d", (A_B, C_D)),
        (b",,a@b,,c@d,", (A_B, C_D)),
        (b"Ann B <a@b>", (Address(b"Ann B", None, b"a", b"b"),)),
        (b'"B, Ann" <a@b>', (Address(b"B, Ann", None, b"a", b"b"),)),
        (b'Ann "the" B.C. D <a@b> (x)', (Address(b"Ann the B.C. D", None, b"a", b"b"),)),
        (b'"a\\"b" <a@b>', (Address(b'a"b', None, b"a", b"b"),)),
        (b"A . B .C <a@b>", (Address(b"A . B .C", None, b"a", b"b"),)),
        (b"a@b (a\\)\\b)", (Address(b"a)b", None, b"a", b"b"),)),
        (b"a@b> (not the name)", (A_B,)),
        (b"a@b (Ann B)", (Address(b"Ann B", None, b"a", b"b"),)),
        (b"(c) a@b", (A_B,)),
        (b"a (x (y)) @ (z) b", (Address(b"z", None, b"a", b"b"),)),
        (b'"q u"@d', (Address(None, None, b"q u", b"d"),)),
        (b"a@[192.0.2.1]", (Address(None, None, b"a", b"[192.0.2.1]"),)),
        (b"a . b @ c . d", (Address(None, None, b"a.b", b"c.d"),)),
        (b"<@r1,@r2:a@b>, c@d", (Address(None, b"@r1,@r2", b"a", b"b"), C_D)),
        (b"=?utf-8?q?X?=<a@b>", (Address(b"=?utf-8?q?X?=", None, b"a", b"b"),)),
        (b"\xe4 <a@b>", (Address(b"\xe4", None, b"a", b"b"),)),
        (b"x: a@b, c@d;", (Address(mailbox=b"x"), A_B, C_D, END)),
        (b"x:;", (Address(mailbox=b"x"), END)),
        (b"x: a@b", (Address(mailbox=b"x"), A_B, END)),
        (b"a@b, x: c@d;, a@b", (A_B, Address(mailbox=b"x"), C_D, END, A_B)),
    ],
)
def test_address_list_is_read(text: bytes, addresses: tuple[Address, ...]) -> None:
    assert parse(text) == addresses


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (b"foo", (Address(None, None, b"foo", MISSING_DOMAIN),)),
        (b"foo <bar>", (Address(b"foo", None, b"bar", MISSING_DOMAIN),)),
        (b"<>", (Address(None, None, MISSING_MAILBOX, MISSING_DOMAIN),)),
        (b"foo bar", (Address(b"foo bar", None, MISSING_MAILBOX, MISSING_DOMAIN),)),
        (b"a b@c", (Address(b"a b", None, MISSING_MAILBOX, MISSING_DOMAIN),)),
        (b"@b", (Address(None, None, MISSING_MAILBOX, b"b"),)),
        (b'""@b, <"" @b>', (Address(None, None, b"", b"b"), Address(None, None, b"", b"b"))),
        (b"a@", (Address(None, None, b"a", MISSING_DOMAIN),)),
        (b"a@b c@d", (A_B,)),
        (b"a@b <c@d>", (A_B,)),
        (b"A <a@b, C <c@d>", (Address(b"A", None, b"a", b"b"), Address(b"C", None, b"c", b"d"))),
        (b"A <mailto:a@b>", (Address(b"A", None, b"mailto:a", b"b"),)),
        (b"a@b; c@d", (A_B, C_D)),
        (b'"un <a@b>', (Address(b"un", None, b"a", b"b"),)),
        (b'Ann <"a@b>', (Address(b"Ann", None, b"a", b"b"),)),
        (b"a@b), c@d\\", (A_B, C_D)),
        (b"(never closed a@b", ()),
        (b"x: y: a@b;;", (Address(mailbox=b"x"), END, Address(mailbox=b"y"), A_B, END)),
    ],
)
def test_broken_address_list_loses_as_little_as_can_be(text: bytes, addresses: tuple[Address, ...]) -> None:
    assert parse(text) == addresses


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (b'a@b "c" (d), c@d', (A_B,)),
        (b'x: a@b "c", c@d;, c@d', (Address(mailbox=b"x"), A_B, END)),
        (b'A <a@b> "c", c@d', (Address(b"A", None, b"a", b"b"), C_D)),
        (b'"c" <a@b>, c@d', (Address(b"c", None, b"a", b"b"), C_D)),
    ],
)
def test_list_ends_at_a_quoted_string_behind_an_address_without_angle_brackets(text: bytes, addresses: tuple[Address, ...]) -> None:
    assert parse(text) == addresses


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (b'a@b, c "d <c@d>, c@d', (A_B,)),
        (b'A <a@b> "c, c@d', (Address(b"A", None, b"a", b"b"),)),
        (b'a@b "c, c@d', (A_B,)),
        (b'a@b; "c <c@d>', (A_B,)),
        (b'a@b>, "c <c@d>', (A_B,)),
        (b'a@b (x)), "c <c@d>', (Address(b"x", None, b"a", b"b"),)),
        (b'a@b\\, "c <c@d>', (A_B,)),
        (b'a@b, c@d), "c <c@d>', (A_B, C_D)),
        (b'x: a@b; "c <c@d>', (Address(mailbox=b"x"), A_B, END)),
        (b'a@b, "c <c@d>', (A_B, Address(b"c", None, b"c", b"d"))),
    ],
)
def test_list_ends_at_a_quote_that_never_closes_unless_it_begins_an_entry_behind_a_comma(text: bytes, addresses: tuple[Address, ...]) -> None:
    assert parse(text) == addresses


@pytest.mark.parametrize("text", [b'"a "b <a@b>', b'a" b" <a@b>', b'"a"b <a@b>'])
def test_words_of_a_name_are_one_space_apart(text: bytes) -> None:
    (address,) = parse(text)
    assert address.name == b"a b"


def test_field_beyond_the_limit_is_not_read() -> None:
    assert len(parse(b"a@b," * MAX_FIELD_BYTES)) == MAX_FIELD_BYTES // 4


def test_repeated_lists_are_joined_and_of_repeated_texts_the_last_counts() -> None:
    facts = envelope(b"To: a@b\r\nSubject: one\r\nto: c@d\r\nSUBJECT : two\r\n\r\n")
    assert facts.to == (A_B, C_D)
    assert facts.subject == b"two"


def test_list_ends_at_the_limit_and_closes_its_group() -> None:
    assert parse(b"a@b, c@d, a@b", 2) == (A_B, C_D)
    assert parse(b"x: a@b, c@d, a@b; , a@b", 3) == (Address(mailbox=b"x"), A_B, C_D, END)


def test_each_list_is_limited_over_all_its_fields() -> None:
    facts = envelope(b"To: " + b"a@b," * (MAX_ADDRESSES - 1) + b"\nTo: a@b,c@d\nTo: c@d\nFrom: c@d\n")
    assert facts.to == (A_B,) * MAX_ADDRESSES
    assert facts.from_ == (C_D,)


def test_header_full_of_fields_is_read_once() -> None:
    header = b"to:\n" * (MAX_HEADER_BYTES // 4 - 10_000) + b"to:a@b\n" * (MAX_ADDRESSES + 100)
    assert len(envelope(header).to) == MAX_ADDRESSES


def test_texts_but_the_subject_keep_their_white_space() -> None:
    facts = envelope(b"Date:  a \r\n\tb \r\nSubject:  a \r\n\tb \r\n\r\n")
    assert (facts.date, facts.subject) == (b"a \tb ", b"a b")


def test_sender_and_reply_to_are_from_where_they_are_missing_or_empty() -> None:
    facts = envelope(b"From: a@b\r\nReply-To: \r\n\r\n")
    assert facts.sender == facts.reply_to == facts.from_ == (A_B,)


def test_missing_field_is_told_from_an_empty_one() -> None:
    facts = envelope(b"Subject:\r\n\r\n")
    assert facts.subject == b""
    assert facts.date is None


_PIECES = [bytes((one,)) for one in b' \t.@<>,"\\(:;[]\n'] + [b"a", b"Ann", b"B.", b" <", b"a@b", b"a.b@c.d", b'"B, A"']


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map(b"".join))
def test_usual_entries_are_read_as_all_others(text: bytes) -> None:
    assert parse(text) == by_tokens(text)
