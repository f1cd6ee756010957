"""``addheader`` and ``deleteheader`` (RFC 5293)."""

import pytest

from services.kernel.sieve.actions import FileInto, Keep
from services.kernel.sieve.limits import Limits, Policy
from tests.unit.kernel.sieve.scripts import flaws, judge

REQUIRE = 'require ["editheader", "fileinto", "index", "variables"];'
MESSAGE = b"Received: by x\r\nX-A: 1\r\nX-A: 2\r\nSubject: s\r\nX-A: 3\r\n\r\nbody\r\n"


def head(script: str) -> bytes | None:
    (keep,) = judge(REQUIRE + script, message=MESSAGE).actions
    assert isinstance(keep, Keep)
    return keep.head


def names(script: str) -> list[bytes]:
    return (head(script) or MESSAGE).partition(b"\r\n\r\n")[0].split(b"\r\n")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('addheader "X-New" "n";', [b"X-New: n", b"Received: by x", b"X-A: 1", b"X-A: 2", b"Subject: s", b"X-A: 3"]),
        ('addheader :last "X-New" "n";', [b"Received: by x", b"X-A: 1", b"X-A: 2", b"Subject: s", b"X-A: 3", b"X-New: n"]),
        ('deleteheader "x-a";', [b"Received: by x", b"Subject: s"]),
        ('deleteheader :index 1 "x-a";', [b"Received: by x", b"X-A: 2", b"Subject: s", b"X-A: 3"]),
        ('deleteheader :index 1 :last "x-a";', [b"Received: by x", b"X-A: 1", b"X-A: 2", b"Subject: s"]),
        ('deleteheader :contains "x-a" ["2", "3"];', [b"Received: by x", b"X-A: 1", b"Subject: s"]),
        ('deleteheader :index 2 "x-a" "1";', [b"Received: by x", b"X-A: 1", b"X-A: 2", b"Subject: s", b"X-A: 3"]),
        ('deleteheader "received"; addheader "Received" "x";', [b"Received: by x", b"X-A: 1", b"X-A: 2", b"Subject: s", b"X-A: 3"]),
    ],
)
def test_header_after(script: str, expected: list[bytes]) -> None:
    assert names(script) == expected


def test_header_that_nobody_changed_is_not_written_anew() -> None:
    assert head('deleteheader "x-none"; deleteheader "received";') is None


def test_tests_and_size_see_the_edited_header() -> None:
    script = f'addheader "X-New" "n"; if allof (header "x-new" "n", size :over {len(MESSAGE)}) {{ deleteheader "subject"; }}'
    assert b"Subject" not in (head(script) or MESSAGE)


def test_action_takes_the_header_of_its_moment() -> None:
    actions = judge(REQUIRE + 'fileinto "A"; addheader "X-B" "1"; fileinto "B";', message=MESSAGE).actions
    heads = [action.head for action in actions if isinstance(action, FileInto)]
    assert heads[0] is None and heads[1] is not None and heads[1].startswith(b"X-B: 1\r\n")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('addheader "X-New" "n";', None),
        ('addheader :last "Other" "n";', MESSAGE.replace(b"X-A: 3\r\n\r\n", b"X-A: 3\r\nOther: n\r\n\r\n")),
        ('addheader "X-A" "0";', b"X-A: 0\r\n" + MESSAGE),
        ('deleteheader "x-a";', None),
        ('deleteheader :index 1 "x-a";', None),
        ('deleteheader "subject";', MESSAGE.replace(b"Subject: s\r\n", b"")),
        ('addheader "SUBJECT" "t";', b"SUBJECT: t\r\n" + MESSAGE),
        ('addheader "X-Sieve-Redirected-From" "alice@example.test";', None),
    ],
)
def test_site_keeps_fields_as_they_are(script: str, expected: bytes | None) -> None:
    policy = Policy(unadded_fields=frozenset({"x-new", "subject"}), undeleted_fields=frozenset({"x-a", "subject"}))
    (keep,) = judge(REQUIRE + script, message=MESSAGE, limits=Limits(policy=policy)).actions
    assert isinstance(keep, Keep) and keep.head == (expected and expected.removesuffix(b"body\r\n"))


def test_trace_says_that_a_field_is_left() -> None:
    trace = judge(REQUIRE + 'deleteheader "Received";', message=MESSAGE, traced=True).trace
    assert "deleteheader: the field Received cannot be deleted" in [step.text for step in trace]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Grüße an alle", b"X-New: =?utf-8?B?R3LDvMOfZQ==?= an alle\r\n"),
        ("one\r\nTo: evil@x.test\r\n\r\nbody", b"X-New: one To: evil@x.test  body\r\n"),
        ("word " * 30, b"X-New: " + b" ".join([b"word"] * 14) + b"\r\n " + b" ".join([b"word"] * 15) + b"\r\n word\r\n"),
    ],
)
def test_value_never_becomes_another_field(value: str, written: bytes) -> None:
    assert (head(f'addheader "X-New" "{value}";') or b"").startswith(written)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('addheader "X-New:" "n";', "specified field name 'X-New:' is invalid"),
        ('deleteheader "X New";', "specified field name 'X New' is invalid"),
        (f'addheader "X-New" "{"x" * 9000}";', "is too long: more than 8192 octets"),
        ('deleteheader :last "x";', ":last of the deleteheader command needs :index"),
    ],
)
def test_mistake_is_told_when_the_script_is_compiled(script: str, words: str) -> None:
    assert any(words in flaw for flaw in flaws(REQUIRE + script))


def test_name_from_a_variable_is_looked_at_in_time() -> None:
    result = judge(REQUIRE + 'set "n" "X New"; addheader "${n}" "x";')
    assert result.error is not None and "specified field name 'X New' is invalid" in result.error.message


def test_field_that_ends_circles_stays() -> None:
    message = b"X-Sieve-Redirected-From: alice@example.test\r\n" + MESSAGE
    (keep,) = judge(REQUIRE + 'deleteheader "X-Sieve-Redirected-From"; deleteheader "Subject";', message=message).actions
    assert isinstance(keep, Keep) and keep.head is not None
    assert keep.head.startswith(b"X-Sieve-Redirected-From: alice@example.test\r\n") and b"Subject" not in keep.head
