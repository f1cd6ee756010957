"""The loads there are, and the tables of a profile."""

import collections
import json
from pathlib import Path

import pytest

from tests.bench import profile
from tests.bench.loads import LOADS, chosen
from tests.bench.tools.source import Send

QUICK_HEADLINES = {
    *("accept", "end_to_end", "relay_out", "deferred_start", "p99", "idle_cpu", "idle_memory", "idle_latency"),
    *("imap_flags", "imap_envelope", "imap_bodystructure", "imap_bodies", "imap_search"),
}
HEADLINES = {*QUICK_HEADLINES, "idle_500", "pop3_retr", "tls", "auth", "imap_logins", "imap_first_open", "deferred_flush"}


def test_no_two_loads_have_one_name() -> None:
    assert [name for name, count in collections.Counter(load.name for load in LOADS).items() if count > 1] == []


@pytest.mark.parametrize(("is_quick", "headlines"), [(True, QUICK_HEADLINES), (False, HEADLINES)], ids=["quick", "full"])
def test_run_has_every_headline(is_quick: bool, headlines: set[str]) -> None:
    assert {figure.headline for load in chosen("", is_quick) for figure in load.figures} >= headlines


def test_quick_run_has_few_loads_of_the_names_in_a_full_one() -> None:
    names = {load.name for load in chosen("", is_quick=True)}
    mail = {"accept/4KB/10/new", "delivery/1", "relay/0ms/1", "latency", "deferred/1000"}
    assert names == {"idle/fresh", *mail, "imap/again/1000", "imap/idle/append"}
    assert names <= {load.name for load in LOADS}


@pytest.mark.parametrize("is_quick", [True, False], ids=["quick", "full"])
def test_mail_that_stays_in_the_queue_meets_no_other_load(is_quick: bool) -> None:
    names = [load.name.startswith("deferred/") for load in chosen("", is_quick)]
    assert any(names) and sorted(names) == names


@pytest.mark.parametrize(("is_quick", "name"), [(True, "imap/again/1000"), (False, "imap/again/5000")], ids=["quick", "full"])
def test_one_size_of_mailbox_stands_for_all(is_quick: bool, name: str) -> None:
    found = {load.name for load in chosen("imap/again", is_quick) for figure in load.figures if figure.headline == "imap_flags"}
    assert found == {name}


def test_loads_are_chosen_by_the_first_parts_of_their_names() -> None:
    assert [load.name for load in chosen("deferred/1000", is_quick=False)] == ["deferred/1000"]
    assert {load.name.split("/")[0] for load in chosen("relay deferred", is_quick=False)} == {"relay", "deferred"}


def test_all_messages_are_sent_whatever_does_not_divide() -> None:
    commands = Send("mx", sessions=7, messages=23, size_bytes=1, domain="example.test").commands()
    counts = [int(command[command.index("-m") + 1]) for command in commands]
    assert (len(commands), sum(counts)) == (7, 23)
    assert sum(int(command[command.index("-s") + 1]) for command in commands) == 7


def test_profile_adds_up_processes_and_packages(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"mx-{number}.json").write_text(json.dumps({"kernel/spool/intake Intake.add": 0.001, "smtpd/message Message.end": 0.002}))
    table = profile.packages_table(profile.read(tmp_path, messages=10)).splitlines()
    rows = {line.rsplit(maxsplit=5)[0]: line.split()[-5:] for line in table[1:]}
    assert rows == {
        "all": ["600.0", "0.0", "0.0", "0.0", "600.0"],
        "smtpd": ["400.0", "0.0", "0.0", "0.0", "400.0"],
        "kernel/spool": ["200.0", "0.0", "0.0", "0.0", "200.0"],
    }
