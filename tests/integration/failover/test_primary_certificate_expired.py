"""The certificate of the primary has expired: mail flows, as TLS to it is opportunistic, and the mirror has a certificate of its own."""

import datetime
from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def test_mail_and_mirror_go_on(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    expired = lab.authority.issue_cert("mx1.example.test", not_before=LONG_AGO, not_after=LONG_AGO + datetime.timedelta(days=1))
    with lab.faults.certificate("primary/mx", expired.private_key_and_cert_chain_pem.bytes()):
        (key,) = post.send("backup", alice)
        assert "untrusted" in post.event(key, kind="delivered", site="backup")["tls"]
        (primary,) = lab.backup.malle_json("mx", "sync")["primaries"]
        assert not primary["fault"]
    post.arrive()
