"""A disk that refuses: the message stays, the operator hears of it, and the write is repeated."""

import errno
from pathlib import Path

import pytest

from services.kernel.spool.store import State
from services.kernel.wire.events import Kind
from services.qmgr import settler
from tests.unit.kernel.spool.breakable import BrokenDisk
from tests.unit.kernel.spool.messages import envelope, make_volume, name, put, recipients
from tests.unit.qmgr.rig import BUSY, DELIVERED, REFUSED, Rig, always, never, play


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


@pytest.fixture(autouse=True)
def retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settler, "RETRY_SECONDS", 0.001)


def test_removal_is_repeated_without_a_second_delivery(root: Path) -> None:
    disk = BrokenDisk({"remove": errno.EROFS})

    async def scenario(rig: Rig) -> None:
        rig.admission.hint([put(root, envelope(), recipients())])
        while Kind.TROUBLE not in rig.recorder.kinds():
            await rig.recorder.changed.wait()
            rig.recorder.changed.clear()
        disk.faults = {}
        while Kind.REMOVED not in rig.recorder.kinds():
            await rig.recorder.changed.wait()
            rig.recorder.changed.clear()

    rig = play(root, always(DELIVERED), scenario, disk=disk)
    assert len(rig.jobs) == 1
    assert rig.state(name(1)) is None


def test_full_disk_does_not_keep_mail_from_being_deferred(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())
        assert rig.state(name(1)) is State.DEFERRED

    rig = play(root, always(BUSY), scenario, disk=BrokenDisk({"append": errno.ENOSPC, "set_time": errno.ENOSPC}))
    assert Kind.TROUBLE in rig.recorder.kinds()


def test_report_waits_until_the_disk_takes_it(root: Path) -> None:
    disk = BrokenDisk({"create": errno.ENOSPC})

    async def scenario(rig: Rig) -> None:
        rig.admission.hint([put(root, envelope(), recipients())])
        while Kind.TROUBLE not in rig.recorder.kinds():
            await rig.recorder.changed.wait()
            rig.recorder.changed.clear()
        assert rig.state(name(1)) is State.ACTIVE
        disk.faults = {}
        while Kind.REMOVED not in rig.recorder.kinds():
            await rig.recorder.changed.wait()
            rig.recorder.changed.clear()

    rig = play(root, always(REFUSED), scenario, disk=disk)
    assert rig.recorder.kinds().count(Kind.REPORTED) == 1


def test_message_that_cannot_be_made_active_stays_in_incoming(root: Path) -> None:
    disk = BrokenDisk({"rename": errno.EROFS})

    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())
        assert rig.state(name(1)) is State.INCOMING

    rig = play(root, always(DELIVERED), scenario, disk=disk)
    assert rig.recorder.kinds() == [Kind.TROUBLE]


def test_file_taken_away_by_hand_is_told_and_forgotten(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())
        (root / "active" / name(1)).unlink()
        rig.land([BUSY])
        await rig.quiet()
        assert rig.active.messages == {}

    assert Kind.TROUBLE in play(root, never, scenario).recorder.kinds()
