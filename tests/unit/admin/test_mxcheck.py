"""The validation of a set-up with several MX hosts, beside scripted hosts and names."""

from collections.abc import Mapping

import pytest

from services.admin.mxcheck import STRANGER, Check, Grade, Tools
from services.kernel.dns.answer import Answer, Found, Kind, NoData, NxDomain, Trouble
from services.kernel.dns.resolver import Resolver
from services.kernel.wire.delivery import NextHop, TrialResponse, TrialStep
from services.kernel.wire.standby import DomainState, PrimaryState, State

TWO = Found(("10 mx1.test.", "20 mx2.test."))
DEAD = TrialResponse([TrialStep("mx1.test", "connect", 0.1, False, ["connection refused"])])


class Hosts:
    """Answers trials: who takes what by host; a host that is not there is dead."""

    def __init__(self, takes: Mapping[str, tuple[str, ...]], trusting: str = "") -> None:
        self._takes = takes
        self._trusting = trusting

    def run_trial(self, nexthop: NextHop, recipient: str) -> TrialResponse:
        if nexthop.host not in self._takes:
            return DEAD
        is_ok = any(recipient.startswith(word) for word in self._takes[nexthop.host])
        step = TrialStep(nexthop.host, "RCPT", 0.1, is_ok, ["250 2.1.5 Ok" if is_ok else "550 5.1.1 no"])
        hello = ["250-PIPELINING", "250 XFORWARD NAME ADDR"] if nexthop.host == self._trusting else ["250 PIPELINING"]
        return TrialResponse([TrialStep(nexthop.host, "connect", 0.1, True, []), TrialStep(nexthop.host, "EHLO", 0.1, True, hello), step])


GOOD = Hosts({"mx1.test": ("postmaster@d.test",), "mx2.test": ("postmaster@d.test",)})


def check(answer: Answer[str], hosts: Hosts = GOOD, own_name: str = "", state: State | None = None) -> list[tuple[Grade, str, str]]:
    async def ask(_name: str, _kind: Kind) -> Answer[str]:
        return answer

    found = Check("d.test", own_name, Tools(Resolver(ask, lambda: 0.0), hosts.run_trial, lambda _: "", lambda: state))
    found.run()
    return [(finding.grade, finding.what, finding.words) for finding in found.findings]


def wrong(findings: list[tuple[Grade, str, str]]) -> str:
    return "; ".join(f"{what}: {words}" for grade, what, words in findings if grade is Grade.WRONG)


def test_good_set_up_has_nothing_wrong() -> None:
    findings = check(TWO)
    assert wrong(findings) == ""
    assert (Grade.OK, "DNS order", "the best is mx1.test; the others hand over to it") in findings
    assert (Grade.OK, "mx2.test", "refuses mail for others") in findings


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NoData(), "has no MX record"),
        (NxDomain(), "does not exist"),
        (Trouble("SERVFAIL"), "cannot be looked up now"),
        (Found(("0 .",)), "takes no mail"),
    ],
)
def test_domain_without_usable_records_is_wrong(answer: Answer[str], words: str) -> None:
    assert words in wrong(check(answer))


def test_hosts_of_equal_preference_are_warned_of() -> None:
    findings = check(Found(("10 mx1.test.", "10 mx2.test.")))
    assert any(grade is Grade.WARNING and "same preference" in words for grade, _, words in findings)


def test_host_that_does_not_answer_is_wrong() -> None:
    assert "mx1.test: does not answer as a mail server (connect: connection refused)" in wrong(check(TWO, Hosts({"mx2.test": ("postmaster@d",)})))


def test_secondary_that_does_not_know_the_domain_is_wrong() -> None:
    assert "mx2.test: refuses postmaster@d.test" in wrong(check(TWO, Hosts({"mx1.test": ("postmaster@d",), "mx2.test": ()})))


def test_open_relay_is_wrong() -> None:
    hosts = Hosts({"mx1.test": ("postmaster@d.test",), "mx2.test": ("postmaster@d.test", STRANGER)})
    assert "mx2.test: takes mail for postmaster@example.com: it is an open relay" in wrong(check(TWO, hosts))


def test_host_that_takes_everybody_of_the_domain_is_warned_of() -> None:
    hosts = Hosts({"mx1.test": ("postmaster@d.test",), "mx2.test": ("postmaster@d.test", "no-such-user")})
    assert any(grade is Grade.WARNING and "forged senders" in words for grade, _, words in check(TWO, hosts))


def test_site_that_is_no_mx_host_is_told_so() -> None:
    assert "mx9.test, which is not among the MX hosts" in wrong(check(TWO, own_name="mx9.test"))


AWAY = Hosts({"mx2.test": ("postmaster@d.test",)})
"""mx1.test does not answer: nothing is handed over."""


def test_message_is_not_sent_while_no_better_host_answers() -> None:
    assert (Grade.WARNING, "hand-over", "not tried: no host answers that is better than mx2.test") in check(TWO, AWAY, "mx2.test")


def test_primary_that_knows_its_secondary_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Check, "_hand_over", lambda *_: None)
    hosts = Hosts({"mx1.test": ("postmaster@d.test",), "mx2.test": ("postmaster@d.test",)}, trusting="mx1.test")
    assert (Grade.OK, "mx1.test", "knows this site as its secondary") in check(TWO, hosts, "MX2.test")


def test_primary_that_takes_its_secondary_for_a_stranger_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Check, "_hand_over", lambda *_: None)
    told = [words for grade, what, words in check(TWO, own_name="mx2.test") if grade is Grade.WARNING and what == "mx1.test"]
    assert any("authorized_xforward_hosts must have mx2.test" in words for words in told)


@pytest.mark.parametrize(
    ("own_name", "entrance"), [("mx1.test", "mx3.test"), ("mx2.test", "mx2.test"), ("mx3.test", "mx3.test"), ("mx9.test", "mx3.test")]
)
def test_secondary_gives_the_message_to_itself_and_the_best_host_to_the_worst(monkeypatch: pytest.MonkeyPatch, own_name: str, entrance: str) -> None:
    entered: list[str] = []
    monkeypatch.setattr(Check, "_hand_over", lambda _, mx: entered.append(mx.host))
    check(Found(("10 mx1.test.", "20 mx2.test.", "30 mx3.test.")), Hosts(dict.fromkeys(("mx1.test", "mx2.test", "mx3.test"), ("post",))), own_name)
    assert entered == [entrance]


@pytest.mark.parametrize(
    ("primary", "grade", "words"),
    [
        (PrimaryState("mx1", 1.0, "v", {"d.test": 4}), Grade.OK, "those of mx1 are here"),
        (PrimaryState("mx1", 1.0, "v", {"d.test": 4}, "refused"), Grade.WARNING, "old: refused"),
        (PrimaryState("mx1", 0.0, fault="refused"), Grade.WARNING, "none of d.test are known here"),
    ],
)
def test_recipients_that_are_not_known_here_are_warned_of(primary: PrimaryState, grade: Grade, words: str) -> None:
    findings = check(TWO, AWAY, "mx2.test", State([primary], [DomainState("d.test")]))
    assert any(found is grade and what == "recipients" and words in told for found, what, told in findings)


def test_recipients_of_a_domain_that_is_not_backed_up_here_are_no_matter() -> None:
    assert not [what for _, what, _ in check(TWO, AWAY, "mx2.test", State([], [DomainState("else.test")])) if what == "recipients"]
