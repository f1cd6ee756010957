"""The state of a run: where it is, what it has spent, what it has decided."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from services.kernel.sieve.delivery import Delivery, Failure, Location, Mark, Site, Stage, Step
from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.limits import Limits
from services.kernel.sieve.message import Message
from services.kernel.sieve.outcome import Outcome
from services.kernel.sieve.scope import Variables

if TYPE_CHECKING:
    from services.kernel.mail.mime.structure import Part
    from services.kernel.sieve.script import Script
    from services.kernel.sieve.words import Command, Test

_MOST_TRACED = 10_000
"""Steps of a trace; a run that has more is a loop over parts that nobody reads to the end."""


_MOST_WARNINGS = 20
_MOST_MARKS = 16
"""Messages that one run remembers."""
_KNOWN = {"name": "Malleposte Sieve", "location": "MS", "phase": "during"}
"""RFC 5183 section 4.1: scripts run where mail is stored, while it is delivered."""


class Stop(Exception):
    """``stop`` (RFC 5228 section 3.3)."""


class Return(Exception):
    """``return`` from an included script (RFC 6609 section 3.3)."""


class Break(Exception):
    """``break`` out of ``foreverypart`` (RFC 5703 section 3.2)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Machine:
    """What every command and test works on. ``name`` and ``variables`` change while an included script runs."""

    def __init__(self, delivery: Delivery, site: Site, limits: Limits, *, traced: bool) -> None:
        self.delivery = delivery
        self.site = site
        self.limits = limits
        self.steps = 0
        self.line = 0
        self.name = ""
        self.depth = 0
        self.trace: list[Step] = []
        self.message = Message(delivery.content, self.spend)
        self.outcome = Outcome(limits)
        self.shared: dict[str, str] = {}
        self.variables = Variables(self.shared, limits)
        self.warnings: list[Failure] = []
        self.parts: list[Part] = []
        """The parts that ``foreverypart`` is at, the innermost last."""
        self.included: list[tuple[str, str]] = []
        self.once: set[tuple[str, str]] = set()
        self.includes = 0
        self._traced = traced

    def begin(self, stage: Stage, outcome: Outcome) -> None:
        """Start with the next script; the message stays as it was edited."""
        self.name, self.line, self.depth, self.outcome = stage.name, 0, 0, outcome
        self.shared = {}
        self.variables = Variables(self.shared, self.limits)
        self.parts, self.included, self.once = [], [], set()

    def load(self, location: Location, name: str) -> "Script | None":
        """A script to include."""
        self.spend(100)
        return self.site.script(location, name)

    def environment(self, name: str) -> str | None:
        """An item of RFC 5183 section 4; ``None`` for one that is not known."""
        return self.delivery.environment.get(name, _KNOWN.get(name))

    def is_duplicate(self, mark: Mark) -> bool:
        """Whether the message was seen, and note that it was (RFC 7352 section 3)."""
        self.spend(10)
        was_seen = self.site.was_seen(mark.handle, mark.identity)
        if (not was_seen or mark.is_last) and mark not in self.outcome.marks and len(self.outcome.marks) < _MOST_MARKS:
            self.outcome.marks.append(mark)
        return was_seen

    def warn(self, text: str) -> None:
        """Something is wrong that changes only the outcome of a test."""
        if len(self.warnings) < _MOST_WARNINGS:
            self.warnings.append(Failure(self.name, self.line, text))
        self.tell(f"warning: {text}")

    def spend(self, steps: int) -> None:
        """Count work. Raises ``RunFault`` when there was too much."""
        self.steps += steps
        if self.steps > self.limits.steps:
            raise RunFault(f"the script takes too long: more than {self.limits.steps} steps")

    def spend_text(self, text: str) -> None:
        """Count the making of a string."""
        self.spend(1 + (len(text) >> 8))

    def tell(self, text: str) -> None:
        """Add a line to the trace."""
        if self._is_told():
            self.trace.append(Step(self.name, self.line, self.depth, text))

    def _is_told(self) -> bool:
        return self._traced and len(self.trace) < _MOST_TRACED

    def execute(self, commands: "Sequence[Command]") -> None:
        """Run the commands of a script or block in order."""
        for command in commands:
            self.line = command.place.line
            self.spend(1)
            if command.text:
                self.tell(command.text)
            command.run(self)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """What runs inside stands one block deeper."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def ask(self, test: "Test") -> bool:
        """Evaluate a test. In the trace it stands before the tests inside it."""
        self.line = test.place.line
        self.spend(1)
        at = len(self.trace) if self._is_told() else -1
        if at >= 0:
            self.trace.append(Step(self.name, self.line, self.depth, test.text))
        with self.deeper():
            outcome = test.holds(self) if test.constant is None else test.constant
        if at >= 0:
            self.trace[at] = replace(self.trace[at], outcome=outcome)
        return outcome
