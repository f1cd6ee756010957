"""Two sites, a world around them, and everything that can go wrong between them. One start for all tests of this folder.

The backup site has the recipients of example.test from the primary, and stands in for sink.test too, of which it has none: there verification
helps, and what comes of mail is written in the recipients (``malleposte_lab/sink.py``). Who makes a mailbox gets one that was there before the
first test, and that the backup site knows.

``lab.primary`` and ``lab.backup`` are the sites (``Site``), ``lab.world`` the foreign servers, ``lab.dns`` their names, ``lab.faults`` what
can be done to all of them; what a test breaks is whole again at its end. Addresses and parties: ``malleposte_lab.twosites``.
"""

import functools
import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from malleposte_lab import history, settings
from malleposte_lab.faults import Fault
from malleposte_lab.twosites import TwoSitePlan, TwoSites, running_two_sites
from tests.integration.conftest import PASSWORD, ROOT
from tests.integration.failover.post import Post

MAILBOXES = 100
TEMPLATE = "template@example.test"


@pytest.fixture(scope="session")
def lab_running(lab_name: str) -> Iterator[TwoSites]:
    """Both sites; the backup site stands in for the primary's domain, and for that of the sink."""
    plan = TwoSitePlan(f"{lab_name}-two", ROOT, os.environ.get("MALLEPOSTE_VERSION", "dev"))
    domains = [{"name": name, "domain_class": "backup"} for name in ("example.test", "sink.test")]
    with running_two_sites(plan) as running:
        running.backup.malle("directory", "import", "-", stdin=yaml.safe_dump({"domains": domains}))
        yield running


@pytest.fixture(scope="session")
def addresses(lab_running: TwoSites) -> Iterator[str]:
    """Mailboxes of example.test, all with the same password; mirrored."""
    run = secrets.token_hex(3)
    made = [f"{run}-{number}@example.test" for number in range(MAILBOXES)]
    if not any(entry["address"] == TEMPLATE for entry in _directory(lab_running)["accounts"]):
        lab_running.primary.add_account(TEMPLATE, PASSWORD)
    (template,) = (entry for entry in _directory(lab_running)["accounts"] if entry["address"] == TEMPLATE)
    document = {"accounts": [{**template, "address": address} for address in made]}
    lab_running.primary.malle("directory", "import", "-", stdin=yaml.safe_dump(document))
    lab_running.backup.malle("mx", "sync")
    return iter(made)


def _directory(lab: TwoSites) -> Any:
    return yaml.safe_load(lab.primary.malle("directory", "export"))


@pytest.fixture
def via(lab: TwoSites, key: str) -> Callable[..., str]:
    """Send a message from the world by ``"primary"``, ``"backup"`` (their MX), ``"postfix"`` or ``"exim"`` (foreign servers, who go by DNS).

    ``via("backup", address)`` returns its Message-ID, which the events of both sites carry; raises what ``smtplib`` raises.
    """
    numbers = iter(range(1000))

    def send(way: str, recipient: str, sender: str = "carol@world.test") -> str:
        subject = f"{key}-{next(numbers)}"
        client = {"primary": lab.primary.mx, "backup": lab.backup.mx}.get(way, lambda: lab.world.server(way))()
        with client:
            client.sendmail(sender, [recipient], history.message(subject, sender, [recipient], b"hello\r\n"))
        return f"<{subject}@lab.test>"

    return send


@pytest.fixture
def mailbox(addresses: Iterator[str]) -> Callable[[], str]:
    """A mailbox of example.test at the primary site that no other test has; the password is ``PASSWORD``."""
    return lambda: next(addresses)


@pytest.fixture
def post(lab: TwoSites, addresses: Iterator[str], key: str) -> Post:
    """The mail of one test, and what became of it."""
    return Post(lab, key)


@pytest.fixture
def amend(lab: TwoSites) -> Callable[..., Fault]:
    """``amend("backup", ["qmgr"], {"routing.relayhost": "..."})`` changes settings and has services read them; undone at the end like a fault."""
    return functools.partial(settings.amend, lab)
