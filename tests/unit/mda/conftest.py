"""An mda at work on a loopback port, with a directory and mailboxes on a temporary disk."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop

from services.admin.directory import DirectoryWriter
from services.kernel.directory import MailboxFormat
from services.kernel.directory.config import DirectorySettings
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.scripts import ScriptLimits
from services.kernel.mailbox.store import MailStore
from services.kernel.spool.format import QueueFile
from services.kernel.spool.store import QueueStore, State
from services.mda.service import Mda, read_settings

CONFIGURATION = """
site: {{hostname: mail.example.test, message_size_limit: 2000000}}
directory: {{url: "sqlite:///{root}/directory.sqlite"}}
mailbox: {{root: "{root}/mail"}}
mda: {{listen: ["127.0.0.1:0"], metrics_address: "", events_directory: "{root}/events", queue_directory: "{root}/queue",
  room_directory: "{root}/room", control: "unix:{root}/control",
  defers_over_quota: {defers}, mbox: {{lock_seconds: {lock_seconds}, size_limit: {mbox_size_limit}}}}}
routing: {{mboxes: [lists, Team.2026]}}
sieve: {{before: "{root}/before", after: "{root}/after", included: "{root}/global", {sieve}}}
"""


@dataclass
class Running:
    """One mda in a thread of its own."""

    root: Path
    defers: bool = False
    mbox_size_limit: int = 0
    mbox_lock_seconds: int = 1
    sieve: str = ""
    """More settings of the section, as in a flow mapping."""
    port: int = 0
    _ready: threading.Event = field(default_factory=threading.Event)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _mda: Mda | None = None

    def start(self) -> None:
        settings = {"defers": str(self.defers).lower(), "mbox_size_limit": self.mbox_size_limit, "lock_seconds": self.mbox_lock_seconds}
        (self.root / "malleposte.yaml").write_text(CONFIGURATION.format(root=self.root, sieve=self.sieve, **settings))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._mda = mda = Mda(read_settings(self.root / "malleposte.yaml"))
        await mda.start()
        self.port = mda.ports[0]
        self._ready.set()
        await self._stop.wait()
        await mda.stop()

    def reload(self) -> None:
        """Have it read its configuration again."""
        assert self._loop is not None and self._mda is not None
        asyncio.run_coroutine_threadsafe(self._mda.reload(), self._loop).result(10)

    def stop(self) -> None:
        assert self._loop is not None and self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def inbox(self, address: str) -> list[bytes]:
        """The messages of a mailbox, as another process reads them."""
        store = MailStore(MailboxSettings(root=self.root / "mail"))
        folder = store.user(address).folder("INBOX")
        contents = [bytes(folder.content(uid)) for uid in folder.uids()]
        store.close()
        return contents

    def folder(self, address: str, name: str) -> list[tuple[bytes, frozenset[str]]]:
        """Content and flags of the messages of a folder, as another process reads them."""
        store = MailStore(MailboxSettings(root=self.root / "mail"))
        folder = store.user(address).folder(name)
        found = [(bytes(folder.content(message.uid)), message.flags) for message in folder.messages()]
        store.close()
        return found

    def script(self, address: str, source: str) -> None:
        """Make this the active script of a user."""
        store = MailStore(MailboxSettings(root=self.root / "mail"))
        scripts = store.scripts(address, ScriptLimits())
        scripts.write("main", source.encode())
        scripts.activate("main")
        store.close()

    def queued(self) -> list[tuple[QueueFile, bytes]]:
        """What is in the queue, oldest first, with the content."""
        store, state = QueueStore(self.root / "queue"), State.INCOMING
        return [(store.load(state, name), store.read_content(state, name, 0, 1 << 20)) for name in store.ids(state)]

    def log(self, address: str) -> str:
        """What a user is told of failures of his script."""
        local, _, domain = address.partition("@")
        path = self.root / "mail" / domain / local / ".dovecot.sieve.log"
        return path.read_text() if path.exists() else ""

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What it told; complete once it has answered the next command."""
        lines = (self.root / "events" / "mda.0.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["kind"] == kind]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("mail", "events", "queue/incoming", "room", "before", "after", "global"):
        (tmp_path / name).mkdir(parents=True)
    writer = DirectoryWriter(DirectorySettings.model_validate({"url": f"sqlite:///{tmp_path}/directory.sqlite"}))
    writer.prepare()
    writer.add_account("alice@example.test", "")
    writer.add_account("bob@example.test", "")
    writer.add_account("full@example.test", "", 10)
    writer.add_account("boxed@example.test", "", mailbox_format=MailboxFormat.MBOX)
    writer.add_account("tight@example.test", "", 1000, mailbox_format=MailboxFormat.MBOX)
    writer.add_account("off@example.test", "")
    writer.change_account("off@example.test", enabled=False)
    writer.close()
    return tmp_path


@pytest.fixture
def mda(root: Path) -> Iterator[Running]:
    running = Running(root)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def patient_mda(root: Path) -> Iterator[Running]:
    running = Running(root, defers=True)
    running.start()
    yield running
    running.stop()
