"""The time of day is set while mail waits: it is tried when it would have been, and lives as long as it would have lived."""

from pathlib import Path

import pytest
from msgspec import structs

from services.kernel.mail.envelope import Envelope
from services.kernel.mail.outcome import Outcome
from services.kernel.spool.store import State
from services.kernel.wire import control
from services.kernel.wire.control import Selection
from services.kernel.wire.events import Kind
from services.qmgr.clock import STRETCHES, Clock, Moment
from services.qmgr.schedule import Job
from tests.unit.kernel.spool.messages import ARRIVED, envelope, make_volume, name, put, recipients
from tests.unit.qmgr.rig import BUSY, DELIVERED, DOWN, Rig, always, never, play

DAY = 86_400.0
LIFETIME = 5 * DAY


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


def stamped_at(arrived: float) -> Envelope:
    return structs.replace(envelope(), arrived=arrived)


class Times:
    """A clock whose times a test sets."""

    def __init__(self) -> None:
        self.steady = 1000.0
        self.ahead = 1_800_000_000.0
        self.clock = Clock(lambda: self.steady + self.ahead, lambda: self.steady)

    def set(self, ahead: float) -> None:
        """Set the time of day ahead by so much more, half a second after it was last looked at."""
        self.clock.now()
        self.steady += 0.5
        self.ahead += ahead

    def pass_time(self, seconds: float) -> float:
        """Returns the time of day afterwards."""
        self.steady += seconds
        return self.clock.now().wall


def test_age_is_what_the_clock_says_when_it_was_not_set() -> None:
    assert Moment(5000.0, 10.0).age(1000.0) == 4000.0
    assert Moment(5000.0, 10.0).age(5001.0) == 0.0


@pytest.mark.parametrize("ahead", [3 * DAY, -3 * DAY])
def test_age_leaves_out_what_the_clock_was_set_by(ahead: float) -> None:
    times = Times()
    before = times.pass_time(60)
    times.set(ahead)
    after = times.pass_time(60)
    times.pass_time(40)
    assert times.clock.now().age(before) == pytest.approx(100.5)
    assert times.clock.now().age(after) == pytest.approx(40)


def test_age_survives_a_clock_that_ran_ahead_and_was_set_right() -> None:
    times = Times()
    before = times.pass_time(60)
    times.set(6 * DAY)
    ahead = times.pass_time(60)
    times.set(-6 * DAY)
    times.pass_time(60)
    assert times.clock.now().age(before) == pytest.approx(121)
    assert times.clock.now().age(ahead) == pytest.approx(60.5)


def test_stamp_of_a_clock_that_was_not_set_along_is_young() -> None:
    times = Times()
    stamped = times.pass_time(60) + 10
    times.set(6 * DAY)
    times.pass_time(60)
    assert times.clock.now().age(stamped) == pytest.approx(50.5)


def test_clock_that_drifts_was_not_set_and_one_that_is_set_all_the_time_costs_no_memory() -> None:
    times = Times()
    for _ in range(100):
        times.steady += 1.0
        times.ahead += 0.01
        assert not times.clock.now().past
    for _ in range(2 * STRETCHES):
        times.set(10.0)
    assert len(times.clock.now().past) == STRETCHES


def test_message_deferred_by_a_clock_that_was_ahead_is_tried_when_it_was_to_be(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.ahead = 30 * DAY
        queue_id = await rig.send(stamped_at(ARRIVED + 30 * DAY), recipients())
        rig.ahead = 0.0
        rig.deliver = always(DELIVERED)
        await rig.pass_time(298)
        assert rig.state(queue_id) is State.DEFERRED
        await rig.pass_time(3)
        assert rig.state(queue_id) is None

    play(root, always(BUSY), scenario)


def test_dead_destination_is_probed_in_time_when_the_clock_was_set_back(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.ahead = 30 * DAY
        for number in range(1, 11):
            await rig.send(envelope(number), recipients())
        assert Kind.SITE_DOWN in rig.recorder.kinds()
        rig.ahead = 0.0
        rig.deliver = always(DELIVERED)
        await rig.pass_time(400)
        assert rig.ids(State.DEFERRED) == []

    play(root, always(DOWN), scenario)


def test_plan_is_shown_by_the_clock_as_it_is_now(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        rig.ahead = -DAY
        listing = await rig.control.answer(control.List(Selection()))
        assert isinstance(listing, control.Listing)
        (entry,) = listing.entries
        assert entry.queue_id == queue_id
        assert entry.next_attempt == pytest.approx(rig.now - DAY + 300, abs=1)

    play(root, always(BUSY), scenario)


def test_plan_that_was_written_down_by_a_clock_that_was_ahead_is_due_at_the_start(root: Path) -> None:
    async def ahead(rig: Rig) -> None:
        await rig.send(stamped_at(ARRIVED + 30 * DAY), recipients())
        assert rig.ids(State.DEFERRED) == [name(1)]

    async def right(rig: Rig) -> None:
        await rig.pass_time(0)
        assert rig.ids(State.DEFERRED) == []

    play(root, always(BUSY), ahead, ahead=30 * DAY)
    play(root, always(DELIVERED), right)


def test_plan_that_was_written_down_by_the_same_clock_holds_after_a_start(root: Path) -> None:
    async def before(rig: Rig) -> None:
        await rig.send(envelope(), recipients())

    async def after(rig: Rig) -> None:
        await rig.pass_time(298)
        assert rig.ids(State.DEFERRED) == [name(1)]
        await rig.pass_time(3)
        assert rig.ids(State.DEFERRED) == []

    play(root, always(BUSY), before)
    play(root, always(DELIVERED), after)


def test_clock_set_ahead_makes_no_message_expire(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        rig.ahead = 2 * LIFETIME
        await rig.pass_time(301)
        assert rig.state(queue_id) is State.DEFERRED
        await rig.pass_time(LIFETIME)
        assert Kind.EXPIRED in rig.recorder.kinds(queue_id)

    play(root, always(BUSY), scenario)


def test_clock_set_ahead_in_a_delivery_makes_no_message_expire(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        rig.ahead = 2 * LIFETIME
        rig.land([BUSY])
        await rig.quiet()
        assert rig.state(queue_id) is State.DEFERRED
        assert Kind.DELAYED not in rig.recorder.kinds()

    play(root, never, scenario)


def test_message_of_the_future_lives_from_its_first_attempt_also_across_starts(root: Path) -> None:
    """Its stamp is ten years ahead: it is neither given up at once nor kept for ten years."""
    stamped = stamped_at(ARRIVED + 3650 * DAY)

    async def begin(rig: Rig) -> None:
        queue_id = await rig.send(stamped, recipients())
        assert rig.state(queue_id) is State.DEFERRED
        assert rig.parts.plan.time(queue_id) - rig.now == pytest.approx(300)

    async def go_on(rig: Rig) -> None:
        await rig.pass_time(LIFETIME - 1000)
        assert rig.ids(State.DEFERRED) == [name(1)]

    async def end(rig: Rig) -> None:
        await rig.pass_time(LIFETIME + 1)
        assert Kind.EXPIRED in rig.recorder.kinds(name(1))

    for scenario in (begin, go_on, end):
        play(root, always(BUSY), scenario)


def test_file_of_the_future_is_found_by_the_scan(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = put(root, envelope(), recipients())
        await rig.admission.scan()
        await rig.quiet()
        assert rig.state(queue_id) is None

    rig = play(root, always(DELIVERED), scenario, ahead=-3650 * DAY)
    assert [job.message.queue_id for job in rig.jobs] == [name(1)]


def test_all_is_well_whatever_the_clock_does_meanwhile(root: Path) -> None:
    """Every attempt but the last fails, and between two of them the clock goes to and fro by days."""
    answers: list[Outcome] = [BUSY, DOWN, BUSY, DOWN, BUSY, DELIVERED]

    def deliver(_job: Job) -> list[Outcome]:
        return [answers.pop(0)]

    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients())
        for ahead in (9, -9, 0, -30, 30, 1):
            rig.ahead = ahead * DAY
            await rig.pass_time(4300)
        assert rig.state(queue_id) is None
        assert rig.recorder.kinds(queue_id)[-2:] == [Kind.DELIVERED, Kind.REMOVED]

    play(root, deliver, scenario)
