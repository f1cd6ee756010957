"""The lab for routes out: our site, real smarthosts, scripted servers, a signed zone. One stack for all tests of this folder.

A test sends to a domain and looks at what became of it::

    def test_plain(routes, sent, taken):
        message = sent("anyone@plain.sasl.test")            # from alice, until delivered, deferred or bounced
        assert message.kind == "delivered"
        assert taken("postfix", message)["sasl_method"] == "PLAIN"

Where that domain goes is in ``tests/lab/config/routes`` (``malleposte.yaml``, ``tables/``): add transports, policies and passwords there, one
domain a test or so. The tests' copy is in ``routes_folder / "config"``: a test that changes it puts it back. ``10.213.7.`` in these files and
in the zones stands for the network of the run.

The site
    The relay leaves from ``10.213.7.20``, and has ``10.213.7.21`` to bind to. Users ``alice@example.test`` and
    ``bob@example.test`` (``PASSWORD``); ``sent(..., sender=...)`` signs in as the sender. ``/etc/malleposte/lab/`` in its containers holds
    ``ca.pem`` (the lab's CA), ``client.pem`` (key and certificate for ``relay.example.test``) and ``token`` (XOAUTH2, of the user ``USER``).
``postfix.test`` (10.213.7.30; ``postfix.two.test`` is the same), ``taken("postfix", ...)``
    25 takes from anybody. 587: STARTTLS and login. 465: TLS and login. Like 587, with one mechanism each: 5801 PLAIN, 5802 LOGIN,
    5803 CRAM-MD5, 5804 SCRAM-SHA-1, 5805 SCRAM-SHA-256, 5806 XOAUTH2. 5820: login in clear text with PLAIN LOGIN CRAM-MD5. Good
    certificate for both names. Writes down ``client``, ``helo``, ``sasl_method``, ``sasl_username``, ``from``, ``to``, the content; its own
    Received field tells of TLS.
``exim.test`` (10.213.7.31; ``exim.two.test`` is the same), ``taken("exim", ...)``
    25 takes from anybody; 587 STARTTLS and login; 465 TLS and login; PLAIN LOGIN CRAM-MD5; CHUNKING, SMTPUTF8, DSN. Good certificate.
    Writes down the same and ``tls``.
``dovecot.test`` (10.213.7.30), ``mailbox("user")``
    LMTP on port 24 and on ``/run/lmtp/dovecot`` in the relay's container, for any user.
scripted servers (``hosts.py``), ``taken("good.tls", ...)`` and ``said("good.tls")``
    ``NAME.test`` has the MX ``mx.NAME.test`` with an address, a certificate and habits of its own, on 25, 587 and 465. They write down
    ``port``, ``tls``, ``sni``, ``client_certificate``, ``sasl_method``, ``sasl_username``, ``helo``, ``commands``. The local part of a recipient
    scripts more: see ``malleposte_lab.sink``. MTA-STS policies are served for the hosts that have one; ``policy_asked`` events tell of it.
DNS
    unbound, ``test.`` is signed. ``bogus.test`` is SERVFAIL, ``insecure.test`` unsigned (at Postfix, with a wrong TLSA), ``dead.test`` does
    not answer, ``refused.test`` refuses connections, ``deadfirst.test`` has a good second MX; ``nullmx.test``, ``selfonly.test``: see
    ``tests/lab/zones/routes``.
Users of all servers
    ``USERS``, login -> password. All certificates: ``routes_folder / "certs"``; ``malleposte_lab.hosts.fingerprint`` reads one.
"""

import base64
import hmac
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from malleposte_lab.events import Event
from malleposte_lab.hosts import World, fingerprint
from malleposte_lab.launch import Plan, free_networks, running_site
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD, ROOT, SERVICES
from tests.integration.routes.hosts import HOSTS

PEERS = ["postfix", "exim", "hosts"]
USER = "user@lab.test"
USERS = {USER: "user's password", "alice": "alice's password", "bob": "bob's password", "odd": 'p:a s"s\\w€rd'}
SENDERS = ["alice@example.test", "bob@example.test"]
OUTCOMES = {"delivered", "deferred", "bounced"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was submitted, and the first thing that became of each recipient."""

    key: str
    sender: str
    events: list[Event]

    @property
    def event(self) -> Event:
        """The event of the only recipient."""
        (event,) = self.events
        return event

    @property
    def kind(self) -> str:
        """``delivered``, ``deferred`` or ``bounced``, of the only recipient."""
        return str(self.event["kind"])

    @property
    def reply(self) -> str:
        """What the event says of the server's, or our own, reply."""
        return str(self.event.get("reply", ""))


@pytest.fixture(scope="session")
def routes_folder(lab_name: str) -> Iterator[Path]:
    """The files of this run: ``config``, ``certs``, ``zones``."""
    folder = ROOT / "build/lab" / f"{lab_name}-routes"
    make_folder(folder, free_networks(1)[0])
    yield folder
    if os.environ.get("LAB_KEEP") != "yes":
        shutil.rmtree(folder)


def make_folder(folder: Path, network: str) -> None:
    """Fill a folder with the configuration, certificates, zones and users of a run on this network."""
    for name, source in {"config": "config/routes", "zones": "zones/routes"}.items():
        shutil.copytree(ROOT / "tests/lab" / source, folder / name, dirs_exist_ok=True)
    real = {name: [f"{name}.test", f"{name}.two.test"] for name in ("postfix", "exim")}
    entries = World(HOSTS, "10.213.7", USERS, folder / "certs").make(real)
    zone = folder / "zones/test.zone"
    zone.write_text(zone.read_text() + entries)
    for path in [*(folder / "config").rglob("*"), folder / "certs/hosts.json"]:
        if path.is_file():
            path.write_text(fill(path.read_text(), folder / "certs").replace("10.213.7.", f"{network}."))
    for name in ("ca.pem", "client.pem", "otherca.pem"):
        (folder / "config/lab").mkdir(exist_ok=True)
        shutil.copy(folder / "certs" / name, folder / "config/lab" / name)
    (folder / "users").write_text("".join(f"{user}:{{PLAIN}}{password}\n" for user, password in USERS.items() if ":" not in password))
    (folder / "passwords").write_text("".join(f"{user}: {password}\n" for user, password in USERS.items()))
    (folder / "config/lab/token").write_text(make_token(folder, USER) + "\n")
    (folder / "network").write_text(network)


def fill(text: str, certificates: Path) -> str:
    """``certificate(good.tls)`` and ``key(good.tls)`` become fingerprints of what that host shows."""

    def read(found: re.Match[str]) -> str:
        return fingerprint(certificates / f"{found[2]}.pem", of_key=found[1] == "key")

    return re.sub(r"\b(certificate|key)\(([a-z.-]+)\)", read, text)


def make_token(folder: Path, user: str, seconds: float = 86400) -> str:
    """A JWT (RFC 7519) for XOAUTH2 at ``postfix.test``, signed with the key that Dovecot finds in ``oauth2``."""
    path = folder / "oauth2/default/HS256/default"
    if not path.exists():
        path.parent.mkdir(parents=True)
        path.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    now = int(time.time())
    claims = {"sub": user, "username": user, "email": user, "iat": now - 60, "nbf": now - 60, "exp": int(now + seconds)}
    text = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{text}.{_base64url(hmac.digest(base64.b64decode(path.read_text()), text.encode(), 'sha256'))}"


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def routes(lab_plan: Plan, routes_folder: Path) -> Iterator[Site]:
    """The site with its two users; the events of the peers are in its log too."""
    environment = {
        **lab_plan.environment,
        "LAB_NET": (routes_folder / "network").read_text(),
        "LAB_WORLD": str(routes_folder),
        "MALLEPOSTE_CONFIG": str(routes_folder / "config"),
    }
    files = [*lab_plan.files, ROOT / "tests/lab/compose.routes.yaml"]
    services = [name for name in SERVICES if name != "pop3d"]
    with running_site(Plan(f"{lab_plan.name}-routes", files, [*services, *PEERS], environment)) as site:
        for sender in SENDERS:
            site.add_account(sender, PASSWORD)
        yield site


@pytest.fixture
def sent(routes: Site, key: str) -> Callable[..., Sent]:
    """Submit a message and wait for what becomes of every recipient: ``sent(*recipients, sender=, content=, deadline=, **options of sendmail)``."""
    numbers = iter(range(1000))

    def send(*recipients: str, sender: str = SENDERS[0], content: bytes | None = None, deadline: float = 30, **options: Any) -> Sent:
        subject = f"{key}-{next(numbers)}"
        fields = f"From: <{sender}>\r\nTo: undisclosed-recipients:;\r\nSubject: {subject}\r\nMessage-ID: <{subject}@lab.test>\r\n"
        with routes.submission(sender, PASSWORD) as client:
            client.sendmail(sender, recipients, fields.encode() + (content if content is not None else b"\r\nhello\r\n"), **options)
        accepted = routes.events.wait(kind="accepted", message_id=f"<{subject}@lab.test>")
        events = [_outcome(routes, accepted["queue_id"], recipient, deadline) for recipient in recipients]
        return Sent(subject, sender, events)

    return send


def _outcome(site: Site, queue_id: str, recipient: str, deadline: float) -> Event:
    def first() -> Event | None:
        found = site.events.matching(queue_id=queue_id, recipient=recipient, service="qmgr")
        return next((event for event in found if event["kind"] in OUTCOMES), None)

    event: Event = site.events.wait_until(first, f"nothing became of {recipient} in {queue_id}", deadline)
    return event


@pytest.fixture
def taken(routes: Site) -> Callable[..., Event]:
    """What a server wrote down of a message, ``content`` as bytes: ``taken("postfix", sent_message)``; waits until it is there."""

    def find(peer: str, message: Sent, deadline: float = 15) -> Event:
        event = routes.events.wait(deadline, kind="taken", peer=peer, subject=message.key)
        return {**event, "content": base64.b64decode(event["content"])}

    return find


@pytest.fixture
def said(routes: Site) -> Callable[..., list[str]]:
    """The lines that clients have said to a scripted server, all so far: ``said("good.tls")``."""
    return lambda peer: [event["line"] for event in routes.events.matching(kind="said", peer=peer)]


@pytest.fixture
def mailbox(routes: Site) -> Callable[[str], list[bytes]]:
    """The messages that Dovecot has of a user (by LMTP: of the address)."""

    def read(user: str) -> list[bytes]:
        script = f"for f in /var/mail/{user}/new/*; do [ -e $f ] && base64 -w0 $f && echo; done"
        return [base64.b64decode(line) for line in routes.project.execute("postfix", "sh", "-c", script).out.splitlines()]

    return read
