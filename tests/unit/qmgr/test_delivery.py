"""Messages on their way through qmgr: what relay answers, and what becomes of them."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.mail.outcome import Delivered, Outcome
from services.kernel.mail.reply import Reply
from services.kernel.routing import Destination, Discarded, RouteRefused
from services.kernel.spool.format import Status
from services.kernel.spool.store import State
from services.kernel.wire.events import Kind
from services.qmgr.schedule import Job
from tests.unit.kernel.spool.messages import ARRIVED, envelope, make_volume, name, put, recipients
from tests.unit.qmgr.rig import BUSY, DELIVERED, DOWN, REFUSED, REMOTE, Rig, always, never, play

DAY = 86_400.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


def test_delivered_message_is_gone_and_its_trail_says_so(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())

    rig = play(root, always(DELIVERED), scenario)
    assert rig.state(name(1)) is None
    assert rig.recorder.kinds() == [Kind.QUEUED, Kind.DELIVERED, Kind.REMOVED]


def test_delivered_event_names_next_hop_remote_reply_and_time(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("bob@world.test"))

    event = play(root, always(DELIVERED), scenario).recorder.events[1]
    assert (event.recipient, event.nexthop, event.remote) == ("bob@world.test", "smtp:world.test", "mx.world.test[192.0.2.1]:25")
    assert (event.reply, event.seconds, event.trace) == ("250 2.0.0 queued", 1.0, name(1))


def test_recipients_of_one_next_hop_go_together_in_batches(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients(*(f"user{number}@world.test" for number in range(120)), "carol@other.test"))

    rig = play(root, always(DELIVERED), scenario)
    assert sorted((job.nexthop.host, len(job.numbers)) for job in rig.jobs) == [
        ("other.test", 1),
        ("world.test", 20),
        ("world.test", 50),
        ("world.test", 50),
    ]


def test_deferred_message_waits_on_disk_and_is_tried_again(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        assert rig.state(queue_id) is State.DEFERRED
        rig.deliver = always(DELIVERED)
        await rig.pass_time(299)
        assert rig.state(queue_id) is State.DEFERRED
        await rig.pass_time(2)
        assert rig.state(queue_id) is None

    play(root, always(BUSY), scenario)


def test_waits_double_between_minimum_and_maximum(root: Path) -> None:
    waits = []

    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        for _ in range(7):
            wait = rig.parts.plan.time(queue_id) - rig.now
            waits.append(round(wait))
            await rig.pass_time(wait)

    play(root, always(BUSY), scenario)
    assert waits == [300, 301, 602, 1204, 2408, 4200, 4200]


def test_only_what_is_pending_is_tried_again(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("a@world.test", "b@world.test"))
        rig.deliver = always(DELIVERED)
        await rig.pass_time(301)

    rig = play(root, always(DELIVERED, BUSY), scenario)
    assert [job.numbers for job in rig.jobs] == [[0, 1], [1]]


def test_marks_are_written_while_other_deliveries_are_under_way(root: Path) -> None:
    def deliver(job: Job) -> list[Outcome] | None:
        if job.nexthop.host == "slow.test":
            raise StopIteration
        return [DELIVERED]

    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients("a@fast.test", "b@slow.test"))
        await rig.parts.settler.turn()
        assert list(rig.store.load(State.ACTIVE, queue_id).statuses) == [Status.DELIVERED, Status.PENDING]

    play(root, deliver, scenario)


def test_dead_destination_holds_all_its_mail_back_without_trying_each(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(1, 11):
            await rig.send(envelope(number), recipients())

    rig = play(root, always(DOWN), scenario, initial_destination_concurrency=1)
    assert len(rig.jobs) == 1
    assert len(rig.ids(State.DEFERRED)) == 10
    assert rig.recorder.kinds().count(Kind.SITE_DOWN) == 1


def test_dead_destination_does_not_hinder_another(root: Path) -> None:
    def deliver(job: Job) -> list[Outcome] | None:
        return [DOWN if job.nexthop.host == "dead.test" else DELIVERED]

    async def scenario(rig: Rig) -> None:
        for number in range(1, 11):
            await rig.send(envelope(number), recipients("a@dead.test", "b@world.test"))

    rig = play(root, deliver, scenario)
    assert rig.recorder.kinds().count(Kind.DELIVERED) == 10


def test_all_mail_of_a_destination_follows_when_its_probe_succeeds(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(1, 6):
            await rig.send(envelope(number), recipients())
        rig.deliver = always(DELIVERED)
        await rig.pass_time(271)

    rig = play(root, always(DOWN), scenario, initial_destination_concurrency=1)
    assert rig.ids(State.DEFERRED) == []
    assert Kind.SITE_UP in rig.recorder.kinds()


def test_mailbox_container_that_restarts_is_tried_again_within_seconds(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.world.answers["bob@here.test"] = Destination("lmtp", "lmtp", "mda", 24, is_literal=True)
        queue_id = await rig.send(envelope(), recipients("bob@here.test"))
        rig.deliver = always(DELIVERED)
        await rig.pass_time(12)
        assert rig.state(queue_id) is None

    play(root, always(DOWN), scenario)


def test_lost_hop_repeats_the_delivery_at_once_and_blames_nobody(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        rig.land(None)
        await rig.quiet()
        assert len(rig.jobs) == 2
        rig.land([DELIVERED])
        await rig.quiet()
        assert rig.state(queue_id) is None

    rig = play(root, never, scenario)
    assert [site.is_suspect for site, _ in rig.active.schedule.sites()] == [False]


def test_message_with_which_the_hop_is_lost_twice_waits(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        rig.land(None)
        await rig.quiet()
        rig.land(None)
        await rig.quiet()
        assert rig.state(queue_id) is State.DEFERRED

    play(root, never, scenario)


def test_lookup_trouble_defers(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.world.has_trouble = True
        queue_id = await rig.send(envelope(), recipients())
        assert rig.state(queue_id) is State.DEFERRED
        rig.world.has_trouble = False
        await rig.pass_time(12)
        assert rig.state(queue_id) is None

    rig = play(root, always(DELIVERED), scenario)
    assert Kind.TROUBLE in rig.recorder.kinds()


@pytest.mark.parametrize(("reply", "kind"), [(Reply(550, "5.1.2", "gone"), Kind.BOUNCED), (Reply(450, "4.1.2", "later"), Kind.DEFERRED)])
def test_route_that_refuses_is_an_outcome(root: Path, reply: Reply, kind: Kind) -> None:
    async def scenario(rig: Rig) -> None:
        rig.world.answers["bob@world.test"] = RouteRefused(reply)
        await rig.send(envelope(), recipients())

    assert kind in play(root, always(DELIVERED), scenario).recorder.kinds(name(1))


def test_discarded_recipient_counts_as_delivered_and_relay_never_hears_of_it(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.world.answers["bob@world.test"] = Discarded(Reply(250, "2.0.0", "discarded old list"))
        queue_id = await rig.send(envelope(), recipients())
        assert rig.state(queue_id) is None
        assert rig.jobs == []

    (event,) = [event for event in play(root, always(DELIVERED), scenario).recorder.events if event.kind is Kind.DELIVERED]
    assert event.reply == "250 2.0.0 discarded old list"


def test_active_queue_never_holds_more_than_its_limit(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(1, 9):
            rig.admission.hint([put(root, envelope(number), recipients())])
        while len(rig.active.messages) < 5:
            await rig.recorder.changed.wait()
            rig.recorder.changed.clear()
        assert len(rig.active.messages) == 5
        assert len(rig.ids(State.INCOMING)) == 3
        rig.deliver = always(DELIVERED)
        while rig.under_way:
            rig.land([DELIVERED])
        await rig.quiet()
        assert rig.ids(State.ACTIVE) == []

    play(root, never, scenario, active_limit=5)


def test_deferred_mail_leaves_half_of_the_active_queue_to_new_mail(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(1, 11):
            await rig.send(envelope(number), recipients())
        rig.deliver = never
        rig.now += 400
        rig.admission.wake()
        while len(rig.active.messages) < 5:  # noqa: ASYNC110  # taking up a deferred message emits no event
            await asyncio.sleep(0)
        new = put(root, envelope(11), recipients())
        rig.admission.hint([new])
        while new not in rig.active.messages:
            await rig.recorder.changed.wait()
            rig.recorder.changed.clear()
        assert len(rig.active.messages) == 6

    play(root, always(BUSY), scenario, active_limit=10)


def test_corrupt_file_is_put_aside_and_the_next_message_is_delivered(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        bad = put(root, envelope(1), recipients())
        (root / "incoming" / bad).write_bytes(b"junk")
        rig.admission.hint([bad])
        await rig.send(envelope(2), recipients())
        assert rig.state(bad) is State.CORRUPT

    rig = play(root, always(DELIVERED), scenario)
    assert rig.recorder.kinds(name(1)) == [Kind.CORRUPT]
    assert rig.state(name(2)) is None


def test_message_that_no_hint_told_of_is_found_by_a_scan(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = put(root, envelope(), recipients())
        rig.now = (root / "incoming" / queue_id).stat().st_mtime + 5
        await rig.admission.scan()
        await rig.quiet()
        assert rig.state(queue_id) is None

    play(root, always(DELIVERED), scenario)


@pytest.mark.parametrize(("content", "place"), [(b"", None), (b"malleposte-queue 1 ", "corrupt")], ids=["never-finished", "without-its-end"])
def test_what_a_dead_writer_left_is_settled_after_a_day(root: Path, content: bytes, place: str | None) -> None:
    async def scenario(rig: Rig) -> None:
        left = root / "incoming" / name(1)
        left.write_bytes(content)
        rig.now = left.stat().st_mtime + 3600
        await rig.admission.scan()
        await rig.quiet()
        assert rig.state(name(1)) is State.INCOMING
        rig.now += DAY
        await rig.admission.scan()
        assert rig.state(name(1)) == place

    play(root, always(DELIVERED), scenario)


def test_active_message_that_lost_its_end_is_put_aside(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert rig.state(name(1)) is State.CORRUPT

    put(root, envelope(), recipients())
    (root / "active" / name(1)).write_bytes((root / "incoming" / name(1)).read_bytes()[:-1])
    (root / "incoming" / name(1)).unlink()
    play(root, always(DELIVERED), scenario)


def test_strange_file_in_incoming_is_put_aside(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        strange = root / "incoming" / "core.123"
        strange.touch()
        rig.now = strange.stat().st_mtime + 60
        await rig.admission.scan()

    rig = play(root, always(DELIVERED), scenario)
    assert (root / "corrupt" / "core.123").exists()
    assert rig.recorder.kinds() == [Kind.CORRUPT]


def test_hint_for_a_message_that_is_not_there_is_harmless(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.admission.hint([name(5), "../../etc/passwd"])
        await rig.send(envelope(), recipients())

    assert play(root, always(DELIVERED), scenario).state(name(1)) is None


def test_expired_message_is_given_up_and_reported(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        rig.now = ARRIVED + 5 * DAY
        await rig.pass_time(1)
        assert rig.state(queue_id) is None

    rig = play(root, always(BUSY), scenario, delay_warning_seconds=0)
    assert rig.recorder.kinds(name(1))[-3:] == [Kind.DEFERRED, Kind.EXPIRED, Kind.REMOVED]
    assert "450 4.2.1 mailbox busy" in rig.report()
    assert "Status: 5.2.1" in rig.report()


def test_two_outcomes_of_one_batch_each_go_to_their_recipient(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("a@world.test", "b@world.test", "c@world.test"))

    rig = play(root, always(DELIVERED, REFUSED, BUSY), scenario)
    outcomes = {event.recipient: event.kind for event in rig.recorder.events if event.recipient.endswith("world.test")}
    assert outcomes == {"a@world.test": Kind.DELIVERED, "b@world.test": Kind.BOUNCED, "c@world.test": Kind.DEFERRED}


def test_success_that_was_passed_on_is_not_reported_here(root: Path) -> None:
    passed_on = Delivered(Reply(250, "2.0.0", "queued"), REMOTE, dsn_passed_on=True)

    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("a@world.test", notify="SUCCESS"))

    assert Kind.REPORTED not in play(root, always(passed_on), scenario).recorder.kinds()
