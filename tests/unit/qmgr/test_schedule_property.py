"""Whatever happens to destinations, nothing that waits is forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.schedule import Job, Schedule
from services.qmgr.site import SiteRules
from tests.unit.qmgr.test_schedule import NOW, message

HOPS = [NextHop(Protocol.SMTP, host, transport=transport) for host, transport in (("a", "one"), ("b", "one"), ("c", "two"))]
MESSAGE = message(1)
RULES = st.builds(
    SiteRules,
    initial=st.integers(1, 3),
    limit=st.integers(1, 4),
    cohort_limit=st.just(1.0),
    minimal=st.just(10.0),
    maximal=st.just(40.0),
    rate_delay=st.sampled_from([0.0, 0.0, 3.0]),
    transport_delay=st.sampled_from([0.0, 0.0, 2.0]),
    rate=st.sampled_from([0.0, 0.0, 0.5, 20.0]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(HOPS)),
        st.tuples(st.just("next"), st.just(None)),
        st.tuples(st.sampled_from(["succeed", "fail", "lose"]), st.integers(0, 9)),
        st.tuples(st.just("time"), st.sampled_from([0.1, 1.0, 5.0, 60.0])),
        st.tuples(st.just("revive"), st.sampled_from(HOPS)),
        st.tuples(st.just("rules"), RULES),
    ),
    max_size=60,
)


class Run:
    """A schedule with its clock and what is in flight. ``rules`` hold for all destinations."""

    def __init__(self, rules: SiteRules) -> None:
        self.rules = rules
        self.now = NOW
        self.plan = Schedule(lambda _: self.rules)
        self.flying: list[Job] = []
        self.added = 0
        self.taken = 0

    def step(self, what: str, fact: object) -> None:
        match what, fact:
            case "add", NextHop() as hop:
                self.added += 1
                self.plan.add(Job(MESSAGE, hop, [0]), self.now)
            case "next", _:
                self.take()
            case "time", float(seconds):
                self.now += seconds
            case "revive", NextHop() as hop:
                self.plan.revive(hop, self.now)
            case "rules", SiteRules() as rules:
                self.rules = rules
                self.plan.adopt_rules(self.now)
            case _, int(number) if self.flying:
                self.land(what, number)

    def take(self) -> bool:
        job = self.plan.next(self.now)
        if job is not None:
            self.taken += 1
            self.flying.append(job)
        return job is not None

    def land(self, how: str, number: int) -> None:
        job = self.flying.pop(number % len(self.flying))
        site = self.plan.site(job.nexthop)
        if how == "succeed":
            site.succeed(1.0)
        elif how == "fail":
            site.fail(self.now, 0.5, "down")
        self.plan.landed(job.nexthop, self.now)

    def drain(self) -> None:
        """Every delivery succeeds, and time goes on to when the schedule says that it is to be looked at."""
        while self.plan.waiting or self.flying:
            while self.take():
                pass
            if self.flying:
                self.land("succeed", 0)
                continue
            wakeup = self.plan.next_wakeup()
            if not self.plan.waiting:
                return
            assert wakeup is not None, "it waits, and nothing will tell"
            self.now = max(self.now, wakeup)


@given(RULES, STEPS)
def test_each_job_that_waits_is_offered_when_the_schedule_says(rules: SiteRules, steps: list[tuple[str, object]]) -> None:
    run = Run(rules)
    for what, fact in steps:
        run.step(what, fact)
    run.drain()
    assert run.taken == run.added
    assert not run.plan.waiting
