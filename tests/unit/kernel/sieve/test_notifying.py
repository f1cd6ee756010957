"""``notify`` by mail (RFC 5435, RFC 5436)."""

import pytest

from services.kernel.sieve.actions import Notify
from tests.unit.kernel.sieve.scripts import MESSAGE, flaws, holds, judge

REQUIRE = 'require ["enotify", "variables"];'


def notified(script: str, message: bytes = MESSAGE) -> list[Notify]:
    result = judge(REQUIRE + script, message=message)
    assert result.error is None
    return [action for action in result.actions if isinstance(action, Notify)]


def test_uri_says_to_whom_and_with_what() -> None:
    uri = "mailto:a@x.test,b%40y.test?cc=c@z.test&subject=New%20mail&X-K=v&From=evil@x.test&body=Hi%0D%0Athere"
    (found,) = notified(f'notify :importance "1" :message "M" :from "Me <me@x.test>" "{uri}";')
    assert (found.recipients, found.copies) == (("a@x.test", "b@y.test"), ("c@z.test",))
    assert (found.fields, found.body) == ((("subject", "New mail"), ("X-K", "v")), "Hi\r\nthere")
    assert (found.importance, found.message, found.sender, found.method) == (1, "M", "Me <me@x.test>", uri)


def test_hidden_recipient_stays_hidden() -> None:
    (found,) = notified('notify "mailto:a@x.test?bcc=b@x.test,a@x.test&cc=c@x.test";')
    assert (found.recipients, found.copies, found.hidden) == (("a@x.test",), ("c@x.test",), ("b@x.test",))
    (second,) = notified('notify "mailto:a@x.test?bcc=b@x.test"; notify "mailto:?bcc=b@x.test";')
    assert second.all_recipients == ("a@x.test", "b@x.test")


@pytest.mark.parametrize("name", ["References", "Resent-To", "Content-Disposition", "X-Sieve-Redirected-From", "Message-ID"])
def test_field_that_says_what_a_message_is_does_not_come_from_the_uri(name: str) -> None:
    (found,) = notified(f'notify "mailto:a@x.test?{name}=v";')
    assert found.fields == ()


def test_nobody_is_notified_twice() -> None:
    first, second = notified('notify "mailto:a@x.test"; notify "mailto:a@x.test,b@x.test"; notify "mailto:b@x.test";')
    assert (first.recipients, second.recipients) == (("a@x.test",), ("b@x.test",))


def test_automatic_message_notifies_nobody() -> None:
    assert notified('notify "mailto:a@x.test";', b"Auto-Submitted: auto-notified\r\n\r\n") == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('notify "xmpp:a@x.test";', "notification method 'xmpp' is not supported"),
        ('notify "mailto:nobody";', "invalid recipient 'nobody'"),
        ('notify "mailto:";', "names no recipient"),
        ('notify "mailto:a@x.test?he<ad=x";', "invalid character"),
        ('notify "mailto:a@x.test?subject=%0";', "invalid percent code"),
        ('notify :importance "4" "mailto:a@x.test";', ":importance of the notify command"),
        ('notify :options "x" "mailto:a@x.test";', "is not an option of the form name=value"),
        ('notify :from "x" "mailto:a@x.test";', "is not an address that a notification can come from"),
        ('notify "mailto:' + ",".join(f"u{number}@x.test" for number in range(9)) + '";', "more than 8 recipients"),
    ],
)
def test_mistake_is_told(script: str, words: str) -> None:
    assert any(words in flaw for flaw in flaws(REQUIRE + script))


def test_subject_cannot_bring_fields() -> None:
    (found,) = notified('notify "mailto:a@x.test?subject=a%0D%0ABcc:%20x@y.test";')
    assert found.fields == (("subject", "a Bcc: x@y.test"),)


def test_methods_can_be_asked_for() -> None:
    assert holds('valid_notify_method ["mailto:a@x.test"]')
    assert not holds('valid_notify_method ["mailto:a@x.test", "tel:123"]')
    assert holds('notify_method_capability "mailto:a@x.test" "online" "maybe"')
    assert not holds('notify_method_capability "tel:1" "online" "maybe"')
