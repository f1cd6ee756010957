"""A running worker of imapd over a real store, and a client that says exactly what a test wants."""

import asyncio
import contextlib
import functools
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy
import trustme
import uvloop
import yaml

from services.imapd.service import Imapd, Settings
from services.kernel.directory.passwords import hash_password
from services.kernel.directory.schema import accounts, meta, metadata
from services.kernel.mailbox.records import Origin
from services.kernel.mailbox.store import MailStore

WAIT_SECONDS = 20
ALICE = "alice@example.test"
BOB = "bob@example.test"
PASSWORD = "correct horse"


class Running:
    """A worker in a thread with its own loop."""

    def __init__(self, root: Path, message_size_limit: int = 50_000_000, **settings: object) -> None:
        self.root = root
        self.client_tls = _make_certificate(root)
        _make_directory(root / "directory.sqlite")
        (root / "mail").mkdir()
        self.configuration = root / "malleposte.yaml"
        self._configure(message_size_limit, settings)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.service = self.run(self._start)
        self.port, self.tls_port = self.service.ports

    def _configure(self, message_size_limit: int, settings: dict[str, object]) -> None:
        tls = {"certificate_file": str(self.root / "cert.pem"), "key_file": str(self.root / "key.pem")}
        addresses = {"listen": ["127.0.0.1:0"], "listen_tls": ["127.0.0.1:0"], "metrics_address": "127.0.0.1:0"}
        document = {
            "sasl": settings.pop("sasl", {}),
            "site": {"hostname": "mail.example.test", "message_size_limit": message_size_limit},
            "directory": {"url": f"sqlite:///{self.root}/directory.sqlite"},
            "mailbox": {
                "root": str(self.root / "mail"),
                "share_with_anyone": settings.pop("share_with_anyone", True),
                "open_mailboxes": settings.pop("open_mailboxes", 128),
            },
            "imapd": {**addresses, "events_directory": str(self.root), "tls": tls, "failure_delay_seconds": 0, **settings},
        }
        self.configuration.write_text(yaml.safe_dump(document))

    async def _start(self) -> Imapd:
        service = Imapd(Settings(self.configuration), 0)
        await service.start()
        return service

    def run(self, work: Callable[[], Any]) -> Any:
        """Run something in the worker's loop."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(WAIT_SECONDS)

    def stop(self) -> None:
        """SIGTERM; harmless the second time."""
        if not self._loop.is_closed():
            self.run(self.service.stop)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WAIT_SECONDS)
            self._loop.close()

    def stop_soon(self) -> None:
        """SIGTERM, not waited for."""
        asyncio.run_coroutine_threadsafe(self.service.stop(), self._loop)

    def renew_certificate(self) -> None:
        """Put another certificate in place of the one in use."""
        self.client_tls = _make_certificate(self.root)

    def serial_number(self) -> object:
        """Of the certificate that a client sees now."""
        plain = socket.create_connection(("127.0.0.1", self.tls_port), WAIT_SECONDS)
        with self.client_tls.wrap_socket(plain, server_hostname="localhost") as connection:
            found = connection.getpeercert()
        return found["serialNumber"] if found else None

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of one kind so far."""
        lines = [json.loads(line) for path in self.root.glob("*.jsonl") for line in path.read_text().splitlines()]
        return [event for event in lines if event["kind"] == kind]

    def wait_for_event(self, kind: str) -> dict[str, Any]:
        """Return the first event of a kind, once it is there."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := self.events(kind)):
            assert time.monotonic() < deadline, f"no event {kind}"
        return found[0]

    @contextlib.contextmanager
    def without_directory(self) -> Iterator[None]:
        """The database is not there for a while."""
        path, aside = self.root / "directory.sqlite", self.root / "aside"
        path.rename(aside)
        yield
        aside.rename(path)

    def add_accounts(self, addresses: Sequence[str]) -> None:
        """Accounts like Bob's."""
        engine = sqlalchemy.create_engine(f"sqlite:///{self.root}/directory.sqlite")
        with engine.begin() as connection:
            row = connection.execute(sqlalchemy.select(accounts).where(accounts.c.address == BOB)).mappings().one()
            connection.execute(sqlalchemy.insert(accounts), [{**row, "address": address} for address in addresses])
        engine.dispose()

    def limit(self, address: str, quota_bytes: int, quota_messages: int = 0) -> None:
        """Give a user a quota."""
        engine = sqlalchemy.create_engine(f"sqlite:///{self.root}/directory.sqlite")
        with engine.begin() as connection:
            connection.execute(
                sqlalchemy.update(accounts).where(accounts.c.address == address).values(quota_bytes=quota_bytes, quota_messages=quota_messages)
            )
        engine.dispose()

    def remove(self, address: str) -> None:
        """Take a user's account away; his mail stays."""
        engine = sqlalchemy.create_engine(f"sqlite:///{self.root}/directory.sqlite")
        with engine.begin() as connection:
            connection.execute(sqlalchemy.delete(accounts).where(accounts.c.address == address))
        engine.dispose()

    def deliver(self, address: str, message: bytes) -> None:
        """Add a message as another process does: through a store of its own on the same mailboxes."""
        store = MailStore(Settings(self.configuration).mailbox)
        with contextlib.closing(store), contextlib.closing(store.draft()) as draft:
            draft.write(message)
            store.user(address).folder("INBOX").append(draft, Origin())

    @contextlib.contextmanager
    def client(self, *, tls: bool = True) -> Iterator["Client"]:
        """Connect."""
        with socket.create_connection(("127.0.0.1", self.tls_port if tls else self.port), WAIT_SECONDS) as plain:
            connection = self.client_tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
            with contextlib.closing(connection):
                client = Client(connection)
                with contextlib.closing(client):
                    client.greeting = client.line()
                    yield client

    @contextlib.contextmanager
    def signed_in(self, login: str = ALICE, *, select: str = "") -> Iterator["Client"]:
        """Connect by TLS, sign in, and select a folder if one is named."""
        with self.client() as client:
            assert client.ask(f'LOGIN {login} "{PASSWORD}"')[-1].startswith(b"OK")
            if select:
                assert client.ask(f"SELECT {select}")[-1].startswith(b"OK")
            yield client


class Client:
    """A socket with lines and literals."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.greeting = b""
        self._reader = connection.makefile("rb")
        self.count = 0

    def close(self) -> None:
        """Give the reader back; the socket is the maker's."""
        self._reader.close()

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def line(self) -> bytes:
        """The next reply with its literals, without the line end; empty when the server has closed."""
        text = self._reader.readline()
        while found := re.search(rb"\{(\d+)\}\r\n\Z", text):
            text += self._reader.read(int(found[1])) + self._reader.readline()
        return text.removesuffix(b"\r\n")

    def ask(self, command: str | bytes) -> list[bytes]:
        """Say a command and return all replies up to the tagged one, that without its tag."""
        self.count += 1
        tag = b"t%d" % self.count
        self.send(tag + b" " + (command.encode() if isinstance(command, str) else command) + b"\r\n")
        return self.replies(tag)

    def replies(self, tag: bytes) -> list[bytes]:
        """All replies up to the tagged one, that without its tag."""
        found = [self.line()]
        while found[-1] and not found[-1].startswith(tag + b" "):
            found.append(self.line())
        return [*found[:-1], found[-1].removeprefix(tag + b" ")]

    def append(self, folder: str, message: bytes, more: str = "") -> bytes:
        """APPEND with a literal that is not waited for; return the tagged reply."""
        return self.ask(f"APPEND {folder} {more}{{{len(message)}+}}\r\n".encode() + message)[-1]

    def half_close(self) -> None:
        """Say nothing more, and still listen."""
        self.connection.shutdown(socket.SHUT_WR)

    def upgrade(self, context: ssl.SSLContext) -> "Client":
        """Begin TLS on this connection."""
        return Client(context.wrap_socket(self.connection, server_hostname="localhost"))


def _make_certificate(root: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1", common_name="localhost")
    certificate.private_key_pem.write_to_path(root / "key.pem")
    (root / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    authority.cert_pem.write_to_path(root / "ca.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@functools.cache
def _hash() -> str:
    return hash_password(PASSWORD)  # takes long by design: once is enough


def _make_directory(path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    rows = [{"address": address, "password_hash": _hash(), "created": 0.0, "enabled": True} for address in (ALICE, BOB)]
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(sqlalchemy.insert(meta).values(one=1, schema_version=1, generation=1))
        connection.execute(sqlalchemy.insert(accounts), [{**row, "quota_bytes": 0, "quota_messages": 0} for row in rows])
    engine.dispose()
