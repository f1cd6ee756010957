"""The index of events, and ``malle trace`` and ``malle events`` over it."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.admin.trace.index import Index
from tests.unit.admin.conftest import Malle

START = 1_700_000_000.0
Q1, Q2 = "0123456789BCDF", "1123456789BCDF"


def event(seconds: float, service: str, kind: str, **facts: Any) -> bytes:
    return json.dumps({"kind": kind, "time": START + seconds, "service": service, "instance": "0", **facts}).encode() + b"\n"


def write(folder: Path, service: str, *events: bytes) -> None:
    with (folder / f"{service}.0.jsonl").open("ab") as file:
        file.writelines(events)


@pytest.fixture
def events(folder: Path) -> Path:
    """Two messages over four containers; mda did not learn the trace of the second one."""
    made = folder / "events"
    ids = {"queue_id": Q1, "trace": "t1", "message_id": "<One@x.test>"}
    write(
        made,
        "smtpd",
        event(0, "smtpd", "started"),
        event(1, "smtpd", "accepted", sender="carol@world.test", bytes=512, **ids),
        event(10, "smtpd", "accepted", sender="carol@world.test", queue_id=Q2, trace="t2", message_id="<two@x.test>"),
        event(20, "smtpd", "rejected", sender="mallory@world.test", recipient="nobody@example.test", reply="550 5.1.1 no such user here"),
    )
    write(made, "mda", event(2.25, "mda", "stored", recipient="alice@example.test", uid=7, **ids))
    write(made, "mda", event(12, "mda", "stored", recipient="alice@example.test", queue_id=Q2))
    write(
        made,
        "qmgr",
        event(2.5, "qmgr", "delivered", recipient="alice@example.test", original="team@example.test", reply="250 2.0.0 Ok", **ids),
        event(2.6, "qmgr", "removed", **ids),
        event(30, "qmgr", "reported", queue_id="2123456789BCDF", trace="t3", caused_by=Q2),
    )
    return made


@pytest.fixture
def index(events: Path) -> Index:
    made = Index(events)
    made.catch_up()
    return made


def kinds(found: list[list[bytes]]) -> list[list[str]]:
    return [[json.loads(line)["kind"] for line in lines] for lines in found]


@pytest.mark.parametrize("word", ["t1", Q1, "<one@x.test>", "One@x.test", "team@example.test"])
def test_message_is_found_by_each_of_its_names_in_order_of_time(index: Index, word: str) -> None:
    assert kinds(index.find(word, 20)) == [["accepted", "stored", "delivered", "removed"]]


def test_event_without_a_trace_is_found_with_its_message(index: Index) -> None:
    assert kinds(index.find("two@x.test", 20))[0] == ["accepted", "stored"]


def test_report_is_found_with_the_message_that_caused_it(index: Index) -> None:
    assert kinds(index.find(Q2, 20)) == [["accepted", "stored"], ["reported"]]


def test_address_finds_all_its_messages_oldest_first_and_refusals_too(index: Index) -> None:
    assert [lines[0] for lines in kinds(index.find("Alice@example.test", 20))] == ["accepted", "accepted", "reported"]
    assert kinds(index.find("nobody@example.test", 20)) == [["rejected"]]


def test_limit_keeps_the_latest_messages(index: Index) -> None:
    assert kinds(index.find("carol@world.test", 1)) == [["accepted", "stored"], ["reported"]]


def test_each_line_is_taken_in_once_whoever_reads_on(events: Path, index: Index) -> None:
    other = Index(events)
    assert other.catch_up() == 0
    write(events, "mda", event(40, "mda", "stored", recipient="bob@example.test", trace="t4"))
    assert (other.catch_up(), index.catch_up()) == (1, 0)
    assert kinds(index.find("bob@example.test", 20)) == [["stored"]]


def test_index_goes_on_after_a_restart_and_a_rotation(events: Path, index: Index) -> None:
    index.close()
    write(events, "qmgr", event(50, "qmgr", "delivered", recipient="bob@example.test", trace="t5"))
    path = events / "qmgr.0.jsonl"
    path.replace(events / "qmgr.0.jsonl.1")
    write(events, "qmgr", event(51, "qmgr", "removed", trace="t5"))
    again = Index(events)
    assert again.catch_up() == 2
    assert kinds(again.find("t5", 20)) == [["delivered", "removed"]]


def test_damaged_lines_are_passed_over(events: Path, index: Index) -> None:
    write(events, "mda", b'{"kind": "stor\n', b"[1]\n", b"\xff\n", event(60, "mda", "stored", trace="t6", invented="fact"))
    assert index.catch_up() == 4
    assert kinds(index.find("t6", 20)) == [["stored"]]


def test_damaged_index_is_made_again(events: Path, index: Index) -> None:
    index.close()
    for path in events.glob("index.sqlite-*"):
        path.unlink()
    (events / "index.sqlite").write_bytes(b"this is not a database" * 500)
    again = Index(events)
    again.catch_up()
    assert kinds(again.find("t1", 20)) == [["accepted", "stored", "delivered", "removed"]]


def test_old_messages_are_forgotten(events: Path, index: Index) -> None:
    write(events, "mda", event(90_000, "mda", "stored", recipient="bob@example.test", trace="t9"))
    index.catch_up()
    assert index.forget(START + 60) == 8
    assert index.find("t1", 20) == []
    assert index.find("one@x.test", 20) == []
    assert kinds(index.find("t9", 20)) == [["stored"]]
    assert index.forget(START + 60) == 0
    assert index.forget(START + 1e6) == 1


def test_trace_prints_one_timeline_across_containers(malle: Malle, events: Path) -> None:
    heading, *lines = malle("trace", Q1).out.splitlines()
    assert heading.endswith("<One@x.test> from <carol@world.test> trace t1")
    assert [line.split()[:3] for line in lines] == [
        ["+0.000s", "smtpd.0", "accepted"],
        ["+1.250s", "mda.0", "stored"],
        ["+1.500s", "qmgr.0", "delivered"],
        ["+1.600s", "qmgr.0", "removed"],
    ]
    assert "to <alice@example.test> (for <team@example.test>)" in lines[2]
    assert "reply=250 2.0.0 Ok" in lines[2]


def test_trace_as_json_is_a_list_of_events_for_each_message(malle: Malle, events: Path) -> None:
    found = json.loads(malle("trace", "alice@example.test", "--json").out)
    assert [len(lines) for lines in found] == [4, 2, 1]


def test_unknown_word_is_a_clear_error(malle: Malle, events: Path) -> None:
    done = malle("trace", "never@seen.test")
    assert (done.status, done.err) == (1, "malle: nothing is known of never@seen.test\n")


def test_latest_events_of_all_containers_are_merged_by_time(malle: Malle, events: Path) -> None:
    lines = malle("events", "--lines", "3").out.splitlines()
    assert [line.split()[1:3] for line in lines] == [["mda.0", "stored"], ["smtpd.0", "rejected"], ["qmgr.0", "reported"]]
    assert [json.loads(line)["kind"] for line in malle("events", "--kind", "stored", "--json").out.splitlines()] == ["stored", "stored"]
    assert malle("events", "--lines", "0").out == ""
