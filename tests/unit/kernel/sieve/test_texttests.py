"""Variables, strings, bodies and the environment."""

import pytest

from services.kernel.sieve.limits import Limits
from services.kernel.sieve.message import KEPT_TEXT_BYTES, MAX_TEXT_BYTES, Message
from tests.unit.kernel.sieve.scripts import holds, judge

PARTS = (
    b"From: a@x.test\r\nContent-Type: multipart/mixed; boundary=AA\r\n\r\nprologue\r\n--AA\r\n\r\nplain\r\n--AA\r\n"
    b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"PGh0bWw+PHN0eWxlPmhpZGRlbjwvc3R5bGU+PGI+R3LDvMOfZTwvYj4gJmFtcDsgYnllPC9odG1sPg==\r\n--AA\r\n"
    b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nenclosed\r\n--AA\r\nContent-Type: text/plain\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nsoft=\r\nbreak=20\r\n--AA--\r\nepilogue\r\n"
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('body :raw :contains "--AA"', True),
        ('body :raw :contains "Grüße"', False),
        ('body :text :contains "Grüße & bye"', True),
        ('body :text :contains "hidden"', False),
        ('body :text :contains "<b>"', False),
        ('body :content "text/html" :contains "<b>Grüße</b>"', True),
        ('body :content "text" :contains "softbreak"', True),
        ('body :content "text/plain" :contains "enclosed"', True),
        ('body :content "message/rfc822" :is "Subject: inner\r\n"', True),
        ('body :content "multipart" :contains "prologue"', True),
        ('body :content "multipart" :contains "epilogue"', True),
        ('body :content "multipart" :contains "plain"', False),
        ('body :content "text/" :contains ""', False),
        ('body :content "image" :contains ""', False),
    ],
)
def test_body(test: str, expected: bool) -> None:
    assert holds(test, message=PARTS) is expected


def test_message_without_a_body_matches_nothing() -> None:
    assert not holds('body :raw :contains ""', message=b"Subject: x\r\n")
    assert holds('body :raw :is ""', message=b"Subject: x\r\n\r\n")


def test_body_sets_no_match_variables() -> None:
    assert holds('allof (body :raw :matches "*Alice*", string :is "${1}" "")')


@pytest.mark.parametrize(
    ("modifiers", "value", "expected"),
    [
        ("", "juMBlEd", "juMBlEd"),
        (":length", "juMBlEd", "7"),
        (":length", "äö", "2"),
        (":lower", "juMBlEd", "jumbled"),
        (":upperfirst :lower", "juMBlEd", "Jumbled"),
        (":upper :lowerfirst", "juMBlEd", "jUMBLED"),
        (":quotewildcard", "Rock*?", r"Rock\\*\\?"),
        (":quotewildcard :length", "*", "2"),
        (":quoteregex", "a.b", r"a\\.b"),
        (":encodeurl", "a b&c/ü", "a%20b%26c%2F%C3%BC"),
    ],
)
def test_modifier(modifiers: str, value: str, expected: str) -> None:
    assert holds(f'string :is "${{v}}" "{expected}"', before=f'set {modifiers} "v" "{value}";')


def test_references_are_expanded_once_and_others_stay() -> None:
    before = 'set "a" "${b}"; set "c" "x"; set "d" "$";'
    assert holds('string :is "${a}|${unset}|${C}" "||x"', before=before)
    assert holds('string :count "eq" :comparator "i;ascii-numeric" "${d}{c}" "1"', before=before)
    assert holds('string :matches "${bad-name}|${" "??bad-name}|??"')


def test_value_is_cut_between_characters() -> None:
    limits = Limits(variable_bytes=5)
    script = 'require ["variables", "fileinto"]; set "a" "ääää"; fileinto "${a}";'
    (action,) = judge(script, limits=limits).actions
    assert getattr(action, "folder", "") == "ää"


def test_growing_variables_stay_within_the_limit() -> None:
    script = 'require "variables"; set "a" "0123456789";' + 'set "a" "${a}${a}${a}${a}${a}${a}${a}${a}";' * 20
    result = judge(script)
    assert result.error is None and result.steps < 100_000


def test_encoded_characters() -> None:
    assert holds('string "${hex:40 41}" "@A"')
    assert holds('string "${unicode:E9 20ac}" "é€"')
    assert holds('string "${hex:c3 a9}" "é"')
    assert holds('string :matches "${hex:40" "??hex:40"')
    assert holds('string :matches "${hex:zz}" "??hex:zz}"')


def test_environment() -> None:
    assert holds('environment :contains "name" "sieve"')
    assert not holds('environment :contains "frop" ""')
    script = 'require "environment"; if environment "domain" "example.test" { discard; }'
    assert judge(script, environment={"domain": "example.test"}).actions != judge(script).actions


def test_body_is_looked_at_as_far_as_the_limit() -> None:
    message = b"Subject: x\r\n\r\n" + b"a" * (MAX_TEXT_BYTES - 4) + b"lastover"
    assert holds('body :raw :contains "last"', message=message)
    assert not holds('body :raw :contains "over"', message=message)


def test_text_of_a_large_part_is_not_kept() -> None:
    contents = {size: b"Subject: x\r\n\r\n" + b"a" * size for size in (KEPT_TEXT_BYTES, KEPT_TEXT_BYTES + 1)}
    messages = {size: Message(content, lambda steps: None) for size, content in contents.items()}
    kept = {size: message.text(message.root, plain=False) is message.text(message.root, plain=False) for size, message in messages.items()}
    assert kept == {KEPT_TEXT_BYTES: True, KEPT_TEXT_BYTES + 1: False}
