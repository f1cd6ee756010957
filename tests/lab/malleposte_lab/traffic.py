"""Mail from several senders, by several ways, as long as it takes: the workload under faults."""

import random
import smtplib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from malleposte_lab.history import Workload
from malleposte_lab.twosites import TwoSites

PAUSE_SECONDS = 0.15
"""Between two messages of one sender: some 20 messages a second in all, which two cores carry beside the faults."""
REST_SECONDS = 0.5
"""After a connection that was not made."""
LARGEST_BODY = 4000
CAROL = "carol@world.test"
SINK = "someone@sink.test"
REFUSED = "refuse-550@sink.test"
LATER = "first-451-1-{key}@sink.test"
"""Put off once: the other recipients of the message have it by then, and must not get it again."""


@dataclass(frozen=True, slots=True)
class Users:
    """Mailboxes at the primary site, made for one run, and the password of all."""

    alice: str
    bob: str
    password: str


@dataclass(slots=True)
class Sender:
    """One sender: how it connects (the first way that answers is used), who it is, and to whom it writes; ``{key}`` stands for the message's."""

    name: str
    ways: Sequence[Callable[[], smtplib.SMTP]]
    address: str
    recipients: Sequence[Sequence[str]]


@dataclass(slots=True)
class Traffic:
    """All senders, each in a thread of its own, between ``start`` and ``stop``."""

    lab: TwoSites
    users: Users
    seed: int
    run: str
    """A word that begins all keys of this run."""
    workload: Workload = field(default_factory=Workload)
    _end: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def senders(self) -> list[Sender]:
        """Clients of the world who know both MX, foreign servers that go by DNS, and a user of the site."""
        lab, alice, bob = self.lab, self.users.alice, self.users.bob
        here = [[alice], [bob], [alice, bob]]
        to = [[bob], [CAROL], [SINK], [REFUSED], [bob, SINK], [bob, LATER]]
        return [
            Sender("direct", [lab.primary.mx, lab.backup.mx], CAROL, here),
            Sender("second", [lab.backup.mx, lab.primary.mx], CAROL, here),
            Sender("postfix", [lambda: lab.world.server("postfix")], CAROL, here),
            Sender("exim", [lambda: lab.world.server("exim")], CAROL, here),
            Sender("user", [lambda: lab.primary.submission(alice, self.users.password)], alice, to),
        ]

    def start(self) -> None:
        """Let everybody send."""
        for number, sender in enumerate(self.senders()):
            rng = random.Random(f"{self.seed} {number}")
            self._threads.append(threading.Thread(target=self._send, args=(sender, rng), daemon=True))
            self._threads[-1].start()

    def stop(self) -> None:
        """Let everybody finish the message in hand."""
        self._end.set()
        for thread in self._threads:
            thread.join(120)

    def _send(self, sender: Sender, rng: random.Random) -> None:
        client: smtplib.SMTP | None = None
        number = 0
        while not self._end.wait(PAUSE_SECONDS if client else REST_SECONDS):
            client = client or self._connect(sender)
            if client is None:
                continue
            number += 1
            body = rng.randbytes(rng.randint(1, LARGEST_BODY // 2)).hex(" ", 30).replace(" ", "\r\n").encode() + b"\r\n"
            key = f"{self.run}-{sender.name}-{number}"
            recipients = [address.format(key=key) for address in rng.choice(sender.recipients)]
            usable = self.workload.send(client, sender.address, recipients, key, body)
            if not usable or rng.random() < 0.2:
                client.close()
                client = None
        if client is not None:
            client.close()

    def _connect(self, sender: Sender) -> smtplib.SMTP | None:
        for way in sender.ways:
            try:
                return way()
            except (OSError, smtplib.SMTPException):
                continue
        return None
