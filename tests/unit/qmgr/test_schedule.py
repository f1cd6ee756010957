
from services.kernel.spool.format import HEAD_BYTES, parse, parse_layout, prefix
from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.message import Message
from services.qmgr.schedule import IDLE_SITES, Job, Schedule
from services.qmgr.site import SiteRules
from tests.unit.kernel.spool.messages import envelope, name, recipients

NOW = 1_800_000_000.0


def message(number: int) -> Message:
    block = prefix(envelope(number), recipients()).encode(0)
    return Message(name(number), parse(parse_layout(block[:HEAD_BYTES]), block, len(block)), has_history=False)


def nexthop(domain: str) -> NextHop:
    return NextHop(Protocol.SMTP, domain)


def schedule(initial: int = 5, limit: int = 20) -> Schedule:
    return Schedule(lambda _: SiteRules(initial, limit, 1.0, 300, 4200))


def paced(rate_delay: float = 0.0, transport_delay: float = 0.0) -> Schedule:
    return Schedule(lambda _: SiteRules(5, 20, 1.0, 300, 4200, rate_delay=rate_delay, transport_delay=transport_delay))


def started(plan: Schedule, after: float = 0.0) -> str:
    """The host of the next job, empty when all must wait."""
    job = plan.next(NOW + after)
    return job.nexthop.host if job else ""


def add(plan: Schedule, number: int, domain: str, *numbers: int) -> None:
    plan.add(Job(message(number), nexthop(domain), list(numbers or (0,))), NOW)


def taken(plan: Schedule, count: int) -> list[str]:
    jobs = [plan.next(NOW) for _ in range(count)]
    return [f"{job.nexthop.host}:{job.message.envelope.queue_id[-1]}{job.numbers[0]}" for job in jobs if job]


def test_destinations_take_turns() -> None:
    plan = schedule()
    for number in (1, 2, 3):
        add(plan, number, "busy.test")
    add(plan, 4, "calm.test")
    assert [job.split(":")[0] for job in taken(plan, 4)] == ["busy.test", "calm.test", "busy.test", "busy.test"]


def test_messages_of_a_destination_take_turns() -> None:
    plan = schedule()
    for start in (0, 50, 100):
        add(plan, 1, "world.test", start)
    add(plan, 2, "world.test", 7)
    last = name(1)[-1], name(2)[-1]
    assert taken(plan, 4) == [f"world.test:{last[0]}0", f"world.test:{last[1]}7", f"world.test:{last[0]}50", f"world.test:{last[0]}100"]


def test_full_destination_gets_nothing_until_a_delivery_has_landed() -> None:
    plan = schedule(initial=1, limit=1)
    add(plan, 1, "world.test")
    add(plan, 2, "world.test")
    assert len(taken(plan, 2)) == 1
    plan.landed(nexthop("world.test"), NOW)
    assert len(taken(plan, 2)) == 1


def test_dead_destination_waits_until_its_time_and_is_then_probed_by_one() -> None:
    plan = schedule(initial=1)
    for number in (1, 2, 3):
        add(plan, number, "dead.test")
    assert plan.next(NOW)
    site = plan.site(nexthop("dead.test"))
    assert site.fail(NOW, 0.5, "refused")
    plan.landed(nexthop("dead.test"), NOW)
    assert plan.next(NOW + 299) is None
    assert plan.next(NOW + 301) is not None
    assert plan.next(NOW + 301) is None


def test_withdrawn_message_is_not_delivered() -> None:
    plan = schedule()
    add(plan, 1, "world.test", 0)
    add(plan, 1, "world.test", 50)
    add(plan, 2, "world.test")
    assert len(plan.withdraw(name(1))) == 2
    assert taken(plan, 3) == [f"world.test:{name(2)[-1]}0"]
    assert plan.waiting == 0


def test_flushed_destination_is_empty() -> None:
    plan = schedule()
    add(plan, 1, "world.test")
    add(plan, 2, "world.test")
    assert len(plan.flush(nexthop("world.test"))) == 2
    assert plan.next(NOW) is None
    assert plan.waiting_for(nexthop("world.test")) == 0


def test_revived_destination_is_tried_at_once() -> None:
    plan = schedule(initial=1)
    add(plan, 1, "dead.test")
    plan.site(nexthop("dead.test")).fail(NOW, 0.5, "refused")
    plan.revive(nexthop("dead.test"), NOW)
    assert plan.next(NOW) is not None


def test_idle_destinations_are_forgotten_and_dead_ones_not() -> None:
    plan = schedule(initial=1)
    plan.site(nexthop("dead.test")).fail(NOW, 0.5, "refused")
    for number in range(IDLE_SITES + 500):
        plan.site(nexthop(f"{number}.test"))
    for _ in range(600):
        plan.site(nexthop("busy.test")).in_flight += 1
        plan.landed(nexthop("busy.test"), NOW)
    kept = [site.nexthop.host for site, _ in plan.sites()]
    assert len(kept) <= IDLE_SITES + 1
    assert "dead.test" in kept


def test_destination_with_a_rate_gets_one_delivery_at_a_time_and_a_pause() -> None:
    plan = paced(rate_delay=10)
    for number in (1, 2, 3):
        add(plan, number, "slow.test")
    add(plan, 4, "other.test")
    assert [started(plan) for _ in range(3)] == ["slow.test", "other.test", ""]
    plan.landed(nexthop("slow.test"), NOW + 1)
    assert (started(plan, 10.9), plan.next_wakeup()) == ("", NOW + 11)
    assert [started(plan, 11) for _ in range(2)] == ["slow.test", ""]


def test_destinations_of_a_transport_with_a_rate_pass_one_by_one_and_take_turns() -> None:
    plan = paced(transport_delay=2)
    for number, domain in enumerate(("a.test", "b.test", "c.test", "a.test"), 1):
        add(plan, number, domain)
    order = []
    for turn in range(4):
        order.append(started(plan, turn * 3))
        assert started(plan, turn * 3) == ""
        plan.landed(nexthop(order[-1]), NOW + turn * 3 + 1)
        assert started(plan, turn * 3 + 2.9) == ""
    assert order == ["a.test", "b.test", "c.test", "a.test"]


def test_rate_that_is_taken_away_holds_nobody_any_longer() -> None:
    rules = [SiteRules(5, 20, 1.0, 300, 4200, transport_delay=1000)]
    plan = Schedule(lambda _: rules[-1])
    for number in (1, 2, 3):
        add(plan, number, "a.test")
    assert [started(plan) for _ in range(2)] == ["a.test", ""]
    rules.append(SiteRules(1, 2, 1.0, 300, 4200))
    plan.adopt_rules(NOW)
    assert [started(plan) for _ in range(2)] == ["a.test", ""]
    plan.landed(nexthop("a.test"), NOW)
    assert started(plan) == "a.test"


def test_pause_of_a_dead_destination_is_not_shorter_than_its_death() -> None:
    plan = Schedule(lambda _: SiteRules(1, 1, 1.0, 300, 4200, rate_delay=1))
    add(plan, 1, "dead.test")
    add(plan, 2, "dead.test")
    assert started(plan) == "dead.test"
    plan.site(nexthop("dead.test")).fail(NOW, 0.5, "refused")
    plan.landed(nexthop("dead.test"), NOW)
    assert [started(plan, after) for after in (2, 299, 300)] == ["", "", "dead.test"]
