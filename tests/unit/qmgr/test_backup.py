"""Mail for domains whose secondary MX we are: it waits longer, its senders hear nothing from us, and nothing of it is returned to a forged one."""

from pathlib import Path

import pytest

from services.kernel.routing import Destination
from services.kernel.spool.format import Status
from services.kernel.spool.store import State
from services.kernel.wire import control
from services.kernel.wire.events import Kind
from tests.unit.kernel.spool.messages import envelope, make_volume, recipients
from tests.unit.qmgr.rig import DELIVERED, DOWN, REFUSED, Deliver, Rig, always, play

DAY = 86_400.0
BACKED_UP = "bob@b.test"
FOREIGN = "carol@world.test"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


def back_up(rig: Rig) -> None:
    rig.world.answers[BACKED_UP] = Destination("smtp", "smtp", "b.test", is_ours=True, is_backup=True)


def by_host(**answers: Deliver) -> Deliver:
    return lambda job: answers[job.nexthop.host.partition(".")[0]](job)


def test_message_of_a_backed_up_domain_waits_beyond_the_lifetime_of_others(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        queue_id = await rig.send(envelope(), recipients(BACKED_UP, FOREIGN))
        await rig.pass_time(6 * DAY)
        file = rig.store.load(State.DEFERRED, queue_id)
        assert list(file.statuses) == [Status.PENDING, Status.CLOSED]
        await rig.pass_time(15 * DAY)
        assert rig.state(queue_id) is None

    rig = play(root, always(DOWN), scenario)
    expired = [event.recipient for event in rig.recorder.events if event.kind is Kind.EXPIRED]
    assert expired == [FOREIGN, BACKED_UP]


def test_sender_hears_of_no_delay_at_a_secondary(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        await rig.send(envelope(), recipients(BACKED_UP))
        await rig.pass_time(DAY)

    assert Kind.DELAYED not in play(root, always(DOWN), scenario).recorder.kinds()


def test_what_the_primary_refuses_is_held_and_not_returned(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        queue_id = await rig.send(envelope(), recipients(BACKED_UP))
        assert rig.state(queue_id) is State.HOLD

    rig = play(root, always(REFUSED), scenario)
    assert rig.recorder.kinds() == [Kind.QUEUED, Kind.DEFERRED, Kind.HELD]
    assert rig.recorder.events[-1].reason == "the primary refuses what is left"


def test_message_without_a_sender_that_the_primary_refuses_is_held_too(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        queue_id = await rig.send(envelope(sender=""), recipients(BACKED_UP))
        assert rig.state(queue_id) is State.HOLD

    play(root, always(REFUSED), scenario)


def test_refused_recipient_waits_with_the_others_until_only_refused_ones_are_left(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        queue_id = await rig.send(envelope(), recipients(BACKED_UP, FOREIGN))
        assert rig.state(queue_id) is State.DEFERRED
        rig.deliver = by_host(b=always(REFUSED), world=always(DELIVERED))
        await rig.pass_time(DAY)
        assert rig.state(queue_id) is State.HOLD

    play(root, by_host(b=always(REFUSED), world=always(DOWN)), scenario)


def test_refused_mail_that_is_released_after_its_lifetime_and_refused_again_is_not_returned(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        queue_id = await rig.send(envelope(), recipients(BACKED_UP))
        await rig.pass_time(30 * DAY)
        await rig.control.answer(control.Release(control.Selection(ids=[queue_id])))
        await rig.pass_time(60)
        assert len(rig.jobs) == 2
        assert rig.state(queue_id) is State.HOLD

    rig = play(root, always(REFUSED), scenario)
    assert Kind.EXPIRED not in rig.recorder.kinds()


def test_domain_that_asks_for_its_mail_brings_no_other_destination_back(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        await rig.send(envelope(1), recipients(BACKED_UP))
        await rig.send(envelope(2), recipients(FOREIGN))
        await rig.control.flush_domain("b.test")
        await rig.pass_time(1)
        assert [job.nexthop.host for job in rig.jobs] == ["b.test", "world.test", "b.test"]
        stats = await rig.control.answer(control.Stat())
        assert isinstance(stats, control.Stats)
        assert [site.nexthop for site in stats.sites if site.dead_until] == ["smtp:b.test", "smtp:world.test"]

    play(root, always(DOWN), scenario, initial_destination_concurrency=1)


def test_operator_can_have_refused_mail_returned(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        queue_id = await rig.send(envelope(), recipients(BACKED_UP))
        assert rig.state(queue_id) is None

    rig = play(root, always(REFUSED), scenario, backup_refused="bounce")
    assert Kind.REPORTED in rig.recorder.kinds()


def test_message_whose_domain_cannot_be_looked_up_does_not_expire_by_the_shorter_lifetime(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        queue_id = await rig.send(envelope(), recipients(BACKED_UP))
        rig.world.has_trouble = True
        await rig.pass_time(6 * DAY)
        assert rig.state(queue_id) is State.DEFERRED

    play(root, always(DOWN), scenario)


def test_drain_of_a_primary_that_came_back_is_paced_oldest_first_and_its_end_is_told(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        back_up(rig)
        sent = []
        for number in range(1, 21):
            sent.append(await rig.send(envelope(number), recipients(BACKED_UP)))
            await rig.pass_time(1)
        start.append(rig.now)
        rig.deliver = always(DELIVERED)
        rig.jobs.clear()
        await rig.control.answer(control.Flush())
        delivered: list[str] = []
        for _ in range(30):
            await rig.pass_time(0.5)
            delivered = [job.message.queue_id for job in rig.jobs]
            stats = await rig.control.answer(control.Stat())
            if len(delivered) == 10:
                assert isinstance(stats, control.Stats)
                assert stats.sites[0].eta_seconds == pytest.approx(5.0, rel=0.5)
            assert len(delivered) <= 2 * (rig.now - start[0]) + 1
        assert delivered == sent

    start: list[float] = []
    play(root, always(DOWN), scenario, backup_rate_limit=2.0)
