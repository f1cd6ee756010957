"""The same site with its directory on PostgreSQL: accounts, aliases and logins work, and a lost database is a temporary trouble."""

import imaplib
import secrets
from collections.abc import Iterator

import pytest

from malleposte_lab import history
from malleposte_lab.launch import Plan, running_site
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD, ROOT

SENDER = "carol@world.test"


@pytest.fixture(scope="module")
def postgres_site(lab_plan: Plan) -> Iterator[Site]:
    environment = {**lab_plan.environment, "LAB_NET": "10.213.8", "MALLEPOSTE_CONFIG": str(ROOT / "tests/lab/config/postgres")}
    files = [*lab_plan.files, ROOT / "tests/lab/compose.postgres.yaml"]
    with running_site(Plan(f"{lab_plan.name}-pg", files, lab_plan.services, environment)) as running:
        yield running


def test_mail_flows_by_accounts_and_aliases_of_the_database(postgres_site: Site, key: str) -> None:
    alice, team = f"alice-{key}@example.test", f"team-{key}@example.test"
    postgres_site.add_account(alice, PASSWORD)
    postgres_site.malle("alias", "add", team, alice)
    with postgres_site.submission(alice, PASSWORD) as client:
        client.sendmail(alice, [team], history.message(key, alice, [team], b"hello\r\n"))
    postgres_site.events.wait(kind="stored", recipient=alice)
    (raw,) = postgres_site.messages(alice, PASSWORD)
    assert key.encode() in raw


def test_lost_database_is_temporary_and_nobody_is_called_unknown(postgres_site: Site) -> None:
    known = f"user-{secrets.token_hex(3)}@example.test"
    postgres_site.add_account(known, PASSWORD)
    postgres_site.project.kill("postgres")
    try:
        with postgres_site.mx() as client:
            client.ehlo()
            client.mail(SENDER)
            assert client.rcpt(known)[0] == 451
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            postgres_site.imap(known, PASSWORD)
    finally:
        postgres_site.project.start("postgres")
    postgres_site.events.wait_until(lambda: _accepts(postgres_site, known), "the database is back, and the user is still refused", 30)


def _accepts(site: Site, recipient: str) -> bool:
    with site.mx() as client:
        client.ehlo()
        client.mail(SENDER)
        return client.rcpt(recipient)[0] == 250
