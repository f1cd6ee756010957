"""Kills and power losses at any moment, more than one in a row: what was promised is delivered or reported."""

from contextlib import suppress
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.outcome import Outcome
from services.kernel.spool.newfile import commit_together
from services.kernel.spool.store import QueueStore, State
from tests.unit.kernel.spool.breakable import Killed
from tests.unit.kernel.spool.memorydisk import MemoryDisk
from tests.unit.kernel.spool.messages import ARRIVED, CONTENT, envelope, name, recipients
from tests.unit.qmgr.rig import BUSY, DELIVERED, REFUSED
from tests.unit.qmgr.round import do_round

NOW = ARRIVED + 10
MESSAGES = 3
FIRST: dict[str, Outcome] = {"a@world.test": DELIVERED, "b@world.test": REFUSED, "c@world.test": BUSY}
LAST: dict[str, Outcome] = {**FIRST, "c@world.test": DELIVERED}

crashes = st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=4)
"""After how many changes to the disk, and whether it is a power loss."""


def commit(store: QueueStore) -> set[int]:
    """Write all messages together, as smtpd does; the numbers of those that were promised."""
    files = [store.new_file(envelope(number), recipients(*FIRST)) for number in range(MESSAGES)]
    for file in files:
        file.write(CONTENT)
    return {number for number, fault in enumerate(commit_together(files)) if fault is None}


def crash(disk: MemoryDisk, chance: Random, *, is_power_loss: bool) -> None:
    disk.dies_after = None
    if is_power_loss:
        disk.cut_power(chance)


def run_qmgr(store: QueueStore, outcomes: dict[str, Outcome]) -> None:
    """Recovery, then everything else once."""
    for state in (State.ACTIVE, State.INCOMING, State.DEFERRED):
        for number in range(MESSAGES):
            do_round(store, name(number), state, outcomes, NOW)


def places(store: QueueStore, number: int) -> list[State]:
    return [state for state in State if name(number) in store.ids(state)]


def reports(store: QueueStore) -> list[bytes]:
    own = {name(number) for number in range(MESSAGES)}
    return [store.read_content(State.INCOMING, queue_id, 0, 100_000) for queue_id in store.ids(State.INCOMING) if queue_id not in own]


@given(st.integers(0, 20), st.booleans(), st.integers(0, 2**32))
def test_promised_message_is_in_exactly_one_state_and_parses(step: int, is_power_loss: bool, seed: int) -> None:
    disk = MemoryDisk()
    store = QueueStore(Path("/queue"), disk)
    disk.dies_after = step
    promised: set[int] = set()
    with suppress(Killed):
        promised = commit(store)
    crash(disk, Random(seed), is_power_loss=is_power_loss)
    for number in promised:
        assert places(store, number) == [State.INCOMING]
        assert store.load(State.INCOMING, name(number)).layout.content_bytes == len(CONTENT)


@given(crashes, st.integers(0, 2**32))
def test_promised_message_is_delivered_or_reported_whatever_happens(sequence: list[tuple[int, bool]], seed: int) -> None:
    disk, chance = MemoryDisk(), Random(seed)
    store = QueueStore(Path("/queue"), disk)
    assert len(commit(store)) == MESSAGES
    for step, is_power_loss in sequence:
        disk.dies_after = step
        with suppress(Killed):
            run_qmgr(store, FIRST)
        crash(disk, chance, is_power_loss=is_power_loss)
        assert all(len(places(store, number)) <= 1 for number in range(MESSAGES))
    run_qmgr(store, FIRST)
    run_qmgr(store, LAST)
    assert [places(store, number) for number in range(MESSAGES)] == [[]] * MESSAGES
    assert sum(b"Final-Recipient: rfc822; b@world.test" in report for report in reports(store)) == MESSAGES
