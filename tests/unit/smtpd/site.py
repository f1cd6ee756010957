"""A small site for tests: a directory, a queue and one running worker of smtpd."""

import asyncio
import sqlite3
import ssl
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
import uvloop

from services.kernel.directory.passwords import hash_password
from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.spool import format as queuefile
from services.smtpd.service import Settings, Smtpd

SCHEMA = """
CREATE TABLE meta (one INTEGER PRIMARY KEY, schema_version INTEGER, generation INTEGER);
CREATE TABLE domains (name TEXT PRIMARY KEY, class TEXT, target TEXT DEFAULT '', quota_bytes INTEGER DEFAULT 0, quota_messages INTEGER DEFAULT 0);
CREATE TABLE accounts (address TEXT PRIMARY KEY, password_hash TEXT, quota_bytes INTEGER DEFAULT 0, quota_messages INTEGER DEFAULT 0,
                       enabled INTEGER DEFAULT 1, created REAL DEFAULT 0, mailbox_format TEXT DEFAULT 'maildir');
CREATE TABLE aliases (source TEXT, position INTEGER, target TEXT, PRIMARY KEY (source, position));
INSERT INTO meta VALUES (1, 1, 1);
INSERT INTO domains (name, class, target) VALUES ('example.test', 'hosted', ''), ('passed.test', 'relay', '');
INSERT INTO aliases VALUES ('team@example.test', 0, 'alice@example.test'), ('team@example.test', 1, 'bob@example.test'),
                           ('office@example.test', 0, 'alice@example.test');
"""
PASSWORD = "correct horse"

CONFIGURATION = """
site: {{hostname: mail.example.test, message_size_limit: 1048576, postmaster: alice@example.test}}
directory: {{url: "sqlite:///{root}/directory.sqlite"}}
smtpd:
  mx: {{listen: ["127.0.0.1:0"], {common}}}
  submission: {{listen: ["127.0.0.1:0"], listen_tls: ["127.0.0.1:0"], {common}}}
"""
COMMON = """
    tls: {{certificate_file: "{root}/cert.pem", key_file: "{root}/key.pem"}}, own_addresses: ["192.0.2.25"], queue_minfree: 1,
    metrics_address: "127.0.0.1:0", queue_directory: "{root}/queue", events_directory: "{root}/events", error_delay_seconds: 0, {more}
"""


@dataclass(frozen=True, slots=True)
class Queued:
    """One message in the queue."""

    envelope: Envelope
    recipients: list[Recipient]
    content: bytes


class Site:
    """Owns a folder with all that smtpd needs; ``start`` runs a worker in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.routing = ""
        """The settings of this section."""
        for name in ("queue/incoming", "events"):
            (root / name).mkdir(parents=True)
        with sqlite3.connect(root / "directory.sqlite") as directory:
            directory.executescript(SCHEMA)
            accounts = [(f"{name}@example.test", hash_password(PASSWORD)) for name in ("alice", "bob")]
            directory.executemany("INSERT INTO accounts (address, password_hash) VALUES (?, ?)", accounts)
        authority = trustme.CA()
        certificate = authority.issue_cert("mail.example.test", "localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(root / "key.pem")
        (root / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        self.client_tls = ssl.create_default_context()
        authority.configure_trust(self.client_tls)

    def start(self, role: str, **settings: object) -> "Running":
        """Start a worker; ``settings`` are added to its section."""
        more = ", ".join(f"{key}: {value}" for key, value in settings.items())
        common = COMMON.format(root=self.root, more=more)
        path = self.root / "malleposte.yaml"
        path.write_text(CONFIGURATION.format(root=self.root, common=common) + f"routing: {{{self.routing}}}\n")
        return Running(self, role, path)

    def queued(self) -> list[Queued]:
        """The messages in the queue, oldest first."""
        return [self._read(path) for path in sorted((self.root / "queue/incoming").iterdir())]

    def _read(self, path: Path) -> Queued:
        data = path.read_bytes()
        layout = queuefile.parse_layout(data[: queuefile.HEAD_BYTES])
        file = queuefile.parse(layout, data[: layout.content_offset], len(data))
        return Queued(file.envelope, list(file.recipients), data[layout.content_offset :])

    def add_domain(self, *names: str, domain_class: str = "relay") -> None:
        """Domains that are passed on."""
        with sqlite3.connect(self.root / "directory.sqlite") as directory:
            rows = [(name, domain_class) for name in names]
            directory.executemany("INSERT INTO domains (name, class, target) VALUES (?, ?, '')", rows)

    def events(self) -> str:
        """All events so far, as text."""
        return "".join(path.read_text() for path in (self.root / "events").iterdir())


class Running:
    """A worker in a thread with its own loop."""

    def __init__(self, site: Site, role: str, path: Path) -> None:
        self.site = site
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._service = self.run(self._start(role, path))
        self.port = self._service.ports[0]
        self.tls_port = self._service.ports[-1]

    @staticmethod
    async def _start(role: str, path: Path) -> Smtpd:
        service = Smtpd(role, Settings(role, path), 0)
        await service.start()
        return service

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do this in the worker's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def reload(self) -> None:
        """SIGHUP."""
        self.run(self._service.reload())

    def stop(self) -> None:
        """SIGTERM."""
        if not self._loop.is_closed():
            self.run(self._service.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(20)
            self._loop.close()
