"""Tests of header fields and the envelope."""

import pytest

from services.kernel.sieve.delivery import Envelope
from tests.unit.kernel.sieve.scripts import holds

HEADER = (
    b'From: =?utf-8?q?J=C3=B6rg?= <Joerg+News@Example.test>\r\nTo: friends: a@x.test, "B, b" <b@y.test>;, nonsense\r\n'
    b"Subject: =?iso-8859-1?q?Gr=FC=DFe?= =?utf-8?b?IQ==?=\r\nX-Long: one\r\n two\r\n\tthree\r\nX-A: 1\r\nX-A:  2 \r\nX-A: 3\r\n"
    b"Empty:\r\n\r\nbody\r\n"
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header "subject" "Grüße!"', True),
        ('header :contains "from" "Jörg"', True),
        ('header "x-long" "one two three"', True),
        ('header "X-A" ["5", "2"]', True),
        ('header :index 2 "x-a" "2"', True),
        ('header :index 1 :last "x-a" "3"', True),
        ('header :index 4 "x-a" "3"', False),
        ('header :index 4 :last "x-a" "3"', False),
        ('header :is "empty" ""', True),
        ('header :contains "missing" ""', False),
        ('header :contains "subject:" ""', False),
        ('exists ["from", "x-a"]', True),
        ('exists ["from", "missing"]', False),
        ('address "from" "joerg+news@example.test"', True),
        ('address :localpart "from" "joerg+news"', True),
        ('address :domain "from" "example.test"', True),
        ('address :user "from" "joerg"', True),
        ('address :detail "from" "news"', True),
        ('address :detail :contains "to" ""', False),
        ('address "to" "b@y.test"', True),
        ('address :domain "to" ["x.test"]', True),
        ('address :is "to" "friends"', False),
        ('address :localpart "to" "nonsense"', False),
        ("size :over 100", True),
        ("size :under 100", False),
        ("size :over 1K", False),
    ],
)
def test_field(test: str, expected: bool) -> None:
    assert holds(test, message=HEADER) is expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('envelope "from" "owner@lists.test"', True),
        ('envelope :detail "to" "sieve"', True),
        ('envelope :domain "to" "example.test"', True),
        ('envelope "notify" "FAILURE"', True),
        ('envelope :count "eq" :comparator "i;ascii-numeric" "notify" "2"', True),
        ('envelope "ret" "HDRS"', True),
        ('envelope :contains "envid" "42"', True),
        ('envelope :domain "orcpt" "old.test"', True),
    ],
)
def test_envelope(test: str, expected: bool) -> None:
    envelope = Envelope("owner@lists.test", "alice+sieve@example.test", "", "SUCCESS,FAILURE", "HDRS", "id42", "rfc822;alice@old.test")
    assert holds(test, envelope=envelope) is expected


@pytest.mark.parametrize("part", [":all", ":localpart", ":domain", ":user"])
def test_null_sender_is_the_empty_string_whatever_the_part(part: str) -> None:
    assert holds(f'envelope {part} :is "from" ""', envelope=Envelope("", "alice@example.test"))


def test_broken_header_breaks_nothing() -> None:
    assert holds('header :contains "subject" "x"', message=b"no colon here\r\nSubject: =?utf-8?b?////?= x \xff\xfe=?foo?q?a?=\r\n continued")


def test_mime_fields_are_taken_apart() -> None:
    message = (
        b"Content-Type: Text/Plain; charset=utf-8; name*=utf-8''f%C3%BCnf.txt\r\n"
        b'Content-Disposition: attachment; filename="=?utf-8?q?=C3=A9?="\r\n\r\nx'
    )
    assert holds('header :mime :type "content-type" "text"', message=message)
    assert holds('header :mime :subtype "content-type" "plain"', message=message)
    assert holds('header :mime :contenttype "content-type" "text/plain"', message=message)
    assert holds('header :mime :param "name" "content-type" "fünf.txt"', message=message)
    assert holds('header :mime :param ["x", "filename"] "content-disposition" "é"', message=message)
    assert holds('header :mime :type "content-disposition" "attachment"', message=message)
