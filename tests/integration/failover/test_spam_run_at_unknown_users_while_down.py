"""Spam with forged senders at users who are not there, while the primary is away: all of it is refused, and nobody gets a report."""

from collections.abc import Iterator

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import CAROL, Post

RUNS = 6
RECIPIENTS = 9
"""Of a connection: below the number of errors from which on answers come late."""


def test_spam_run_makes_no_backscatter(lab: TwoSites, post: Post, addresses: Iterator[str], key: str) -> None:
    with lab.faults.kill("primary/mx"), lab.faults.kill("primary/admin"):
        replies = [reply for run in range(RUNS) for reply in spam(lab, f"{key}-{run}")]
        assert {(code, words[:5]) for code, words in replies} == {(550, b"5.1.1")}
        assert len(replies) == RUNS * RECIPIENTS
    told = [event for kind in ("accepted", "reported", "held") for event in lab.events.matching(kind=kind, site="backup")]
    assert not [event for event in told if key in str(event)]
    assert not post.returned()


def spam(lab: TwoSites, name: str) -> Iterator[tuple[int, bytes]]:
    with lab.backup.mx() as client:
        client.ehlo()
        client.mail(CAROL)
        for number in range(RECIPIENTS):
            yield client.rcpt(f"{name}-{number}@example.test")
        assert client.docmd("DATA")[0] in {503, 554}
        client.rset()
