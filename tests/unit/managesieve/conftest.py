"""A managesieve at work on a loopback port, with a directory and homes on a temporary disk."""

import asyncio
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from services.admin.directory import DirectoryWriter
from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.passwords import hash_password
from services.managesieve.service import Managesieve, read_settings

ALICE, PASSWORD = "alice@example.test", "correct horse"
WAIT_SECONDS = 20
CONFIGURATION = """
site: {{hostname: mail.example.test}}
directory: {{url: "sqlite:///{root}/directory.sqlite"}}
mailbox: {{root: "{root}/mail"}}
sieve: {{scripts: 3, script_bytes: 2000, forbidden_extensions: [editheader], included: "{root}"}}
managesieve:
  listen: ["127.0.0.1:0"]
  metrics_address: ""
  events_directory: "{root}"
  failure_delay_seconds: 0
  failed_login_limit: 2
  error_limit: 5
  session_limit: 3
  sessions_per_user: 2
  tls: {{certificate_file: "{root}/cert.pem", key_file: "{root}/key.pem"}}
"""


class Running:
    """The worker in a thread with its own loop."""

    def __init__(self, root: Path, more: str = "") -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(root / "key.pem")
        (root / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        (root / "malleposte.yaml").write_text(CONFIGURATION.format(root=root) + more)
        self.client_tls = ssl.create_default_context()
        authority.configure_trust(self.client_tls)
        authority.cert_pem.write_to_path(root / "ca.pem")
        self.root = root
        self.home = root / "mail" / "example.test" / "alice"
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._service = self.run(self._start())
        ((_, self.port),) = self._service.addresses()

    async def _start(self) -> Managesieve:
        service = Managesieve(read_settings(self.root / "malleposte.yaml"))
        await service.start()
        return service

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the worker's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)

    def stop(self) -> None:
        """SIGTERM; harmless the second time."""
        if not self._loop.is_closed():
            self.run(self._service.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WAIT_SECONDS)
            self._loop.close()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of this kind so far."""
        lines = (self.root / "managesieve.0.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["kind"] == kind]

    @contextlib.contextmanager
    def client(self) -> Iterator["Client"]:
        """Connect in clear text, the greeting read."""
        with socket.create_connection(("127.0.0.1", self.port), WAIT_SECONDS) as connection:
            client = Client(connection, self.client_tls)
            with contextlib.closing(client):
                yield client

    @contextlib.contextmanager
    def encrypted(self) -> Iterator["Client"]:
        """Connect and begin TLS."""
        with self.client() as client:
            client.read()
            client.start_tls()
            yield client

    @contextlib.contextmanager
    def signed_in(self) -> Iterator["Client"]:
        """Connect, begin TLS and sign in."""
        with self.encrypted() as client:
            assert client.say('AUTHENTICATE "PLAIN" "AGFsaWNlQGV4YW1wbGUudGVzdABjb3JyZWN0IGhvcnNl"') == ['OK "signed in"']
            yield client


class Client:
    """A socket with lines: what comes is read up to the reply."""

    def __init__(self, connection: socket.socket, tls: ssl.SSLContext) -> None:
        self.connection = connection
        self._tls = tls
        self._reader = connection.makefile("rb")

    def close(self) -> None:
        self._reader.close()

    def send(self, text: str) -> None:
        self.connection.sendall(text.encode())

    def line(self) -> str:
        return self._reader.readline().decode()

    def read(self) -> list[str]:
        """Lines up to the one that ends a reply, without their ends; literals have lines too."""
        lines = []
        while line := self.line():
            lines.append(line.removesuffix("\r\n"))
            if line.startswith(("OK", "NO", "BYE")) and not line.endswith("}\r\n"):
                break
            if line.startswith(("OK", "NO", "BYE")):
                lines.append(self._literal(line))
                break
        return lines

    def _literal(self, line: str) -> str:
        text = self._reader.read(int(line[line.rindex("{") + 1 : line.rindex("}")])).decode()
        assert self.line() == "\r\n"
        return text

    def say(self, text: str) -> list[str]:
        """Send a command and read the reply."""
        self.send(f"{text}\r\n")
        return self.read()

    def start_tls(self) -> list[str]:
        """Begin TLS; returns the capabilities of then."""
        assert self.say("STARTTLS") == ['OK "begin TLS"']
        self._reader.close()
        self.connection = self._tls.wrap_socket(self.connection, server_hostname="localhost")
        self._reader = self.connection.makefile("rb")
        return self.read()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    writer = DirectoryWriter(DirectorySettings.model_validate({"url": f"sqlite:///{tmp_path}/directory.sqlite"}))
    writer.prepare()
    writer.add_account(ALICE, hash_password(PASSWORD))
    writer.close()
    return tmp_path


@pytest.fixture
def managesieve(root: Path) -> Iterator[Running]:
    running = Running(root)
    yield running
    running.stop()


@pytest.fixture
def hasty_managesieve(root: Path) -> Iterator[Running]:
    """One that waits no second for the sign-in, and longer than any test in the midst of a command."""
    running = Running(root, "  login_seconds: 0.5\n  stall_seconds: 600\n")
    yield running
    running.stop()


@pytest.fixture
def impatient_managesieve(root: Path) -> Iterator[Running]:
    """One that soon has had enough of a user's command, and that waits longer than any test when nothing comes."""
    running = Running(root, "  upload_seconds: 0.2\n  stall_seconds: 600\n")
    yield running
    running.stop()
