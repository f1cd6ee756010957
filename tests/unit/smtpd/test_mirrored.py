"""Recipients of domains that we back up: the mirror of their primary answers, and verify only for what that does not know."""

import os
import time
from collections.abc import Iterator

import msgspec
import pytest

from services.kernel.directory.mirror import DomainRecipients, Recipients
from tests.unit.smtpd.site import Running, Site
from tests.unit.smtpd.test_verification import Verifier, ask, start

A_DAY = 86_400.0


@pytest.fixture
def verifier(site: Site) -> Verifier:
    return Verifier(site.root)


@pytest.fixture
def backup(site: Site, verifier: Verifier) -> Iterator[Running]:
    """We stand in for kept.test, whose recipients are mirrored, and for other.test, of which nothing is."""
    site.add_domain("kept.test", "other.test", domain_class="backup")
    (site.root / "mirror").mkdir()
    recipients = Recipients("primary", time.time(), domains={"kept.test": DomainRecipients(["alice"])})
    (site.root / "mirror/mx1.json").write_bytes(msgspec.json.encode(recipients))
    running = start(site, verifier, mirror_directory=site.root / "mirror", mirror_max_age_seconds=A_DAY)
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("alice@kept.test", (250, b"2.1.5")),
        ("alice+list@kept.test", (250, b"2.1.5")),
        ("nobody@kept.test", (550, b"5.1.1")),
        ("good@kept.test", (550, b"5.1.1")),
    ],
)
def test_mirror_has_the_word_and_verify_is_not_asked(backup: Running, verifier: Verifier, recipient: str, reply: tuple[int, bytes]) -> None:
    code, words = ask(backup, recipient)
    assert (code, words[:5]) == reply
    assert not verifier.asked


@pytest.mark.parametrize(("recipient", "code"), [("good@other.test", 250), ("bad@other.test", 550), ("unknown@other.test", 450)])
def test_domain_that_is_not_mirrored_is_verified(backup: Running, recipient: str, code: int) -> None:
    assert ask(backup, recipient)[0] == code


@pytest.mark.parametrize(("recipient", "code"), [("alice@kept.test", 250), ("good@kept.test", 250), ("bad@kept.test", 550)])
def test_absence_from_a_mirror_that_is_too_old_is_verified(backup: Running, site: Site, recipient: str, code: int) -> None:
    long_ago = time.time() - A_DAY - 60
    os.utime(site.root / "mirror/mx1.json", (long_ago, long_ago))
    assert ask(backup, recipient)[0] == code
