"""Where a message goes: the actions of a result."""

import pytest

from services.kernel.sieve.actions import Action, Discard, FileInto, Keep, Redirect, Reject
from services.kernel.sieve.limits import Limits
from tests.unit.kernel.sieve.scripts import flaws, judge

REQUIRE = 'require ["fileinto", "copy", "imap4flags", "mailbox", "special-use", "reject", "ereject", "vacation", "redirect-dsn", "variables"];'


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", [Keep(is_implicit=True)]),
        ("keep;", [Keep()]),
        ("discard;", [Discard()]),
        ('fileinto "A";', [FileInto("A")]),
        ('fileinto :copy "A";', [FileInto("A", copy=True), Keep(is_implicit=True)]),
        ('fileinto "A"; keep;', [FileInto("A"), Keep()]),
        ('fileinto "A"; discard;', [FileInto("A")]),
        ('discard; fileinto "A";', [FileInto("A")]),
        ("discard; keep;", [Keep()]),
        ('vacation :addresses "bob@world.test" "Not to oneself."; discard;', [Discard()]),
        ('fileinto "INBOX"; keep; fileinto "inbox";', [FileInto("INBOX")]),
        ('fileinto "A"; fileinto "A"; fileinto "a";', [FileInto("A"), FileInto("a")]),
        ('fileinto :create "A.B";', [FileInto("A.B", create=True)]),
        ('fileinto :specialuse "\\\\Junk" :create "Spam";', [FileInto("Spam", create=True, special_use="\\Junk")]),
        ('redirect "c@x.test";', [Redirect("c@x.test")]),
        ('redirect :copy "Carol <c@x.test>"; redirect "C@X.test";', [Redirect("c@x.test", copy=True)]),
        ('redirect :notify "failure,delay" :ret "full" "c@x.test";', [Redirect("c@x.test", notify="FAILURE,DELAY", ret="FULL")]),
        ('reject "No";', [Reject("No")]),
        ("ereject text:\nOne\nTwo\n.\n;", [Reject("One\r\nTwo\r\n", is_ereject=True)]),
        ("stop; discard;", [Keep(is_implicit=True)]),
    ],
)
def test_actions(script: str, expected: list[Action]) -> None:
    assert list(judge(REQUIRE + script).actions) == expected


def test_second_redirect_to_an_address_takes_the_copy_out_of_inbox_all_the_same() -> None:
    assert judge(REQUIRE + 'redirect :copy "c@x.test"; redirect "c@x.test";').actions == (Redirect("c@x.test", copy=True),)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('reject "a"; keep;', "keep conflicts with reject"),
        ('fileinto "A"; reject "a";', "reject conflicts with fileinto"),
        ('reject "a"; redirect "c@x.test";', "redirect conflicts with reject"),
        ('vacation "a"; reject "b";', "reject conflicts with vacation"),
        ('reject "a"; reject "b";', "duplicate reject"),
        ('vacation "a"; vacation "b";', "duplicate vacation"),
        ('set "a" "x"; redirect "${a}";', "'x' is not an address that mail can be sent to"),
        ('set "a" ""; fileinto "${a}";', "invalid folder name"),
    ],
)
def test_script_that_cannot_be_followed_keeps_the_message_and_says_why(script: str, words: str) -> None:
    result = judge(REQUIRE + "\n" + script)
    assert result.actions == (Keep(is_implicit=True),)
    assert result.error is not None and words in result.error.message
    assert (result.error.script, result.error.line) == ("script1", 2)


def test_reject_beside_discard_is_a_reject() -> None:
    assert judge(REQUIRE + 'discard; reject "a";').actions == (Reject("a"),)


def test_actions_and_redirects_are_limited() -> None:
    many = judge(REQUIRE + "".join(f'fileinto "{number}";' for number in range(33)))
    assert many.error is not None and "total number of actions exceeds policy limit (32)" in many.error.message
    far = judge("".join(f'redirect "{number}@x.test";' for number in range(3)), limits=Limits(redirects=2))
    assert far.error is not None and "number of redirect actions exceeds policy limit (2)" in far.error.message
    assert far.actions == (Keep(is_implicit=True),)


@pytest.mark.parametrize("name", ["", "a\\tb".replace("\\t", "\t"), "x" * 1001])
def test_name_that_no_mailbox_has_is_refused_when_the_script_is_compiled(name: str) -> None:
    assert any("invalid folder name" in flaw for flaw in flaws(f'require "fileinto"; fileinto "{name}";'))


@pytest.mark.parametrize("address", ["<>", "a@", "@b.test", "a b@c.test", "a@b.test, c@d.test", "A <a@b.test", "jörg@b.test", "a@b test"])
def test_nothing_is_sent_to_what_is_not_one_address(address: str) -> None:
    assert any("not an address" in flaw for flaw in flaws(f'redirect "{address}";'))
