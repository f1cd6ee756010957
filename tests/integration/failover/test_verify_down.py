"""verify is down on the secondary: the mirror answers for all that it has, and the rest is put off."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import CAROL, SECONDS, Post


def test_mirrored_recipients_need_no_verification(lab: TwoSites, post: Post, mailbox: Callable[[], str], key: str) -> None:
    alice = mailbox()
    with lab.faults.kill("backup/verify"), lab.backup.mx() as client:
        assert post.is_accepted(*post.send("backup", alice))
        client.ehlo()
        client.mail(CAROL)
        assert client.rcpt(f"nobody-{key}@example.test")[0] == 550
        assert client.rcpt(f"{key}@sink.test")[0] == 450
    post.arrive()


def test_domain_without_a_mirror_is_verified_at_its_primary(lab: TwoSites, post: Post, key: str) -> None:
    found: list[int] = lab.events.wait_until(lambda: decided(lab, f"refuse-550-{key}@sink.test"), "verify is not back", SECONDS)
    assert found == [550]
    assert post.is_accepted(*post.send("backup", f"{key}@sink.test"))
    post.wait_for_all(kind="delivered", site="backup")


def decided(lab: TwoSites, recipient: str) -> list[int]:
    """The code for a recipient; nothing while he is put off."""
    with lab.backup.mx() as client:
        client.ehlo()
        client.mail(CAROL)
        code, _ = client.rcpt(recipient)
    return [code] if code != 450 else []
