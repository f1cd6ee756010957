"""Runs of several scripts: order, the implicit keep, failures, the trace, the limit on work."""

import pytest

from services.kernel.sieve.actions import Discard, FileInto, Keep, Redirect, Reject, Vacation
from services.kernel.sieve.delivery import Step
from services.kernel.sieve.limits import Limits
from tests.unit.kernel.sieve.scripts import World, holds, judge

FILE = 'require "fileinto"; fileinto "A";'
COPY = 'require "copy"; redirect :copy "c@x.test";'


def test_next_script_runs_while_the_message_is_kept() -> None:
    assert judge("keep;", FILE).actions == (FileInto("A"),)
    assert judge("stop;", "discard;").actions == (Discard(),)


def test_script_that_disposes_of_the_message_is_the_last() -> None:
    assert judge(FILE, COPY).actions == (FileInto("A"),)
    assert judge("discard;", "keep;").actions == (Discard(),)


def test_what_earlier_scripts_did_stays() -> None:
    assert judge(COPY, FILE).actions == (Redirect("c@x.test", copy=True), FileInto("A"))


def test_refusal_stands_beside_what_an_earlier_script_did() -> None:
    reject = 'require "reject"; reject "No";'
    assert judge(COPY, reject).actions == (Redirect("c@x.test", copy=True), Reject("No"))
    assert judge('require "vacation"; vacation "Away";', reject).actions == (Reject("No"),)


def test_of_two_scripts_that_answer_the_first_one_does() -> None:
    (answer, _) = judge('require "vacation"; vacation "one";', 'require "vacation"; vacation "two";').actions
    assert isinstance(answer, Vacation) and answer.reason == "one"


def test_script_that_fails_loses_only_its_own_wishes() -> None:
    result = judge(COPY, 'require ["fileinto", "ihave"];\nfileinto "A";\nerror "broken";', "discard;")
    assert result.actions == (Redirect("c@x.test", copy=True), Keep(is_implicit=True))
    assert str(result.error) == "script2: line 3: broken"


def test_flags_and_edits_go_from_script_to_script() -> None:
    first = 'require ["imap4flags", "editheader"]; setflag "a"; addheader "X-First" "1";'
    (keep,) = judge(first, 'require "imap4flags"; addflag "b"; if exists "x-first" { keep; }').actions
    assert isinstance(keep, Keep) and keep.flags == ("a", "b") and keep.head is not None and keep.head.startswith(b"X-First: 1\r\n")


def test_flags_of_an_explicit_keep_outlive_it() -> None:
    (keep,) = judge('require "imap4flags"; keep :flags "x";', "if false { discard; }").actions
    assert isinstance(keep, Keep) and keep.flags == ("x",)


def test_variables_do_not_go_from_script_to_script() -> None:
    require = 'require ["variables", "include"]; global "g";'
    assert judge(f'{require} set "g" "1"; set "a" "1";', f'{require} if string "${{a}}${{g}}" "" {{ discard; }}').actions == (Discard(),)


@pytest.mark.parametrize(
    "script",
    [
        'require "foreverypart"; foreverypart { ' + "if true { " * 20 + 'if header :contains "x" "y" {}' + "}" * 20 + "}",
        'require ["regex", "variables"]; set "a" "' + "a" * 500 + '"; if string :regex "${a}${a}${a}" "(a|b|ab)*(a*)*c" { discard; }',
    ],
)
def test_work_is_limited_and_a_message_too_costly_is_kept(script: str) -> None:
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 1000
    result = judge(script, message=message, limits=Limits(steps=2000))
    assert result.actions == (Keep(is_implicit=True),)
    assert result.error is not None and "takes too long" in result.error.message and result.steps <= 2000 + 20_000


def test_trace_says_which_rule_matched_and_where() -> None:
    script = 'if header :is "subject" "x" {\n  discard;\n} elsif anyof (false,\n  size :over 1) {\n  keep;\n}'
    assert judge(script, traced=True).trace == (
        Step("script1", 1, 0, 'header :is "subject" "x"', False),
        Step("script1", 3, 0, "anyof", True),
        Step("script1", 3, 1, "false", False),
        Step("script1", 4, 1, "size :over 1", True),
        Step("script1", 5, 1, "keep"),
    )


def test_nothing_is_traced_unasked() -> None:
    assert judge("keep;").trace == ()


def test_no_script_keeps() -> None:
    assert judge().actions == (Keep(is_implicit=True),)


def test_questions_about_the_users_world() -> None:
    world = World({"A", "B"}, {"\\Junk": "Spam"}, {}, {}, set())
    assert holds('mailboxexists ["A", "B"]', world=world)
    assert not holds('mailboxexists ["A", "C"]', world=world)
    assert holds('specialuse_exists "\\\\Junk"', world=world)
    assert holds('specialuse_exists "Spam" "\\\\Junk"', world=world)
    assert not holds('specialuse_exists "A" "\\\\Junk"', world=world)
