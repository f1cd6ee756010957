"""The page for users tells the truth."""

import re
from pathlib import Path

import pytest

from services.pop3d.session import Offer, Say, Session

PAGE = (Path(__file__).resolve().parents[3] / "docs/protocols.md").read_text()
POP3 = PAGE.partition("## POP3")[2]
OFFER = Offer("mail.example.test", lambda: ("PLAIN",), login_delay_seconds=900)
VALUES = ("SASL", "IMPLEMENTATION", "LOGIN-DELAY")
"""Capabilities whose arguments differ by site."""


@pytest.mark.parametrize("is_tls", [False, True], ids=["clear", "tls"])
def test_page_has_every_capability(is_tls: bool) -> None:
    said = Session(OFFER, is_tls=is_tls).line(b"CAPA")
    assert isinstance(said, Say)
    lines = said.text.decode().split("\r\n")[1:-2]
    names = {next((name for name in VALUES if line.startswith(name)), line) for line in lines}
    assert names <= set(re.findall(r"`([^`]+)`", POP3))
