"""malle verify, against a verify that answers from a list."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mail.reply import Reply
from services.kernel.wire import verdict
from services.kernel.wire.channel import listen
from services.kernel.wire.verdict import Known, Request, Response, Source, State, Verdict
from tests.unit.admin.conftest import Malle

OK = Reply(250, "2.1.5", "ok")
GOOD = Verdict("alice@p.test", State.DELIVERABLE, Source.PROBE, OK, 1.7e9, 1.7e9, 1.7e9 + 60, "relay:p.test", "mx[192.0.2.1]:25")
BAD = Verdict("zoe@p.test", State.UNDELIVERABLE, Source.PROBE, Reply(550, "5.1.1", "no"), 1.7e9, 1.7e9, 1.7e9 + 60)


class Verify:
    """Remembers what it was asked. Two pages of one address each."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        match request:
            case verdict.List(after=""):
                return verdict.Listing([GOOD], more=True)
            case verdict.List():
                return verdict.Listing([BAD])
            case verdict.Expire(what="nothing.test"):
                return verdict.Done(0)
            case verdict.Expire():
                return verdict.Done(1)
            case verdict.Load(known):
                return verdict.Done(len(known))
            case verdict.Probe(address="broken@p.test"):
                return verdict.Failed("internal trouble")
        return GOOD


@pytest.fixture
def verify(folder: Path) -> Iterator[Verify]:
    made, loop = Verify(), asyncio.new_event_loop()
    server = loop.run_until_complete(listen(f"unix:{folder}/verify", Request, made.answer, lambda defect: None))  # type: ignore[arg-type]  # a union
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield made
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_list_prints_all_pages(malle: Malle, verify: Verify) -> None:
    done = malle("verify", "list", "--domain", "p.test", "--state", "deliverable")
    assert [line.split()[:3] for line in done.out.splitlines()] == [
        ["ADDRESS", "STATE", "SOURCE"],
        ["alice@p.test", "deliverable", "probe"],
        ["zoe@p.test", "undeliverable", "probe"],
    ]
    assert verify.asked == [verdict.List("deliverable", "p.test"), verdict.List("deliverable", "p.test", "alice@p.test")]


def test_list_as_json_has_the_age(malle: Malle, verify: Verify) -> None:
    entries = json.loads(malle("verify", "list", "--json").out)
    assert [entry["address"] for entry in entries] == ["alice@p.test", "zoe@p.test"]
    assert entries[1]["reply"] == {"code": 550, "enhanced": "5.1.1", "text": "no"}
    assert entries[0]["age_seconds"] > 0


def test_wrong_state_is_refused(malle: Malle, verify: Verify) -> None:
    assert malle("verify", "list", "--state", "odd").status == 2
    assert verify.asked == []


@pytest.mark.parametrize(("word", "request_type"), [("show", verdict.Show), ("probe", verdict.Probe)])
def test_one_address_is_shown_or_probed(malle: Malle, verify: Verify, word: str, request_type: type[verdict.Show | verdict.Probe]) -> None:
    done = malle("verify", word, "alice@p.test")
    assert "state: deliverable\n" in done.out
    assert "reply: 250 2.1.5 ok\n" in done.out
    assert json.loads(malle("verify", word, "alice@p.test", "--json").out)["state"] == "deliverable"
    assert verify.asked == [request_type("alice@p.test")] * 2


@pytest.mark.parametrize(("words", "what"), [(("a@p.test",), "a@p.test"), (("p.test",), "p.test"), (("--all",), "*")])
def test_expire_forgets_what_is_named(malle: Malle, verify: Verify, words: tuple[str, ...], what: str) -> None:
    assert malle("verify", "expire", *words).out == "forgot 1 address\n"
    assert verify.asked == [verdict.Expire(what)]


@pytest.mark.parametrize(("words", "status"), [((), 2), (("a@p.test", "--all"), 2), (("nothing.test",), 1)])
def test_expire_of_nothing_is_a_fault(malle: Malle, verify: Verify, words: tuple[str, ...], status: int) -> None:
    assert malle("verify", "expire", *words).status == status


def test_load_takes_good_and_bad_addresses(malle: Malle, verify: Verify) -> None:
    done = malle("verify", "load", "-", stdin="# known\nalice@p.test\nbob@p.test OK\n\nzoe@p.test undeliverable\n")
    assert done.out == "loaded 3 addresses\n"
    good, bad = State.DELIVERABLE, State.UNDELIVERABLE
    assert verify.asked == [verdict.Load([Known("alice@p.test", good), Known("bob@p.test", good), Known("zoe@p.test", bad)])]


@pytest.mark.parametrize("text", ["alice@p.test\nnobody\n", "alice@p.test\nbob@p.test perhaps\n"])
def test_load_names_the_line_that_is_wrong_and_loads_nothing(malle: Malle, verify: Verify, folder: Path, text: str) -> None:
    (folder / "list").write_text(text)
    done = malle("verify", "load", str(folder / "list"))
    assert (done.status, "list:2:" in done.err) == (1, True)
    assert verify.asked == []


def test_verify_that_cannot_answer_is_one_line(malle: Malle, verify: Verify) -> None:
    done = malle("verify", "probe", "broken@p.test")
    assert (done.status, done.err) == (1, "malle: internal trouble\n")


def test_verify_that_is_away_is_one_line(malle: Malle) -> None:
    done = malle("verify", "list")
    assert done.status == 1
    assert done.err.startswith("malle: verify cannot be reached at unix:")
