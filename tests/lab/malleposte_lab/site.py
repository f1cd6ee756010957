"""A mail site as its users and its operator see it."""

import imaplib
import json
import poplib
import smtplib
import ssl
from typing import Any

from malleposte_lab.events import EventLog
from malleposte_lab.project import Finished, Project

PORTS = {
    "MX": 25,
    "SUBMISSION": 587,
    "SUBMISSIONS": 465,
    "IMAP": 143,
    "IMAPS": 993,
    "POP3": 110,
    "POP3S": 995,
    "SIEVE": 4190,
    "PANEL": 8080,
}
"""The names of the published ports and the ports behind them."""
CLIENT_SECONDS = 30.0
"""A client that waits longer for a reply has found a fault."""


class Site:
    """One site: its operator's command, its ports on this machine, and clients that trust its CA."""

    def __init__(self, project: Project, events: EventLog, ports: dict[str, int], host: str = "127.0.0.1") -> None:
        self.project = project
        self.events = events
        self.ports = ports
        self.host = host
        self._context: ssl.SSLContext | None = None

    def malle(self, *words: str, stdin: str | None = None) -> str:
        """Run ``malle WORDS`` in the admin container; it must succeed. Returns what it printed."""
        return self.project.check("admin", "malle", *words, stdin=stdin.encode() if stdin else None)

    def try_malle(self, *words: str, stdin: str | None = None) -> Finished:
        """Run ``malle WORDS``; any exit status is returned."""
        return self.project.execute("admin", "malle", *words, stdin=stdin.encode() if stdin else None)

    def malle_json(self, *words: str) -> Any:
        """Run ``malle WORDS --json`` and return the value it printed."""
        return json.loads(self.malle(*words, "--json"))

    def add_account(self, address: str, password: str, *words: str) -> None:
        """Make a mailbox."""
        self.malle("account", "add", address, "--password-stdin", *words, stdin=f"{password}\n")

    @property
    def tls(self) -> ssl.SSLContext:
        """A client context that trusts the site's own CA and nothing else; the name is not checked: we connect to 127.0.0.1."""
        if self._context is None:
            ca = self.project.read_file("mx", "/certs/ca.pem").decode()
            self._context = ssl.create_default_context(cadata=ca)
            self._context.check_hostname = False
        return self._context

    def mx(self) -> smtplib.SMTP:
        """A client of the world at the MX."""
        return smtplib.SMTP(self.host, self.ports["MX"], "client.world.test", CLIENT_SECONDS)

    def submission(self, login: str, password: str) -> smtplib.SMTP:
        """A signed-in user at submission."""
        client = smtplib.SMTP(self.host, self.ports["SUBMISSION"], "laptop.example.test", CLIENT_SECONDS)
        client.starttls(context=self.tls)
        client.login(login, password)
        return client

    def imap(self, login: str, password: str) -> imaplib.IMAP4_SSL:
        """A signed-in IMAP client over implicit TLS."""
        client = imaplib.IMAP4_SSL(self.host, self.ports["IMAPS"], ssl_context=self.tls, timeout=CLIENT_SECONDS)
        client.login(login, password)
        return client

    def pop3(self, login: str, password: str) -> poplib.POP3_SSL:
        """A signed-in POP3 client over implicit TLS."""
        client = poplib.POP3_SSL(self.host, self.ports["POP3S"], timeout=CLIENT_SECONDS, context=self.tls)
        client.user(login)
        client.pass_(password)
        return client

    def messages(self, login: str, password: str, folder: str = "INBOX") -> list[bytes]:
        """The whole content of every message of a folder, read by IMAP in batches."""
        client = self.imap(login, password)
        try:
            _, (count,) = client.select(folder, readonly=True)
            found: list[bytes] = []
            for first in range(1, int(count or 0) + 1, 200):
                _, parts = client.fetch(f"{first}:{min(first + 199, int(count or 0))}", "(BODY.PEEK[])")
                found += [part[1] for part in parts if isinstance(part, tuple)]
            return found
        finally:
            client.logout()
