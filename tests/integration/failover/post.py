"""The mail of one test: sent by any way, waited for, and judged by the history checker."""

import time
from dataclasses import dataclass, field

from malleposte_lab.checker import History, Judgement, judge
from malleposte_lab.events import Event
from malleposte_lab.history import Workload
from malleposte_lab.twosites import TwoSites
from tests.integration.conftest import PASSWORD

CAROL = "carol@world.test"
SECONDS = 120.0
"""A deadline that a machine with twenty busy programs a core keeps."""


@dataclass
class Post:
    """``key`` begins the key of each message."""

    lab: TwoSites
    key: str
    workload: Workload = field(default_factory=Workload)
    sent: list[str] = field(default_factory=list)
    """The keys so far."""

    def __post_init__(self) -> None:
        self._began = time.time()
        self._first_fault = len(self.lab.faults.history)

    def send(self, way: str, *recipients: str, count: int = 1, sender: str = CAROL) -> list[str]:
        """Send messages by ``primary`` or ``backup`` (their MX), a ``user`` there, ``postfix`` or ``exim`` (who go by DNS); return their keys."""
        servers = {"primary": self.lab.primary.mx, "backup": self.lab.backup.mx, "user": lambda: self.lab.primary.submission(sender, PASSWORD)}
        keys = [f"{self.key}-{number:03}" for number in range(len(self.sent), len(self.sent) + count)]
        self.workload.run(servers.get(way, lambda: self.lab.world.server(way)), sender, list(recipients), keys)
        self.sent += keys
        return keys

    def is_accepted(self, *keys: str) -> bool:
        """Whether all of them got ``250``."""
        return {key for key, _ in self.workload.accepted}.issuperset(keys)

    def event(self, key: str, **facts: str) -> Event:
        """Wait for an event of a message."""
        return self.lab.events.wait(SECONDS, message_id=f"<{key}@lab.test>", **facts)

    def events(self, *keys: str, **facts: str) -> list[Event]:
        """The events so far of some messages, all without ``keys``."""
        names = {f"<{key}@lab.test>" for key in keys or self.sent}
        return [event for event in self.lab.events.matching(**facts) if event.get("message_id") in names]

    def wait_for_all(self, **facts: str) -> None:
        """Wait until each accepted message has such an event."""
        for key in sorted({key for key, _ in self.workload.accepted}):
            self.event(key, **facts)

    def arrive(self) -> None:
        """Wait until all that was accepted is in the mailboxes of the primary."""
        self.wait_for_all(kind="stored", site="primary")

    def judge(self) -> Judgement:
        """What came of it all, with carol's mailbox for what was returned to her."""
        recipients = {recipient for _, recipient in self.workload.accepted}
        boxes = {address: self.lab.primary.messages(address, PASSWORD) for address in recipients if address.endswith("@example.test")}
        boxes |= self.lab.sunk(address for address in recipients if address.endswith("@sink.test"))
        boxes[CAROL] = self.returned()
        faults = self.lab.faults.periods(self._first_fault)
        events = [event for event in self.lab.events.matching() if float(event.get("time", 0.0)) >= self._began]
        return judge(History(self.workload, boxes, events, faults, self.lab.parties.by_address("world")))

    def returned(self) -> list[bytes]:
        """What is in the mailbox of carol that has to do with this mail."""
        return [content for content in self.lab.world.carol() if self.key.encode() in content]
