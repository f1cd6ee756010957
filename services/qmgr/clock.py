"""Two times at once: a steady one, which plans go by, and the time of day, which is written down and shown.

The time of day may be set while mail waits, by days and in both directions. A plan must not sleep longer for that, and mail that was an hour
here must not be given up because the clock says that it was a week. So plans are in the steady time, and what a step of the clock adds to the
age of a message, or takes from it, is left out. A process that was not there when the clock was set knows the time of day alone, and believes it.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

STEP_SECONDS = 1.0
"""A time of day that moves by more than this against the steady one was set; what keeps a clock right moves it by 0.5 ms in a second."""
STRETCHES = 32
"""Steps that are remembered; beyond this the oldest are forgotten."""


class Stretch(NamedTuple):
    """The clock between two steps: the times of day that it went through, and what it was ahead of the steady time."""

    begin: float
    end: float
    offset: float


class Moment(NamedTuple):
    """A moment in both times: seconds since the epoch, and seconds of a clock that is never set. ``begin``: when the clock was last set."""

    wall: float
    steady: float
    begin: float = float("-inf")
    past: tuple[Stretch, ...] = ()

    def shown(self, steady: float) -> float:
        """The time of day of a planned moment, as the clock is now."""
        return self.wall + (steady - self.steady)

    def planned(self, wall: float, longest: float) -> float:
        """The steady time of a time of day that was written down. One that is further away than any plan was made by another clock: it is now."""
        return self.steady if wall > self.wall + longest else self.steady + (wall - self.wall)

    def age(self, since: float) -> float:
        """Seconds since a time of day that the clock has shown; none when it never has yet."""
        return max(0.0, self.steady - (since - self._offset(since)))

    def _offset(self, wall: float) -> float:
        """By the newest stretch that went through it, or else by the one that came nearest to it from below."""
        now = Stretch(self.begin, self.wall, self.wall - self.steady)
        if not self.past:
            return now.offset
        stretches = (now, *reversed(self.past))
        through = next((stretch for stretch in stretches if stretch.begin <= wall <= stretch.end), None)
        below = (stretch for stretch in stretches if stretch.end < wall)
        return (through or max(below, key=lambda stretch: stretch.end, default=now)).offset


class Clock:
    """Looks at both clocks and remembers when the time of day was set; asked every second or more often."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._last = Moment(wall(), steady())

    def now(self) -> Moment:
        """The present moment."""
        wall, steady, last = self._wall(), self._steady(), self._last
        begin, past = last.begin, last.past
        if abs(wall - last.shown(steady)) > STEP_SECONDS:
            past = (*past, Stretch(begin, last.wall, last.wall - last.steady))[-STRETCHES:]
            begin = wall - (steady - last.steady)
        self._last = Moment(wall, steady, begin, past)
        return self._last
