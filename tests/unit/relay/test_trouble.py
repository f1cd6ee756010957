"""The policy of failure, as a table."""

import pytest

from services.kernel.mail.outcome import Bounced, Deferred, Remote
from services.kernel.mail.reply import Reply
from services.kernel.smtp.client import Answer, Verb
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.relay import trouble as policy
from services.relay.trouble import VERDICTS, Scope, Trouble, Verdict

REPLY = Reply(550, "5.1.1", "no")


@pytest.mark.parametrize(
    ("verb", "code", "scope", "is_hard"),
    [
        (Verb.GREETING, 450, Scope.SITE, False),
        (Verb.GREETING, 554, Scope.SITE, False),
        (Verb.EHLO, 550, Scope.SITE, True),
        (Verb.HELO, 450, Scope.SITE, False),
        (Verb.MAIL, 451, Scope.MESSAGE, False),
        (Verb.MAIL, 550, Scope.MESSAGE, True),
        (Verb.RCPT, 450, Scope.RECIPIENT, False),
        (Verb.RCPT, 550, Scope.RECIPIENT, True),
        (Verb.RCPT, 552, Scope.RECIPIENT, False),
        (Verb.RCPT, 421, Scope.SITE, False),
        (Verb.DATA, 451, Scope.MESSAGE, False),
        (Verb.DATA, 554, Scope.MESSAGE, True),
        (Verb.DATA, 250, Scope.MESSAGE, False),
        (Verb.DOT, 452, Scope.MESSAGE, False),
        (Verb.DOT, 554, Scope.MESSAGE, True),
        (Verb.DOT, 421, Scope.SITE, False),
        (Verb.DOT, 354, Scope.MESSAGE, False),
    ],
)
def test_refusal_is_judged_by_what_it_answers(verb: Verb, code: int, scope: Scope, is_hard: bool) -> None:
    judged = policy.of_answer(Answer(verb, Reply(code, "", "words")))
    assert (judged.scope, judged.is_hard, judged.command) == (scope, is_hard, verb.value)


def test_words_of_the_peer_are_kept() -> None:
    assert policy.of_answer(Answer(Verb.RCPT, REPLY)).reply == REPLY
    greeted = policy.of_answer(Answer(Verb.GREETING, Reply(554, "5.7.1", "blocked"))).reply
    assert (greeted.code, greeted.enhanced, greeted.text) == (450, "4.7.1", "greeted with: 554 5.7.1 blocked")


@pytest.mark.parametrize(
    ("kind", "is_dot_sent", "scope", "enhanced"),
    [
        (FaultKind.UNREACHABLE, False, Scope.SITE, "4.4.1"),
        (FaultKind.NO_ROUTE, False, Scope.SITE, "4.4.1"),
        (FaultKind.TIMED_OUT, False, Scope.SITE, "4.4.2"),
        (FaultKind.LOST, False, Scope.SITE, "4.4.2"),
        (FaultKind.LOST, True, Scope.UNKNOWN, "4.4.2"),
        (FaultKind.TIMED_OUT, True, Scope.UNKNOWN, "4.4.2"),
        (FaultKind.PROTOCOL, False, Scope.SITE, "4.5.0"),
        (FaultKind.TLS, False, Scope.SITE, "4.7.5"),
        (FaultKind.TLS_MISSING, False, Scope.SITE, "4.7.4"),
        (FaultKind.CONTENT, False, Scope.HERE, "4.3.0"),
    ],
)
def test_fault_is_never_hard(kind: FaultKind, is_dot_sent: bool, scope: Scope, enhanced: str) -> None:
    judged = policy.of_fault(Fault(kind, Verb.DOT, "words"), is_dot_sent=is_dot_sent)
    assert (judged.scope, judged.is_hard, judged.reply.enhanced) == (scope, False, enhanced)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_kind_of_fault_is_known(kind: FaultKind) -> None:
    assert policy.of_fault(Fault(kind, Verb.CONNECT, "words")).reply.text == "words"


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("is_hard", [True, False])
def test_every_trouble_ends_when_no_host_is_left(scope: Scope, is_hard: bool) -> None:
    assert VERDICTS[scope, is_hard][1] is not Verdict.NEXT_HOST


@pytest.mark.parametrize("has_more_hosts", [True, False])
def test_message_that_may_have_been_taken_is_never_offered_again_now(has_more_hosts: bool) -> None:
    trouble = policy.of_fault(Fault(FaultKind.LOST, Verb.DOT, "lost"), is_dot_sent=True)
    assert policy.decide(trouble, has_more_hosts=has_more_hosts) is Verdict.DEFER


def test_only_trouble_of_the_site_marks_the_site() -> None:
    remote = Remote("mx.test")
    assert policy.outcome(Trouble(Scope.SITE, False, REPLY), Verdict.DEFER, remote) == Deferred(REPLY, remote, site=True)
    assert policy.outcome(Trouble(Scope.UNKNOWN, False, REPLY), Verdict.DEFER, remote) == Deferred(REPLY, remote, site=False)
    assert policy.outcome(Trouble(Scope.RECIPIENT, True, REPLY), Verdict.BOUNCE, remote) == Bounced(REPLY, remote)
