"""Addresses of a header, found and replaced without a change to anything else."""

import pytest

from services.kernel.mail.rewriting import find_mentions, rewrite


def addresses(value: str) -> list[str]:
    return [mention.address for mention in find_mentions(f"To: {value}\r\n".encode())]


def rewritten(head: str) -> str:
    """Each ``old`` domain becomes ``new.test``, each name alone gets ``@new.test``."""
    mentions = find_mentions(head.encode())
    return rewrite(head.encode(), [(each, f"{each.address.partition('@')[0]}@new.test") for each in mentions]).decode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@x.test", ["a@x.test"]),
        ("a@x.test, b@y.test,c@z.test", ["a@x.test", "b@y.test", "c@z.test"]),
        ("Ann Lee <a@x.test>", ["a@x.test"]),
        ("Ann Q. Lee, Jr. <a@x.test>", None),
        ("Ann Q. Lee Jr. <a@x.test>", ["a@x.test"]),
        ('"Lee, Ann" <a@x.test>, b@y.test', ["a@x.test", "b@y.test"]),
        ("a@x.test (Ann (the, first) Lee), b@y.test", ["a@x.test", "b@y.test"]),
        (r'"a \" b, <" <a@x.test>', ["a@x.test"]),
        (r"(a \) b) a@x.test", ["a@x.test"]),
        ("friends: a@x.test, Bob <b@y.test>;, c@z.test", ["a@x.test", "b@y.test", "c@z.test"]),
        ("undisclosed-recipients:;", []),
        ("=?utf-8?Q?J=C3=B6rg?= <j@x.test>", ["j@x.test"]),
        ("Jörg <jörg@x.test>", ["jörg@x.test"]),
        ("a . b @ x . test", ["a.b@x.test"]),
        ("a (c) @ (d) x.test", ["a@x.test"]),
        ('"john doe"@x.test', ['"john doe"@x.test']),
        ('"john"@x.test', ["john@x.test"]),
        ("root", ["root"]),
        ("Root <root>", ["root"]),
        ("a@[192.0.2.1]", ["a@[192.0.2.1]"]),
        ("<@one.test,@two.test:a@x.test>", ["a@x.test"]),
        ("<>", []),
        (", a@x.test,, b@y.test ,", ["a@x.test", "b@y.test"]),
        ("a@x.test,\r\n\tb@y.test,\r\n c@z.test", ["a@x.test", "b@y.test", "c@z.test"]),
        ("", []),
    ],
)
def test_address_list_is_read(value: str, expected: list[str] | None) -> None:
    assert addresses(value) == (expected if expected is not None else [])


@pytest.mark.parametrize(
    "value",
    [
        "Ann Lee a@x.test",
        "a@x.test b@y.test",
        "a@x.test <a@x.test> more",
        "Ann <a@x.test",
        "a@x.test>",
        "a@x..test",
        ".a@x.test",
        "a@b@x.test",
        "a@",
        "@x.test",
        "group: a@x.test",
        "a@x.test (open",
        '"open <a@x.test>',
        "a@x.test; b@y.test",
        "a\\@x.test",
        "<@one.test>",
        "one: two: a@x.test;",
        "a@x.test, Ann Lee b@y.test",
    ],
)
def test_field_that_is_no_address_list_stays_untouched(value: str) -> None:
    head = f"To: {value}\r\nCc: b@old.test\r\n"
    assert rewritten(head) == f"To: {value}\r\nCc: b@new.test\r\n"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("From: a@old.test\r\n", "From: a@new.test\r\n"),
        ("FROM : Ann  <a@old.test>  (home)\r\n", "FROM : Ann  <a@new.test>  (home)\r\n"),
        ("To:\r\n Ann <a@old.test>,\r\n\t b@old.test\r\n", "To:\r\n Ann <a@new.test>,\r\n\t b@new.test\r\n"),
        ("Cc: team: a@old.test, B <b@old.test>;\r\n", "Cc: team: a@new.test, B <b@new.test>;\r\n"),
        ("To: root\r\n", "To: root@new.test\r\n"),
        ("To: <@relay.test:a@old.test>\r\n", "To: <a@new.test>\r\n"),
        ("To: a (c) @ old.test (d)\r\n", "To: a@new.test (d)\r\n"),
        ("To: a@old.test\n", "To: a@new.test\n"),
        ("To: a@old.test", "To: a@new.test"),
        ("Subject: from: a@old.test\r\n To: a@old.test\r\nX-To: a@old.test\r\n", None),
        ("Return-Path: <a@old.test>\r\nMessage-ID: <a@old.test>\r\nReceived: by a@old.test\r\n", None),
        ("List-Post: <mailto:a@old.test>\r\nDelivered-To: a@old.test\r\n", None),
    ],
)
def test_only_addresses_of_address_fields_change(head: str, expected: str | None) -> None:
    assert rewritten(head) == (head if expected is None else expected)


def test_senders_are_told_from_recipients() -> None:
    fields = ["From", "Sender", "Reply-To", "Resent-From", "Errors-To", "To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Reply-To"]
    head = "".join(f"{field}: {field}@x.test\r\n" for field in fields).encode()
    assert [mention.address.partition("@")[0] for mention in find_mentions(head) if mention.is_sender] == fields[:5]
    assert [mention.address.partition("@")[0] for mention in find_mentions(head) if not mention.is_sender] == fields[5:]


def test_what_is_not_changed_is_the_same_object() -> None:
    head = b"To: a@x.test, b@y.test\r\n"
    assert rewrite(head, [(mention, mention.address) for mention in find_mentions(head)]) is head


def test_field_outside_utf8_stays_untouched() -> None:
    head = b"To: j\xf6rg@x.test\r\nCc: \"J\xf6rg\" <b@y.test>\r\n"
    assert [mention.address for mention in find_mentions(head)] == ["b@y.test"]
