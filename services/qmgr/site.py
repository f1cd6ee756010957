"""One destination: how many deliveries it gets at once, and when it is dead. Pure: time, the steady one, and chance come in.

The rule is Postfix's (SCHEDULER_README): each success opens the window by one, each failure of the site closes it by one, and when a
window's worth of failures (a cohort) came without a success the site is dead. A dead site is left alone for a time that doubles with each
period; then one delivery probes it.
"""

from dataclasses import dataclass

from services.kernel.wire.delivery import NextHop
from services.qmgr.flow import Flow

PACE_WEIGHT = 0.2
"""Of the newest delivery in the running mean of how long one takes: the last ten or so count."""
SLOW_SECONDS = 5.0
"""A destination that takes longer for a delivery does not get more than its share of the active queue."""


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What a destination is held to; ``minimal`` and ``maximal`` backoff in seconds.

    ``rate_delay`` are seconds between two deliveries, which then come one at a time (Postfix ``default_destination_rate_delay``);
    ``transport_delay`` the same over all destinations of its transport.
    """

    initial: int
    limit: int
    cohort_limit: float
    minimal: float
    maximal: float
    recipients: int = 50
    rate_delay: float = 0.0
    transport_delay: float = 0.0
    rate: float = 0.0
    """Most deliveries begun in a second, several at a time; 0 for any number."""


class Site:
    """The state of one destination."""

    __slots__ = ("_cohorts", "dead_until", "flow", "in_flight", "is_down", "nexthop", "pace", "paused_until", "periods", "reason", "rules", "window")

    def __init__(self, nexthop: NextHop, rules: SiteRules) -> None:
        self.nexthop = nexthop
        self.rules = rules
        self.window = min(rules.initial, rules.limit)
        self.in_flight = 0
        self.dead_until = 0.0
        self.paused_until = 0.0
        self.periods = 0
        self.is_down = False
        """It died, and nothing succeeded since; also when an operator revived it."""
        self.pace = 0.0
        self.flow = Flow()
        self.reason = ""
        self._cohorts = 0.0

    @property
    def is_suspect(self) -> bool:
        """It failed and was not heard of well since."""
        return self._cohorts > 0 or self.periods > 0

    @property
    def is_slow(self) -> bool:
        """It takes long for each delivery."""
        return self.pace > SLOW_SECONDS

    def is_dead(self, now: float) -> bool:
        """It is left alone."""
        return now < self.dead_until

    def has_room(self, now: float) -> bool:
        """One more delivery may start. A site whose time of death is over gets a single one, and one with a rate gets one at a time."""
        if now < self.dead_until or now < self.paused_until:
            return False
        return self.in_flight < (1 if self.periods or self.rules.rate_delay else self.window)

    def begin(self, now: float) -> bool:
        """A delivery begins. Returns whether the next one must wait for a while by the rate."""
        self.in_flight += 1
        if self.rules.rate:
            self.paused_until = max(now, self.paused_until) + 1.0 / self.rules.rate
        return self.paused_until > now

    def pause(self, now: float) -> bool:
        """A delivery has ended: with a delay nothing is started for a while. Returns whether there is one."""
        if not self.rules.rate:
            self.paused_until = now + self.rules.rate_delay if self.rules.rate_delay else 0.0
        return self.paused_until > now

    def adopt(self, rules: SiteRules) -> None:
        """Go by other rules from now on. A pause of other length is over."""
        if (rules.rate, rules.rate_delay) != (self.rules.rate, self.rules.rate_delay):
            self.paused_until = 0.0
        self.rules = rules
        self.window = min(self.window, rules.limit)

    def succeed(self, seconds: float) -> bool:
        """It answered; ``seconds`` is what the delivery took. Returns whether it was dead before."""
        was_down, self.is_down = self.is_down, False
        if self.periods:
            self.window = min(self.rules.initial, self.rules.limit)
        elif self.window < self.rules.limit and self.window < self.in_flight + self.rules.initial:
            self.window += 1
        self.pace += PACE_WEIGHT * (seconds - self.pace)
        self._cohorts = 0.0
        self.revive()
        return was_down

    def fail(self, now: float, chance: float, reason: str) -> bool:
        """It failed as a site. ``chance`` is between 0 and 1. Returns whether it is dead by this."""
        self.reason = reason
        self._cohorts += 1.0 / self.window
        if self.is_dead(now):
            return False
        if not self.periods and self._cohorts < self.rules.cohort_limit:
            self.window = max(1, self.window - 1)
            return False
        wait = min(self.rules.maximal, self.rules.minimal * 2.0 ** min(self.periods, 20))
        self.dead_until = now + wait * (0.9 + 0.2 * chance)
        self.periods += 1
        self.is_down = True
        self.window = 1
        return True

    def revive(self) -> None:
        """Forget its death."""
        self.dead_until = 0.0
        self.periods = 0
        self.reason = ""
