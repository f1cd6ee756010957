"""A message that is there twice: which faults are a cause, on which hop, and when."""

from collections.abc import Sequence
from typing import Any

import pytest

from malleposte_lab.events import Event
from malleposte_lab.repeats import ANYWHERE, Period, Repeats

ALICE, CAROL, SOMEONE = "alice@example.test", "carol@world.test", "someone@sink.test"
PARTIES = {"10.0.0.4": "world/postfix", "10.0.0.6": "world/exim"}
SENT = 100.0
FIRST, SECOND = 110.0, 130.0
LOST = "450 4.4.2 lost connection (waiting for the reply to end of DATA)"


def event(kind: str, time: float, queue_id: str = "Q1", site: str = "primary", recipient: str = ALICE, **facts: Any) -> Event:
    return {"kind": kind, "time": time, "site": site, "queue_id": queue_id, "trace": "T1", "recipient": recipient, **facts}


def accepted(time: float, queue_id: str = "Q1", site: str = "primary", trace: str = "T1") -> Event:
    return {"kind": "accepted", "time": time, "site": site, "queue_id": queue_id, "trace": trace, "client": "10.0.0.4"}


def fault(kind: str, *parties: str, began: float = FIRST + 0.1, ended: float = FIRST + 3) -> Period:
    return Period(kind, began, ended, parties)


def complaint(events: Sequence[Event], *faults: Period, recipient: str = ALICE, ends: int = 2) -> str:
    trace = sorted(events, key=lambda event: float(event["time"]))
    return Repeats(trace, SENT, faults, PARTIES).without_cause(recipient, ends)


TO_MAILBOX = [accepted(SENT + 1), event("stored", FIRST), event("stored", SECOND)]
NOTED = event("delivered", FIRST + 0.1)


@pytest.mark.parametrize("party", ["primary/qmgr", "primary/relay", "primary"])
def test_holder_was_killed_before_it_noted_the_delivery(party: str) -> None:
    assert not complaint(TO_MAILBOX, fault("kill", party))


def test_holder_lost_the_connection_after_the_final_dot() -> None:
    assert not complaint([*TO_MAILBOX, event("deferred", FIRST + 1, stage="end of DATA", reply=LOST)])


def test_kill_soon_after_the_delivery_may_come_before_the_note() -> None:
    assert not complaint([*TO_MAILBOX, NOTED], fault("kill", "primary/qmgr", began=FIRST + 1))


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [fault("kill", "primary/mx"), fault("kill", "backup/qmgr"), fault("kill", "primary/mda")],
        [fault("stop", "primary/qmgr"), fault("pause", "primary/relay")],
        [fault("partition", "primary/relay", "world/sink"), fault("lossy 0.3", "primary/mx", "world/postfix")],
        [fault("kill", "primary/qmgr", began=SENT + 2, ended=SENT + 5)],
        [fault("kill", "primary/qmgr", began=SECOND + 1, ended=SECOND + 5)],
    ],
    ids=["nothing", "others killed", "no crash", "other lines cut", "before", "after"],
)
def test_second_copy_in_a_mailbox_has_no_cause(faults: list[Period]) -> None:
    assert complaint(TO_MAILBOX, *faults) == "primary's queue file Q1 gave it to primary/mda and once more to primary/mda"


def test_kill_long_after_the_delivery_was_noted_is_no_cause() -> None:
    assert complaint([*TO_MAILBOX, NOTED], fault("kill", "primary/qmgr", began=FIRST + 10, ended=FIRST + 12))


def test_disk_that_loses_its_power_forgets_what_was_noted_before() -> None:
    cut = fault("power", "primary/keeper", "primary/mx", "primary/qmgr", began=FIRST + 10, ended=FIRST + 12)
    assert not complaint([*TO_MAILBOX, NOTED], cut)
    long_ago = [*TO_MAILBOX[:2], NOTED, event("stored", FIRST + 300)]
    assert complaint(long_ago, fault("power", "primary/qmgr", began=FIRST + 100, ended=FIRST + 102))
    assert complaint([*TO_MAILBOX, NOTED], fault("power", "primary/mda", "primary/imapd"))


def test_refusal_after_the_final_dot_is_no_lost_connection() -> None:
    assert complaint([*TO_MAILBOX, event("deferred", FIRST + 1, stage="end of DATA", reply="452 4.3.1 no room")])


def test_lost_connection_with_the_copy_of_another_recipient_is_no_cause() -> None:
    assert complaint([*TO_MAILBOX, event("deferred", FIRST + 1, recipient="bob@example.test", reply=LOST)])


FROM_POSTFIX = [accepted(FIRST), accepted(SECOND, "Q2", trace="T2"), event("stored", FIRST + 1), event("stored", SECOND + 1, "Q2", trace="T2")]


@pytest.mark.parametrize(
    "cause",
    [
        fault("kill", "primary/mx"),
        fault("kill", "primary"),
        fault("pause", "primary/mx"),
        fault("partition", "primary/mx", "world/postfix"),
        fault("deaf", "world/postfix", "primary"),
        fault("lossy 0.2", "primary/mx", ANYWHERE),
        fault("partition", "primary/mx", "world/postfix", began=SENT, ended=FIRST - 0.2),
    ],
    ids=str,
)
def test_answer_to_a_foreign_server_was_lost(cause: Period) -> None:
    assert not complaint(FROM_POSTFIX, cause)


@pytest.mark.parametrize(
    "no_cause",
    [
        fault("kill", "primary/qmgr"),
        fault("kill", "backup"),
        fault("stop", "primary/mx"),
        fault("partition", "primary/mx", "world/exim"),
        fault("partition", "primary", "backup"),
        fault("slow", "primary/relay", ANYWHERE),
        fault("full", "primary/mx"),
        fault("kill", "primary/mx", began=SENT, ended=FIRST - 1),
        fault("kill", "primary/mx", began=FIRST + 10, ended=FIRST + 12),
    ],
    ids=str,
)
def test_other_trouble_does_not_make_a_foreign_server_send_again(no_cause: Period) -> None:
    assert complaint(FROM_POSTFIX, no_cause) == "a client gave it to primary/mx and once more to primary/mx"


def test_who_was_killed_before_he_told_of_the_message_may_have_had_it_long_before() -> None:
    untold = [event("queued", SECOND + 5), accepted(SECOND, "Q2", trace="T2"), *FROM_POSTFIX[2:]]
    assert not complaint(untold, fault("kill", "primary/mx", began=SENT + 1, ended=SENT + 3))


BETWEEN_SITES = [
    accepted(SENT + 1, "B1", "backup"),
    accepted(FIRST, "Q1"),
    accepted(SECOND, "Q2"),
    event("stored", FIRST + 1, "Q1"),
    event("stored", SECOND + 1, "Q2"),
]


def test_secondary_lost_the_connection_to_the_primary_after_the_final_dot() -> None:
    assert not complaint([*BETWEEN_SITES, event("deferred", FIRST + 2, "B1", "backup", reply=LOST)])


def test_secondary_was_killed_before_it_noted_the_hand_over() -> None:
    assert not complaint(BETWEEN_SITES, fault("kill", "backup/qmgr"))


def test_fault_of_a_client_is_no_cause_between_the_sites() -> None:
    assert "B1" in complaint(BETWEEN_SITES, fault("partition", "primary/mx", "world/postfix"), fault("kill", "primary/qmgr"))


def test_copy_and_report_need_a_cause() -> None:
    both = [accepted(SENT + 1), event("stored", FIRST), event("bounced", SECOND), event("reported", SECOND, "R1", caused_by="Q1")]
    assert complaint(both) == "primary's queue file Q1 gave it to primary/mda and once more to its sender"
    assert not complaint([*both, event("deferred", FIRST + 1, reply=LOST)])


def test_report_that_comes_twice_needs_a_cause() -> None:
    life = [accepted(SENT + 1), event("bounced", FIRST - 1), event("reported", FIRST - 1, "R1", caused_by="Q1")]
    twice = [*life, event("stored", FIRST, "R1", recipient="bob@example.test"), event("stored", SECOND, "R1", recipient="bob@example.test")]
    assert "R1" in complaint(twice)
    assert not complaint(twice, fault("kill", "primary/relay"))


def test_server_of_the_world_that_took_it_twice_is_asked_too() -> None:
    taken = [{"kind": "taken", "time": time, "to": [SOMEONE], "peer": "mx.sink.test"} for time in (FIRST, SECOND)]
    life = [accepted(SENT + 1), event("delivered", SECOND + 1, recipient=SOMEONE), *taken]
    assert "mx.sink.test" in complaint(life, recipient=SOMEONE)
    assert not complaint([*life, event("deferred", FIRST + 1, recipient=SOMEONE, reply=LOST)], recipient=SOMEONE)


def test_mailbox_that_tells_nothing_is_believed_only_with_a_cause_in_the_life_of_the_message() -> None:
    life = [accepted(SENT + 1), event("delivered", SECOND, recipient=CAROL)]
    assert complaint(life, fault("kill", "primary/mx"), recipient=CAROL) == "there is more of it than anybody tells of"
    assert not complaint(life, fault("kill", "primary/relay"), recipient=CAROL)


def test_server_without_events_is_excused_by_any_crash_since_it_got_the_message() -> None:
    assert not complaint([], fault("kill", "mail/mail"))
    assert complaint([], fault("kill", "mail/mail", began=SENT - 5, ended=SENT - 1))
    assert complaint([], fault("dns"))
