"""The whole validation of a set-up with several MX hosts: the DNS, each host as the world meets it, and the hand-over.

Each finding says in plain words what was seen and, when it is not good, what to do. The hosts are asked by relay, step by step up to RCPT; only the
hand-over sends a message, to the postmaster of the domain: a secondary gives it to itself, the best host to the worst.
"""

import asyncio
import secrets
import smtplib
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from enum import StrEnum

from services.kernel.dns.answer import Found, Mx, NoData, NxDomain
from services.kernel.dns.resolver import Resolver
from services.kernel.wire.delivery import NextHop, Protocol, TrialResponse, TrialStep
from services.kernel.wire.standby import State

STRANGER = "postmaster@example.com"
"""A recipient who is nobody's customer here (RFC 2606 section 3): a host that takes mail for him relays for everybody."""
HAND_OVER_SECONDS = 60.0
"""A message crosses two hosts within a second or two; a primary that greylists takes longer, and the finding says so."""
SMTP_SECONDS = 30.0
LOOK_SECONDS = 0.5


class Grade(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    grade: Grade
    what: str
    words: str


@dataclass(frozen=True, slots=True)
class Tools:
    """What a check works with. ``run_trial`` goes the way to a next hop with sender and recipient; ``arrived`` tells, from the events of this
    site, what became of a message id: words when it was handed on or stored, else nothing; ``standby`` is what backupmx knows, ``None`` where there
    is none."""

    resolver: Resolver
    run_trial: Callable[[NextHop, str], TrialResponse]
    arrived: Callable[[str], str]
    standby: Callable[[], State | None]


class Check:
    """The check of one domain. ``own_name`` is this site's host name, empty when it looks from outside. Blocks."""

    def __init__(self, domain: str, own_name: str, tools: Tools) -> None:
        self._domain = domain
        self._own_name = own_name.lower()
        self._tools = tools
        self._own: Mx | None = None
        """The record of this site."""
        self._answering: list[Mx] = []
        self.findings: list[Finding] = []

    def run(self) -> None:
        """Look at everything."""
        hosts = self._look_up()
        if not hosts:
            return
        self._own = next((mx for mx in hosts if mx.host.lower() == self._own_name), None)
        for mx in hosts:
            self._examine(mx)
        if not self._own_name:
            self._note(Grade.WARNING, "hand-over", "not tried from outside: nobody here sees where a message arrives")
            return
        self._judge_mirror()
        entrance = self._own if self._own is not None and self._own is not hosts[0] else hosts[-1]
        if entrance is hosts[0] or any(mx.preference < entrance.preference for mx in self._answering):
            self._hand_over(entrance)
        else:
            self._note(Grade.WARNING, "hand-over", f"not tried: no host answers that is better than {entrance.host}")

    def _note(self, grade: Grade, what: str, words: str) -> None:
        self.findings.append(Finding(grade, what, words))

    # The DNS.

    def _look_up(self) -> list[Mx]:
        answer = asyncio.run(self._tools.resolver.mx(self._domain))
        match answer:
            case Found(records):
                hosts = sorted(records, key=lambda mx: mx.preference)
            case NoData():
                words = "has no MX record: add one for the primary and one, with a higher number, for each secondary"
                self._note(Grade.WRONG, "DNS", f"{self._domain} {words}")
                return []
            case NxDomain():
                self._note(Grade.WRONG, "DNS", f"the domain {self._domain} does not exist")
                return []
            case _:
                self._note(Grade.WRONG, "DNS", f"the MX of {self._domain} cannot be looked up now: {answer}")
                return []
        if not hosts[0].host:
            self._note(Grade.WRONG, "DNS", f"{self._domain} says that it takes no mail (null MX, RFC 7505)")
            return []
        self._note(Grade.OK, "DNS", ", then ".join(f"{mx.host} ({mx.preference})" for mx in hosts))
        self._judge_order(hosts)
        return hosts

    def _judge_order(self, hosts: list[Mx]) -> None:
        if len(hosts) == 1:
            self._note(Grade.WARNING, "DNS order", "there is one MX host only: while it is away the world keeps its mail")
        elif hosts[0].preference == hosts[-1].preference:
            self._note(Grade.WARNING, "DNS order", "all MX hosts have the same preference: each is a primary, and none waits for another")
        else:
            self._note(Grade.OK, "DNS order", f"the best is {hosts[0].host}; the others hand over to it")
        if self._own_name and self._own_name not in [mx.host.lower() for mx in hosts]:
            words = f"this site calls itself {self._own_name}, which is not among the MX hosts: set site.hostname or the record"
            self._note(Grade.WRONG, "DNS order", words)

    # Each host.

    def _examine(self, mx: Mx) -> None:
        nexthop = NextHop(Protocol.SMTP, mx.host, 25, is_literal=True)
        steps = self._tools.run_trial(nexthop, f"postmaster@{self._domain}").steps
        last = steps[-1] if steps else None
        rcpt = next((step for step in steps if step.name == "RCPT"), None)
        if rcpt is None:
            words = f"{last.name}: {_said(last)}" if last else "no answer"
            self._note(Grade.WRONG, mx.host, f"does not answer as a mail server ({words}): is it running, and is port 25 open to the world?")
            return
        self._note(Grade.OK, mx.host, "answers")
        self._answering.append(mx)
        if rcpt.is_ok:
            self._note(Grade.OK, mx.host, f"takes mail for postmaster@{self._domain}")
        else:
            words = f"refuses postmaster@{self._domain} ({_said(rcpt)}): `malle mx add {self._domain}` there, or add the mailbox"
            self._note(Grade.WRONG, mx.host, words)
        self._examine_refusals(mx, nexthop)
        if self._own is not None and mx.preference < self._own.preference:
            self._examine_trust(mx, steps)

    def _examine_trust(self, mx: Mx, steps: list[TrialStep]) -> None:
        """Whether it lets this site say which client a message came from, in the last of its answers to EHLO."""
        hellos = [step for step in steps if step.name == "EHLO"]
        if hellos and any("XFORWARD" in line for line in hellos[-1].lines):
            self._note(Grade.OK, mx.host, "knows this site as its secondary")
            return
        words = "does not know this site as its secondary, and judges what we hand over as mail of a stranger:"
        words += f" there, smtpd.mx.authorized_xforward_hosts must have {self._own_name} and authorized_xforward_certificate_file our certificate"
        self._note(Grade.WARNING, mx.host, words)

    def _examine_refusals(self, mx: Mx, nexthop: NextHop) -> None:
        rcpt = self._rcpt(nexthop, STRANGER)
        if rcpt is None:
            self._note(Grade.WARNING, mx.host, "did not say whether it relays for strangers")
        elif rcpt.is_ok:
            self._note(Grade.WRONG, mx.host, f"takes mail for {STRANGER}: it is an open relay (or takes this host for one of its own)")
        else:
            self._note(Grade.OK, mx.host, "refuses mail for others")
        nobody = f"no-such-user-{secrets.token_hex(4)}@{self._domain}"
        rcpt = self._rcpt(nexthop, nobody)
        if rcpt is not None and rcpt.is_ok:
            words = f"takes mail for {nobody}: a catch-all, or it does not know the recipients and may have to return mail to forged senders"
            self._note(Grade.WARNING, mx.host, words)
        elif rcpt is not None:
            self._note(Grade.OK, mx.host, f"does not take mail for users that are not there ({_said(rcpt)})")

    def _rcpt(self, nexthop: NextHop, recipient: str) -> TrialStep | None:
        return next((step for step in self._tools.run_trial(nexthop, recipient).steps if step.name == "RCPT"), None)

    # What this site knows.

    def _judge_mirror(self) -> None:
        state = self._tools.standby()
        if state is None or self._domain not in [known.name for known in state.domains]:
            return
        holders = [primary for primary in state.primaries if self._domain in primary.domains]
        faults = "; ".join(f"{primary.name}: {primary.fault}" for primary in state.primaries if primary.fault)
        if not holders:
            words = f"none of {self._domain} are known here: while the primary is away they can only be guessed (backupmx.primaries, `malle mx sync`)"
            self._note(Grade.WARNING, "recipients", f"{words}; {faults}" if faults else words)
            return
        newest = max(holders, key=lambda primary: primary.confirmed)
        age = f"{round(time.time() - newest.confirmed)} s old"
        if newest.fault:
            self._note(Grade.WARNING, "recipients", f"those of {newest.name} are {age}: {newest.fault}")
        else:
            self._note(Grade.OK, "recipients", f"those of {newest.name} are here, {age}")

    # A message.

    def _hand_over(self, mx: Mx) -> None:
        """Through this host, as the world does when the better ones are away."""
        message_id = f"<{secrets.token_hex(8)}.mx-check@{self._own_name}>"
        recipient = f"postmaster@{self._domain}"
        try:
            with smtplib.SMTP(mx.host, 25, self._own_name, SMTP_SECONDS) as client:
                client.sendmail("", [recipient], _message(message_id, recipient, self._own_name))
        except (OSError, smtplib.SMTPException) as error:
            self._note(Grade.WRONG, "hand-over", f"{mx.host} does not take a message for {recipient}: {error}")
            return
        deadline = time.monotonic() + HAND_OVER_SECONDS
        while time.monotonic() < deadline:
            if words := self._tools.arrived(message_id):
                self._note(Grade.OK, "hand-over", f"a message given to {mx.host} was {words}")
                return
            time.sleep(LOOK_SECONDS)
        words = f"a message given to {mx.host} has not come on within {HAND_OVER_SECONDS:g} s: look at `malle trace '{message_id}'` on both sites"
        self._note(Grade.WRONG, "hand-over", words)


def _said(step: TrialStep) -> str:
    return " ".join(step.lines) or "no words"


def _message(message_id: str, recipient: str, hostname: str) -> str:
    return (
        f"From: MX check <postmaster@{hostname}>\r\nTo: <{recipient}>\r\nSubject: MX check by {hostname}\r\nDate: {formatdate()}\r\n"
        f"Message-ID: {message_id}\r\nAuto-Submitted: auto-generated\r\n\r\nThis message shows that mail crosses over. Nothing is to be done.\r\n"
    )
