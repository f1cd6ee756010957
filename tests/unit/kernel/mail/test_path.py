"""Paths of MAIL FROM and RCPT TO."""

import pytest

from services.kernel.mail.path import PathError, parse_forward_path, parse_reverse_path


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<>", ""),
        ("<a@b>", "a@b"),
        ("<Alice.Smith+x@Example.TEST>", "Alice.Smith+x@Example.TEST"),
        ("<!#$%&'*+/=?^_`{|}~-@b.test>", "!#$%&'*+/=?^_`{|}~-@b.test"),
        ("<@a.test,@b.test:c@d.test>", "c@d.test"),
        ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        ('<"alice"@b.test>', "alice@b.test"),
        ('<"al\\ice"@b.test>', "alice@b.test"),
        ('<"a b"@c.test>', '"a b"@c.test'),
        ('<"a@b"@c.test>', '"a@b"@c.test'),
        ('<"a\\"b\\\\"@c.test>', '"a\\"b\\\\"@c.test'),
        ('<""@c.test>', '""@c.test'),
        ("<jørgen@blåbær.test>", "jørgen@blåbær.test"),
        ("<a@under_score.test>", "a@under_score.test"),
        ("<" + "x" * 255 + "@b.test>", "x" * 255 + "@b.test"),
    ],
)
def test_a_path_gives_its_canonical_address(text: str, address: str) -> None:
    assert parse_reverse_path(text + " SIZE=1") == (address, "SIZE=1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@b",
        "<a@b",
        "a@b>",
        "<a>",
        "<@b>",
        "<a@>",
        "<a..b@c>",
        "<.a@c>",
        "<a.@c>",
        "<a b@c>",
        "<a@b c>",
        "<a@b..c>",
        "<a@.b>",
        "<a@b.>",
        "<a@-b>",
        "<a@b->",
        "<a@b@c>",
        "<a@[192.0.2.256]>",
        "<a@[IPv6:fe80::1%eth0]>",
        "<a@[general:x]>",
        '<"a@b.test>',
        '<"a"b@c.test>',
        '<"\x07"@c.test>',
        "<a\u0085@c.test>",
        "<a\u2028@c.test>",
        "<a@b>x",
        "<a@b>SIZE=1",
        "<>SIZE=1",
        "<<a@b>>",
        "<" + "x" * 256 + "@b.test>",
        "<a@" + "x" * 64 + ".test>",
        "<a@" + "x." * 128 + "test>",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        parse_reverse_path(text)


@pytest.mark.parametrize("text", ["<postmaster>", "<PostMaster>"])
def test_postmaster_needs_no_domain_as_a_recipient(text: str) -> None:
    assert parse_forward_path(text) == (text[1:-1], "")


@pytest.mark.parametrize("text", ["<>", "<alice>", "<postmasters>"])
def test_other_recipients_need_a_domain(text: str) -> None:
    with pytest.raises(PathError):
        parse_forward_path(text)


def test_an_address_outside_ascii_says_that_it_needs_smtputf8() -> None:
    with pytest.raises(PathError) as error:
        parse_forward_path("<jørgen@b.test>", allows_utf8=False)
    assert error.value.needs_utf8
