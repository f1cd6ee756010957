"""A running worker of pop3d, and a client that says exactly what a test wants."""

import asyncio
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import trustme
import uvloop

from services.kernel.directory import DirectorySettings
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.store import MailStore
from services.kernel.runtime.config import Site
from services.kernel.runtime.tls import ServerTls
from services.kernel.sasl import SaslSettings
from services.pop3d.config import Pop3dSettings
from services.pop3d.service import Pop3d, Settings
from tests.unit.pop3d.shelf import ListedAccounts

WAIT_SECONDS = 20


class Running:
    """A worker in a thread with its own loop."""

    def __init__(self, root: Path, store: MailStore, accounts: ListedAccounts, **settings: object) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(root / "key.pem")
        (root / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        self.client_tls = ssl.create_default_context()
        authority.configure_trust(self.client_tls)
        self._root = root
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._service = self.run(self._start(store, accounts, settings))
        self.port, self.tls_port = (port for _, port in self._service.addresses())

    async def _start(self, store: MailStore, accounts: ListedAccounts, more: dict[str, object]) -> Pop3d:
        tls = ServerTls(certificate_file=self._root / "cert.pem", key_file=self._root / "key.pem")
        ours = {"listen": ["127.0.0.1:0"], "listen_tls": ["127.0.0.1:0"], "metrics_address": "", "events_directory": self._root, "tls": tls}
        section = Pop3dSettings.model_validate({**ours, "failure_delay_seconds": 0, **more})
        site = Site.model_validate({"hostname": "mail.example.test"})
        settings = Settings(site, section, MailboxSettings.model_validate({}), DirectorySettings.model_validate({}), SaslSettings())
        service = Pop3d(settings, store, accounts)
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

    def events(self) -> list[dict[str, Any]]:
        """All events so far."""
        return [json.loads(line) for path in self._root.glob("*.jsonl") for line in path.read_text().splitlines()]

    def event(self, kind: str) -> dict[str, Any]:
        """The only event of this kind."""
        (found,) = [event for event in self.events() if event["kind"] == kind]
        return found

    @contextlib.contextmanager
    def client(self, *, tls: bool = True) -> Iterator["Client"]:
        """Connect."""
        with socket.create_connection(("127.0.0.1", self.tls_port if tls else self.port), WAIT_SECONDS) as plain:
            connection = self.client_tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
            with contextlib.closing(connection):
                client = Client(connection)
                with contextlib.closing(client):
                    assert client.line().startswith(b"+OK")
                    yield client

    @contextlib.contextmanager
    def signed_in(self, login: str = "alice@example.test") -> Iterator["Client"]:
        """Connect by TLS and sign in."""
        with self.client() as client:
            assert client.ask(f"USER {login}").startswith(b"+OK")
            assert client.ask("PASS correct horse").startswith(b"+OK")
            yield client


class Client:
    """A socket with lines."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._reader = connection.makefile("rb")

    def close(self) -> None:
        """Let the socket go: it stays open while someone reads from it."""
        self._reader.close()

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def line(self) -> bytes:
        """The next line; empty when the server has closed."""
        return self._reader.readline()

    def ask(self, command: str) -> bytes:
        """Say a command and return the first line of the answer."""
        self.send(command.encode() + b"\r\n")
        return self.line()

    def ask_lines(self, command: str) -> bytes:
        """Say a command and return the whole of a multi-line answer as on the wire."""
        self.send(command.encode() + b"\r\n")
        lines = [self.line()]
        while lines[-1] not in (b".\r\n", b""):
            lines.append(self.line())
        return b"".join(lines)

    def upgrade(self, context: ssl.SSLContext) -> "Client":
        """Begin TLS on this connection."""
        return Client(context.wrap_socket(self.connection, server_hostname="localhost"))
