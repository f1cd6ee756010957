"""What the lab must know of this project: its Compose file, a few names, and how its mailboxes are read."""

import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest

from malleposte_lab.lab import Lab

HERE = Path(__file__).parent
SERVER, PORT = "mail", 25
PATIENCE_SECONDS = 5


@pytest.fixture(scope="session")
def lab_files() -> list[Path]:
    return [HERE / "compose.yaml"]


@pytest.fixture
def connect(lab: Lab) -> Callable[[], smtplib.SMTP]:
    """A new connection to the server; its address may be another one after a restart."""
    return lambda: smtplib.SMTP(lab.parties.addresses(SERVER)[0], PORT, "client.test", PATIENCE_SECONDS)


@pytest.fixture
def mailbox(lab: Lab) -> Callable[[], list[bytes]]:
    """The messages that the user has; here a Maildir in the container."""
    project = next(iter(lab.projects.values()))
    return lambda: [content for path, content in project.read_folder(SERVER, "/var/mail/world.test").items() if "/new/" in path]
