"""malle relay test, against a relay that answers from a list."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.wire.channel import listen
from services.kernel.wire.delivery import NextHop, Protocol, Request, Response, Server, TrialRequest, TrialResponse, TrialStep
from tests.unit.admin.conftest import Malle

CONFIG = """
site: {hostname: me.test, postmaster: postmaster@here.test}
admin: {relay: "unix:%s/relay"}
routing:
  relayhost: provider.test
  sender_dependent_authentication: true
  transports:
    own: {sender_dependent_authentication: false}
    boxes: {program: lmtp}
"""
GOOD = TrialStep("mx.test[192.0.2.1]:25", "EHLO", 0.0012, True, ["250-mx.test", "250 SIZE"])
BAD = TrialStep("mx.test[192.0.2.1]:25", "RCPT", 0.5, False, ["550 5.1.1 nobody"])


class Relay:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[TrialRequest] = []
        self.steps = [GOOD]

    async def answer(self, request: Request) -> Response:
        assert isinstance(request, TrialRequest)
        self.asked.append(request)
        return TrialResponse(self.steps)


@pytest.fixture
def relay(folder: Path) -> Iterator[Relay]:
    """A relay in a thread of its own."""
    (folder / "malleposte.yaml").write_text(CONFIG % folder)
    made, ready, loop = Relay(), threading.Event(), asyncio.new_event_loop()

    def serve() -> None:
        server = loop.run_until_complete(listen(f"unix:{folder}/relay", Request, made.answer, lambda defect: None))  # type: ignore[arg-type]  # a union is a type to msgspec
        ready.set()
        loop.run_forever()
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(10)
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_steps_are_printed_under_their_server(malle: Malle, relay: Relay) -> None:
    told = malle("relay", "test", "d.test")
    assert told.status == 0
    assert told.out.splitlines() == [
        "mx.test[192.0.2.1]:25",
        "  ok         1.2 ms  EHLO      250-mx.test",
        "                               250 SIZE",
    ]


def test_step_that_failed_is_exit_status_1(malle: Malle, relay: Relay) -> None:
    relay.steps = [GOOD, BAD]
    told = malle("relay", "test", "d.test")
    assert (told.status, told.out.splitlines()[-1]) == (1, "  FAILED   500.0 ms  RCPT      550 5.1.1 nobody")


def test_json_has_every_step(malle: Malle, relay: Relay) -> None:
    relay.steps = [GOOD, BAD]
    told = malle("relay", "test", "--json", "d.test")
    assert told.status == 1
    assert [(step["name"], step["is_ok"]) for step in json.loads(told.out)] == [("EHLO", True), ("RCPT", False)]


@pytest.mark.parametrize(
    ("target", "nexthop", "recipient"),
    [
        ("d.test", NextHop(Protocol.SMTP, "d.test"), "postmaster@d.test"),
        ("provider.test", NextHop(Protocol.SMTP, "provider.test", is_smarthost=True, sender="ann@here.test"), "postmaster@here.test"),
        (
            "[mx.test]:587",
            NextHop(Protocol.SMTP, "mx.test", 587, is_literal=True, is_smarthost=True, sender="ann@here.test"),
            "postmaster@here.test",
        ),
        (
            "own:[a.test],[b.test]:26",
            NextHop(Protocol.SMTP, "a.test", is_literal=True, transport="own", others=(Server("b.test", 26, is_literal=True),), is_smarthost=True),
            "postmaster@here.test",
        ),
        (
            "boxes:unix:/run/lmtp",
            NextHop(Protocol.LMTP, "/run/lmtp", is_literal=True, transport="boxes", is_smarthost=True, sender="ann@here.test"),
            "postmaster@here.test",
        ),
    ],
)
def test_target_is_read_as_transport_tables_have_it(malle: Malle, relay: Relay, target: str, nexthop: NextHop, recipient: str) -> None:
    malle("relay", "test", "--from", "ann@here.test", target)
    assert relay.asked == [TrialRequest(nexthop, "ann@here.test", recipient)]


def test_recipient_and_null_sender_can_be_given(malle: Malle, relay: Relay) -> None:
    malle("relay", "test", "--from", "<>", "--to", "c@d.test", "d.test")
    malle("relay", "test", "d.test")
    assert [(asked.sender, asked.recipient) for asked in relay.asked] == [("", "c@d.test"), ("postmaster@here.test", "postmaster@d.test")]


def test_bad_target_is_a_usage_error(malle: Malle, relay: Relay) -> None:
    assert malle("relay", "test", "[open").status == 2


def test_relay_that_is_away_is_one_line(malle: Malle, folder: Path) -> None:
    (folder / "malleposte.yaml").write_text(CONFIG % folder)
    told = malle("relay", "test", "d.test")
    assert told.status == 1
    assert told.err.startswith("malle: relay cannot be reached at unix:")
