"""Killed at every single change to the disk, and started again: nothing is lost and nothing is reported twice."""

from contextlib import suppress
from pathlib import Path

import pytest

from services.kernel.mail.outcome import Outcome
from services.kernel.spool.format import Status
from services.kernel.spool.history import Attempt
from services.kernel.spool.store import QueueStore, State
from services.kernel.wire.events import Kind
from tests.unit.kernel.spool.breakable import BrokenDisk, Killed
from tests.unit.kernel.spool.messages import ARRIVED, envelope, make_volume, name, put, recipients
from tests.unit.qmgr.rig import BUSY, DELIVERED, REFUSED, Rig, always, never, play
from tests.unit.qmgr.round import do_round

NOW = ARRIVED + 10
TO = recipients("a@world.test", "b@world.test", "c@world.test")
OUTCOMES: dict[str, Outcome] = {"a@world.test": DELIVERED, "b@world.test": REFUSED, "c@world.test": BUSY}
FINAL: dict[str, Outcome] = {"a@world.test": DELIVERED, "b@world.test": REFUSED, "c@world.test": DELIVERED}
STEPS = 10
"""Changes to the disk in a round that defers after a failure; ``test_round_has_as_many_steps_as_are_tried`` counts them."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


def reports_on(store: QueueStore, address: str) -> int:
    """How many queued reports tell of a failure of this recipient."""
    states = [(state, queue_id) for state in (State.INCOMING, State.ACTIVE, State.DEFERRED) for queue_id in store.ids(state)]
    contents = [store.read_content(state, queue_id, 0, 100_000) for state, queue_id in states if queue_id != name(1)]
    return sum(f"Final-Recipient: rfc822; {address}".encode() in content for content in contents)


def test_round_has_as_many_steps_as_are_tried(root: Path) -> None:
    disk = BrokenDisk()
    put(root, envelope(), TO)
    do_round(QueueStore(root, disk), name(1), State.INCOMING, OUTCOMES, NOW)
    assert disk.steps == STEPS


@pytest.mark.parametrize("step", range(STEPS + 1))
def test_kill_at_any_step_loses_nothing_and_repeats_no_report(root: Path, step: int) -> None:
    put(root, envelope(), TO)
    with suppress(Killed):
        do_round(QueueStore(root, BrokenDisk(dies_after=step)), name(1), State.INCOMING, OUTCOMES, NOW)
    store = QueueStore(root)
    do_round(store, name(1), State.ACTIVE, OUTCOMES, NOW)
    if store.find(name(1)) is State.INCOMING:
        do_round(store, name(1), State.INCOMING, OUTCOMES, NOW)
    assert store.find(name(1)) in (State.DEFERRED, State.ACTIVE)
    assert reports_on(store, "b@world.test") == 1


@pytest.mark.parametrize("first", range(STEPS + 1))
@pytest.mark.parametrize("second", range(STEPS + 1))
def test_kill_of_the_recovery_too_loses_nothing_and_repeats_no_report(root: Path, first: int, second: int) -> None:
    put(root, envelope(), TO)
    with suppress(Killed):
        do_round(QueueStore(root, BrokenDisk(dies_after=first)), name(1), State.INCOMING, OUTCOMES, NOW)
    with suppress(Killed):
        do_round(QueueStore(root, BrokenDisk(dies_after=second)), name(1), State.ACTIVE, FINAL, NOW)
    store = QueueStore(root)
    for state in (State.ACTIVE, State.INCOMING, State.DEFERRED):
        do_round(store, name(1), state, FINAL, NOW)
    assert store.find(name(1)) is None
    assert reports_on(store, "b@world.test") == 1


def test_active_message_is_taken_up_again_after_a_kill(root: Path) -> None:
    async def killed(rig: Rig) -> None:
        await rig.send(envelope(), TO)

    async def restarted(rig: Rig) -> None:
        await rig.quiet()

    play(root, never, killed)
    rig = play(root, always(DELIVERED), restarted)
    assert rig.state(name(1)) is None
    assert rig.recorder.kinds().count(Kind.DELIVERED) == 3


def test_report_that_was_owed_is_made_before_anything_else_moves(root: Path) -> None:
    async def killed(rig: Rig) -> None:
        await rig.send(envelope(), TO)
        rig.store.mark(name(1), bytes([Status.DELIVERED, Status.FAILED, Status.PENDING]))
        rig.store.add_history(name(1), [Attempt(rig.now, [1], REFUSED)])

    async def restarted(rig: Rig) -> None:
        assert rig.jobs == []
        assert "b@world.test" in rig.report()
        await rig.quiet()

    play(root, never, killed)
    rig = play(root, always(DELIVERED), restarted)
    assert [job.numbers for job in rig.jobs] == [[2]]


def test_deferred_mail_keeps_its_plan_over_a_restart(root: Path) -> None:
    async def killed(rig: Rig) -> None:
        await rig.send(envelope(), TO)

    async def restarted(rig: Rig) -> None:
        await rig.pass_time(200)
        assert rig.jobs == []
        await rig.pass_time(200)
        assert rig.state(name(1)) is None

    play(root, always(BUSY), killed)
    play(root, always(DELIVERED), restarted)


def test_history_without_a_message_is_swept(root: Path) -> None:
    async def started(rig: Rig) -> None:
        assert list((root / "history").iterdir()) == []

    QueueStore(root).add_history(name(7), [Attempt(1.0, [0], BUSY)])
    play(root, always(DELIVERED), started)


def test_lowered_limit_puts_back_what_does_not_fit(root: Path) -> None:
    async def killed(rig: Rig) -> None:
        for number in range(1, 6):
            await rig.send(envelope(number), recipients())

    async def restarted(rig: Rig) -> None:
        assert len(rig.ids(State.ACTIVE)) <= 2
        assert len(rig.ids(State.ACTIVE)) + len(rig.ids(State.DEFERRED)) == 5

    play(root, never, killed)
    play(root, never, restarted, active_limit=2)
