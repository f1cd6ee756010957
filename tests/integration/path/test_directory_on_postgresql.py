"""The same site with its directory on PostgreSQL: accounts, aliases and logins work, and a lost database is a temporary trouble."""

import imaplib
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from malleposte_lab import history
from malleposte_lab.events import EventLog
from malleposte_lab.project import Project
from malleposte_lab.site import PORTS, Site
from tests.integration.conftest import PASSWORD, ROOT, SERVICES

SENDER = "carol@world.test"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def postgres_site(lab_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    files = [ROOT / "compose.yaml", ROOT / "tests/lab/compose.lab.yaml", ROOT / "tests/lab/compose.postgres.yaml"]
    ports = {name: free_port() for name in PORTS}
    environment = {f"MALLEPOSTE_PORT_{name}": str(port) for name, port in ports.items()}
    environment |= {"LAB_NET": "10.213.8", "MALLEPOSTE_CONFIG": str(ROOT / "tests/lab/config/postgres"), "MALLEPOSTE_HEALTH_INTERVAL": "1s"}
    project = Project(f"{lab_name}-pg", files, environment)
    try:
        started = project.compose("up", "-d", "--wait", "--wait-timeout", "180", seconds=300)
        if started.status != 0:
            project.save_logs(Path("build/lab") / project.name)
        assert started.status == 0, started.err.decode(errors="replace")[-3000:]
        log = EventLog(project, SERVICES)
        yield Site(project, log, ports)
        log.close()
    finally:
        project.compose("down", "--volumes", "--timeout", "2", seconds=300)


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
