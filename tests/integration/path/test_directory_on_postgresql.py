"""The same site with its directory on PostgreSQL: accounts, aliases and logins work, and a lost database is a temporary trouble."""

import imaplib
import secrets
from collections.abc import Iterator

import pytest

from malleposte_lab import history
from malleposte_lab.launch import Plan, running_site
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD, ROOT, SERVICES

SENDER = "carol@world.test"


@pytest.fixture(scope="module")
def postgres_site(lab_plan: Plan) -> Iterator[Site]:
    environment = {**lab_plan.environment, "LAB_NET": "10.213.8", "MALLEPOSTE_CONFIG": str(ROOT / "tests/lab/config/postgres")}
    files = [*lab_plan.files, ROOT / "tests/lab/compose.postgres.yaml"]
    with running_site(Plan(f"{lab_plan.name}-pg", files, SERVICES, environment)) as running:
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


SQL = """
CREATE TABLE postfix_alias (address text, target text, number integer);
INSERT INTO postfix_alias VALUES ('a@example.test', 'x@example.test', 1), ('a@example.test', 'y@example.test', 2), ('b@example.test', NULL, 3),
    ('o''brien@example.test', 'back\\slash', 4), ('ü@example.test', 'ue', NULL), ('plain', 'never', 5);
"""
KEYS = "a@example.test\nA@EXAMPLE.test\nb@example.test\no'brien@example.test\nü@example.test\nplain\nnobody@example.test\nx\\'y@example.test\n"


def test_pgsql_table_answers_as_postmap_does(postgres_site: Site) -> None:
    password = (ROOT / "tests/lab/config/postgres/password").read_text().strip()
    login = f"dbname=malleposte user=malleposte host=127.0.0.1 password='{password}'"
    postgres_site.project.check("postgres", "psql", "-q", login, stdin=SQL.encode())
    table = (ROOT / "tests/lab/config/postgres/tables/aliases.cf").read_bytes()
    postgres_site.project.check("client", "sh", "-c", "cat >/tmp/aliases.cf", stdin=table)
    theirs = postgres_site.project.check("client", "postmap", "-q", "-", "pgsql:/tmp/aliases.cf", stdin=KEYS.encode())
    assert postgres_site.malle("map", "query", "pgsql:aliases.cf", "-", stdin=KEYS) == theirs
    assert len(theirs.splitlines()) == 5


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
