"""One destination: how many deliveries it gets at once, and when it is dead. Pure: time and chance come in.

The rule is Postfix's (SCHEDULER_README): each success opens the window by one, each failure of the site closes it by one, and when a
window's worth of failures (a cohort) came without a success the site is dead. A dead site is left alone for a time that doubles with each
period; then one delivery probes it.
"""

from dataclasses import dataclass

from services.kernel.wire.delivery import NextHop

PACE_WEIGHT = 0.2
"""Of the newest delivery in the running mean of how long one takes: the last ten or so count."""
SLOW_SECONDS = 5.0
"""A destination that takes longer for a delivery does not get more than its share of the active queue."""


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What a destination is held to; ``minimal`` and ``maximal`` backoff in seconds."""

    initial: int
    limit: int
    cohort_limit: float
    minimal: float
    maximal: float


class Site:
    """The state of one destination."""

    __slots__ = ("_cohorts", "_rules", "dead_until", "in_flight", "is_down", "nexthop", "pace", "periods", "reason", "window")

    def __init__(self, nexthop: NextHop, rules: SiteRules) -> None:
        self.nexthop = nexthop
        self._rules = rules
        self.window = min(rules.initial, rules.limit)
        self.in_flight = 0
        self.dead_until = 0.0
        self.periods = 0
        self.is_down = False
        """It died, and nothing succeeded since; also when an operator revived it."""
        self.pace = 0.0
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
        """One more delivery may start. A site whose time of death is over gets a single one."""
        if now < self.dead_until:
            return False
        return self.in_flight < (1 if self.periods else self.window)

    def succeed(self, seconds: float) -> bool:
        """It answered; ``seconds`` is what the delivery took. Returns whether it was dead before."""
        was_down, self.is_down = self.is_down, False
        if self.periods:
            self.window = min(self._rules.initial, self._rules.limit)
        elif self.window < self._rules.limit and self.window < self.in_flight + self._rules.initial:
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
        if not self.periods and self._cohorts < self._rules.cohort_limit:
            self.window = max(1, self.window - 1)
            return False
        wait = min(self._rules.maximal, self._rules.minimal * 2.0 ** min(self.periods, 20))
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
