"""Whose work the threads of a store do."""

import contextlib
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from services.kernel.mailbox.turns import Turns

THREADS = 4
WAIT_SECONDS = 20


class Long:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self) -> str:
        self.has_begun.set()
        assert self.may_end.wait(WAIT_SECONDS)
        return "long"


class Office:
    """Turns, and the long work in hand."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.works: list[Long] = []

    def submit(self, whose: str | None) -> Long:
        self.works.append(Long())
        self.turns.submit(whose, self.works[-1])
        return self.works[-1]

    def begin(self, *whose: str | None) -> list[Long]:
        """Long work that has begun."""
        begun = [self.submit(one) for one in whose]
        assert all(work.has_begun.wait(WAIT_SECONDS) for work in begun)
        return begun

    def end_all(self) -> None:
        for work in self.works:
            work.may_end.set()


@pytest.fixture
def office() -> Iterator[Office]:
    with contextlib.closing(Turns(THREADS)) as turns:
        office = Office(turns)
        yield office
        office.end_all()


def test_one_mailbox_never_has_all_threads(office: Office) -> None:
    office.begin("alice", "alice")
    third = office.submit("alice")
    assert office.turns.submit("bob", lambda: "done").result(WAIT_SECONDS) == "done"
    assert not third.has_begun.is_set()


def test_as_many_mailboxes_as_threads_have_one_each(office: Office) -> None:
    office.begin("alice", "bob", "carol", "dave")


def test_second_work_of_a_mailbox_waits_while_half_of_the_threads_are_busy(office: Office) -> None:
    alice, _ = office.begin("alice", "bob")
    second = office.submit("alice")
    assert not second.has_begun.is_set()
    alice.may_end.set()
    assert second.has_begun.wait(WAIT_SECONDS)


def test_waiting_mailboxes_take_turns(office: Office) -> None:
    alice, *_ = office.begin("alice", "bob", "carol", "dave")
    done: list[str] = []
    waiting = [office.turns.submit(whose, partial(done.append, f"{whose} {number}")) for whose in ("eve", "frank") for number in (1, 2)]
    alice.may_end.set()
    for one in waiting:
        one.result(WAIT_SECONDS)
    assert done == ["eve 1", "frank 1", "eve 2", "frank 2"]


def test_no_thread_is_left_free_for_a_mailbox_that_has_none(office: Office) -> None:
    _, bob = office.begin("alice", "bob")
    second, first_waiting = office.submit("alice"), office.submit("bob")
    bob.may_end.set()
    assert second.has_begun.wait(WAIT_SECONDS / 2)
    assert first_waiting.has_begun.wait(WAIT_SECONDS / 2)


def test_work_of_nobody_takes_what_is_free(office: Office) -> None:
    office.begin(*[None] * THREADS)


def test_trouble_is_for_who_asked(office: Office) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        office.turns.submit("alice", fail).result(WAIT_SECONDS)
    assert office.turns.submit("alice", lambda: "done").result(WAIT_SECONDS) == "done"


def test_what_was_given_up_is_not_done(office: Office) -> None:
    begun = office.begin("alice", "bob", "carol", "dave")
    done: list[str] = []
    assert office.turns.submit("eve", lambda: done.append("eve")).cancel()
    begun[0].may_end.set()
    office.turns.submit("eve", lambda: done.append("later")).result(WAIT_SECONDS)
    assert done == ["later"]


def test_close_waits_for_work_that_waits() -> None:
    turns = Turns(1)
    long, done = Long(), []
    turns.submit("alice", long)
    turns.submit("alice", lambda: done.append("waited"))
    long.may_end.set()
    turns.close()
    assert done == ["waited"]
    with pytest.raises(RuntimeError):
        turns.submit("alice", lambda: None)
