"""The policy of failure: what a trouble means for the recipients it meets. All of it is here, as tables.

A trouble has a scope and is soft or hard. While hosts of the destination are left, most troubles lead to the next one; ``VERDICTS`` says what
happens, with and without hosts left. Unknown trouble is soft. A message whose final dot was sent and not answered may have been taken, so it is
never offered to another host in the same attempt (RFC 5321 section 4.2.5 has us repeat it: later, and a duplicate is possible).
"""

from dataclasses import dataclass
from enum import StrEnum

from services.kernel.mail.outcome import Bounced, Deferred, Remote
from services.kernel.mail.reply import Reply
from services.kernel.smtp.client import Answer, Verb
from services.kernel.smtp.client_fault import Fault, FaultKind


class Scope(StrEnum):
    """Who is met by a trouble."""

    SITE = "site"
    """Every message for the host."""
    MESSAGE = "message"
    """This message, whoever it is for."""
    RECIPIENT = "recipient"
    UNKNOWN = "unknown"
    """The message may have been taken."""
    HERE = "here"
    """Our own trouble: another host would not help, and the site is not to blame."""


class Verdict(StrEnum):
    """What to do."""

    NEXT_HOST = "next_host"
    DEFER = "defer"
    BOUNCE = "bounce"


VERDICTS: dict[tuple[Scope, bool], tuple[Verdict, Verdict]] = {
    # scope, is hard: with hosts left, without
    (Scope.SITE, False): (Verdict.NEXT_HOST, Verdict.DEFER),
    (Scope.SITE, True): (Verdict.NEXT_HOST, Verdict.BOUNCE),
    (Scope.MESSAGE, False): (Verdict.NEXT_HOST, Verdict.DEFER),
    (Scope.MESSAGE, True): (Verdict.BOUNCE, Verdict.BOUNCE),
    (Scope.RECIPIENT, False): (Verdict.NEXT_HOST, Verdict.DEFER),
    (Scope.RECIPIENT, True): (Verdict.BOUNCE, Verdict.BOUNCE),
    (Scope.UNKNOWN, False): (Verdict.DEFER, Verdict.DEFER),
    (Scope.UNKNOWN, True): (Verdict.DEFER, Verdict.DEFER),
    (Scope.HERE, False): (Verdict.DEFER, Verdict.DEFER),
    (Scope.HERE, True): (Verdict.BOUNCE, Verdict.BOUNCE),
}

_SCOPES: dict[Verb, Scope] = {
    Verb.GREETING: Scope.SITE,
    Verb.EHLO: Scope.SITE,
    Verb.HELO: Scope.SITE,
    Verb.LHLO: Scope.SITE,
    Verb.STARTTLS: Scope.SITE,
    Verb.AUTH: Scope.SITE,
    Verb.MAIL: Scope.MESSAGE,
    Verb.RCPT: Scope.RECIPIENT,
    Verb.DATA: Scope.MESSAGE,
    Verb.DOT: Scope.MESSAGE,
    Verb.BDAT: Scope.MESSAGE,
}

_FAULTS: dict[FaultKind, tuple[str, Scope]] = {
    # RFC 3463 sections 3.5 to 3.8
    FaultKind.UNREACHABLE: ("4.4.1", Scope.SITE),
    FaultKind.NO_ROUTE: ("4.4.1", Scope.SITE),
    FaultKind.TIMED_OUT: ("4.4.2", Scope.SITE),
    FaultKind.LOST: ("4.4.2", Scope.SITE),
    FaultKind.PROTOCOL: ("4.5.0", Scope.SITE),
    FaultKind.TLS: ("4.7.5", Scope.SITE),
    FaultKind.TLS_MISSING: ("4.7.4", Scope.SITE),
    FaultKind.LOGIN: ("4.7.0", Scope.SITE),
    FaultKind.CERTIFICATE: ("4.7.5", Scope.SITE),
    FaultKind.CONTENT: ("4.3.0", Scope.HERE),
}

_PLAIN = (FaultKind.TLS, FaultKind.TLS_MISSING, FaultKind.CERTIFICATE)
"""Faults whose words say all."""

LOCAL_CODE = {False: 450, True: 550}
"""The code of a reply that we give ourselves in place of a server."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A refusal or a fault, judged. ``command`` is what the reply answered, in the words of reports."""

    scope: Scope
    is_hard: bool
    reply: Reply
    command: str = ""

    @property
    def is_loop(self) -> bool:
        """Whether the mail came back to us: any other way would make it worse (RFC 3463 section 3.5, X.4.6)."""
        return self.reply.enhanced[1:] == ".4.6"


def local(scope: Scope, enhanced: str, text: str, command: str = "") -> Trouble:
    """A trouble that we found ourselves; the class of the enhanced code says whether it is hard."""
    is_hard = enhanced.startswith("5")
    return Trouble(scope, is_hard, Reply(LOCAL_CODE[is_hard], enhanced, text), command)


def of_answer(answer: Answer) -> Trouble:
    """Judge a refusal."""
    verb, reply = answer.verb, answer.reply
    scope = _SCOPES[verb]
    if reply.code == 421:  # RFC 5321 section 3.8: the server gives up the session
        scope = Scope.SITE
    if verb is Verb.GREETING and reply.is_permanent:  # Postfix smtp_skip_5xx_greeting: that server, not the destination
        return local(scope, "4" + (reply.enhanced or "5.3.2")[1:], f"greeted with: {reply}", verb)
    if verb is Verb.AUTH and reply.is_permanent:  # Postfix smtp_sasl_auth_soft_bounce: ours to repair, and no fault of the message
        enhanced = "4.7.8" if reply.code == 535 else "4" + (reply.enhanced or "5.7.0")[1:]
        return local(scope, enhanced, f"SASL authentication failed; server said: {reply}", verb)
    if verb is Verb.RCPT and reply.code == 552:  # RFC 5321 section 4.5.3.1.10: too many recipients, said by an old server
        return Trouble(scope, False, Reply(452, "4.5.3", reply.text), verb)
    if 400 <= reply.code < 600:
        return Trouble(scope, reply.is_permanent, reply, verb)
    return local(scope, "4.5.0", f"unexpected reply: {reply}", verb)


def of_probe(answer: Answer) -> Trouble:
    """Judge a refusal of a probe. One of MAIL is about the probe's sender, which no real message has: it says nothing of the recipient."""
    trouble = of_answer(answer)
    if answer.verb is Verb.MAIL and trouble.is_hard:
        return local(Scope.MESSAGE, "4.1.8", f"the sender of the probe is refused: {answer.reply}", answer.verb)
    return trouble


def of_fault(fault: Fault, *, is_dot_sent: bool = False) -> Trouble:
    """Judge a broken connection; ``is_dot_sent`` says that the message may have been taken."""
    enhanced, scope = _FAULTS[fault.kind]
    is_plain = fault.verb is Verb.CONNECT or fault.kind in _PLAIN
    text = fault.text if is_plain else f"{fault.text} (waiting for the reply to {fault.verb})"
    return local(Scope.UNKNOWN if is_dot_sent else scope, enhanced, text, fault.verb)


def decide(trouble: Trouble, *, has_more_hosts: bool) -> Verdict:
    """Say what to do."""
    with_more, without = VERDICTS[trouble.scope, trouble.is_hard]
    return with_more if has_more_hosts else without


def outcome(trouble: Trouble, verdict: Verdict, remote: Remote) -> Deferred | Bounced:
    """The outcome of a recipient whose trouble ended in ``verdict``."""
    if verdict is Verdict.BOUNCE:
        return Bounced(trouble.reply, remote)
    return Deferred(trouble.reply, remote, site=trouble.scope is Scope.SITE)
