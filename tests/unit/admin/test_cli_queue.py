"""malle queue, against a qmgr that answers from a list."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mail.envelope import Client, Envelope, Recipient
from services.kernel.wire import control
from services.kernel.wire.channel import listen
from services.kernel.wire.control import Entry, RecipientEntry, Request, Response
from tests.unit.admin.conftest import Malle

ID, OTHER = "0123456789BCDF", "1123456789BCDF"
CONTENT = b"Subject: x\r\n\r\n\xff\x00 raw \r\n"


def entry(queue_id: str, state: str = "deferred") -> Entry:
    waiting = [RecipientEntry("bob@sink.test", "smtp:sink.test", "451 4.7.1 later\nplease")]
    return Entry(queue_id, state, "", 1_700_000_000.0, 2048, "t", "<m@x>", "192.0.2.1", 1_700_000_600.0, waiting)


class Qmgr:
    """Remembers what it was asked. Two pages of one message each."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        match request:
            case control.List(after=""):
                return control.Listing([entry(ID)], more=True)
            case control.List():
                return control.Listing([entry(OTHER, "hold")])
            case control.Show(queue_id=queue_id) | control.Cat(queue_id=queue_id) if queue_id != ID:
                return control.Failed("no such message")
            case control.Show():
                envelope = Envelope(ID, "t", "", 1_700_000_000.0, "<m@x>", client=Client("192.0.2.1", "host.test"))
                done = [(Recipient("carol@sink.test", "carol@sink.test"), "delivered")]
                history = [control.Attempt(1_700_000_001.0, "bob@sink.test", "deferred", "451 4.7.1 later", "mx.sink.test[192.0.2.9]:25")]
                return control.Shown(entry(ID), envelope, [Recipient("bob@sink.test", "bob@sink.test")], done, history, DIALOGUES)
            case control.Cat(offset=offset):
                return control.Content(CONTENT[offset : offset + 10])
            case control.Stat():
                site = control.Site("smtp:sink.test", 3, 1, 5, 4_000_000_000.0, "451 4.4.1 refused")
                return control.Stats({"active": 0, "deferred": 2}, {"active": 0.0, "deferred": 90_061.0}, [site])
            case _:
                return control.Done(0 if getattr(request, "selection").ids == [OTHER] else 2)  # noqa: B009  # a union of verbs


DIALOGUES = [
    control.Dialogue(1_700_000_000.0, "smtp:sink.test", f"mx{number}.sink.test", ["C: DATA", f"S: 451 4.7.1 later {number}"]) for number in range(4)
]


@pytest.fixture
def qmgr(folder: Path) -> Iterator[Qmgr]:
    """A qmgr in a thread of its own."""
    made, ready, loop = Qmgr(), threading.Event(), asyncio.new_event_loop()

    def serve() -> None:
        server = loop.run_until_complete(listen(f"unix:{folder}/qmgr", Request, made.answer, lambda defect: None))  # type: ignore[arg-type]  # a union is a type to msgspec
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


def test_list_prints_every_page_one_line_a_message(malle: Malle, qmgr: Qmgr) -> None:
    header, first, second = malle("queue", "list").out.splitlines()
    assert header.split() == ["QUEUE-ID", "STATE", "AGE", "SIZE", "SENDER", "RECIPIENTS"]
    assert first.split()[:2] == [ID, "deferred"] and second.split()[:2] == [OTHER, "hold"]
    assert first.endswith("2K    <>      bob@sink.test (451 4.7.1 later please)")


def test_list_as_json_has_all_facts(malle: Malle, qmgr: Qmgr) -> None:
    first, second = json.loads(malle("queue", "list", "--json").out)
    assert (first["queue_id"], second["state"]) == (ID, "hold")
    assert first["recipients"][0]["reason"].startswith("451 4.7.1")


def test_filters_become_a_selection(malle: Malle, qmgr: Qmgr) -> None:
    words = ["--from", "a", "--to", "b", "--client", "c", "--reason", "d", "--site", "e", "--state", "hold", "--state", "active", "--older", "2h"]
    malle("queue", "list", ID, *words)
    assert qmgr.asked[0] == control.List(control.Selection([ID], ["hold", "active"], "a", "b", "c", "d", "e", 7200.0))


def test_show_prints_all_but_the_content(malle: Malle, qmgr: Qmgr) -> None:
    out = malle("queue", "show", ID).out
    assert "client: host.test [192.0.2.1]\n" in out
    assert "recipient (delivered): carol@sink.test\n" in out
    assert "recipient (waiting: 451 4.7.1 later please): bob@sink.test\n" in out
    assert "deferred bob@sink.test mx.sink.test[192.0.2.9]:25 451 4.7.1 later\n" in out
    assert json.loads(malle("queue", "show", ID, "--json").out)["entry"]["queue_id"] == ID


def test_show_prints_the_last_dialogues_and_json_has_all(malle: Malle, qmgr: Qmgr) -> None:
    out = malle("queue", "show", ID).out
    assert "mx3.sink.test\n    C: DATA\n    S: 451 4.7.1 later 3\n" in out
    assert "later 0" not in out
    assert len(json.loads(malle("queue", "show", ID, "--json").out)["dialogues"]) == 4


def test_cat_prints_the_content_byte_for_byte(malle: Malle, qmgr: Qmgr) -> None:
    assert malle("queue", "cat", ID).out.encode(errors="surrogateescape") == CONTENT


@pytest.mark.parametrize("verb", ["show", "cat"])
def test_unknown_message_is_named_in_the_error(malle: Malle, qmgr: Qmgr, verb: str) -> None:
    done = malle("queue", verb, OTHER)
    assert (done.status, done.err) == (1, f"malle: {OTHER}: no such message\n")


@pytest.mark.parametrize(
    ("verb", "request_type", "word"),
    [
        ("hold", control.Hold, "held"),
        ("release", control.Release, "released"),
        ("requeue", control.Requeue, "requeued"),
        ("delete", control.Delete, "deleted"),
        ("flush", control.Flush, "flushed"),
    ],
)
def test_verb_acts_on_what_is_named(malle: Malle, qmgr: Qmgr, verb: str, request_type: type, word: str) -> None:
    assert malle("queue", verb, ID).out == f"{word} 2 messages\n"
    assert malle("queue", verb, "ALL", "--to", "x").out == f"{word} 2 messages\n"
    assert qmgr.asked == [request_type(control.Selection([ID])), request_type(control.Selection([], recipient="x"))]
    missed = malle("queue", verb, OTHER)
    assert (missed.status, missed.err) == (1, "malle: no such message in the queue\n")


@pytest.mark.parametrize("verb", ["hold", "release", "requeue", "delete"])
def test_verb_that_names_nothing_is_refused(malle: Malle, qmgr: Qmgr, verb: str) -> None:
    assert malle("queue", verb).status == 2
    assert qmgr.asked == []


def test_flush_without_a_name_is_for_everything_deferred(malle: Malle, qmgr: Qmgr) -> None:
    assert malle("queue", "flush").status == 0
    assert qmgr.asked == [control.Flush()]


def test_stat_counts_states_and_shows_dead_sites(malle: Malle, qmgr: Qmgr) -> None:
    lines = [line.split() for line in malle("queue", "stat").out.splitlines()]
    assert ["deferred", "2", "1d1h"] in lines
    assert lines[-1][:3] == ["smtp:sink.test", "3", "1/5"]
    assert json.loads(malle("queue", "stat", "--json").out)["states"]["deferred"] == 2


def test_bad_age_is_refused(malle: Malle, qmgr: Qmgr) -> None:
    assert malle("queue", "list", "--older", "soon").status == 2


def test_absent_qmgr_is_a_clear_line(malle: Malle, folder: Path) -> None:
    done = malle("queue", "stat")
    assert done.status == 1
    assert done.err == f"malle: qmgr cannot be reached at unix:{folder}/qmgr: No such file or directory\n"


def test_health_asks_qmgr_and_the_directory(malle: Malle, qmgr: Qmgr) -> None:
    malle("init")
    assert [line.split()[0] for line in malle("health").out.splitlines()] == ["WHAT", "directory", "qmgr"]


def test_health_of_a_site_that_is_down_fails(malle: Malle) -> None:
    done = malle("health", "--json")
    assert done.status == 1
    assert all(result["fault"] for result in json.loads(done.out))
