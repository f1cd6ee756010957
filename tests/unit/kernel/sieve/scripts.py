"""Scripts over a message, in one line of a test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from services.kernel.sieve.actions import Discard
from services.kernel.sieve.capabilities import CAPABILITIES
from services.kernel.sieve.delivery import Delivery, Envelope, Location, Result, Stage
from services.kernel.sieve.flaws import SieveErrors
from services.kernel.sieve.limits import DEFAULT, Limits
from services.kernel.sieve.running import run
from services.kernel.sieve.script import Script, compile_script

MESSAGE = b"From: Bob <bob@world.test>\r\nTo: alice@example.test\r\nSubject: Hello\r\nMessage-ID: <1@world.test>\r\n\r\nHi Alice\r\n"
ENVELOPE = Envelope("bob@world.test", "alice@example.test")
NOW = datetime(2026, 11, 28, 13, 5, 9, tzinfo=timezone(timedelta(hours=1)))


@dataclass
class World:
    """What scripts may ask about."""

    folders: set[str] = field(default_factory=set)
    special: dict[str, str] = field(default_factory=dict)
    annotations: dict[tuple[str | None, str], str] = field(default_factory=dict)
    scripts: dict[tuple[str, str], str] = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def mailbox_exists(self, folder: str) -> bool:
        return folder in self.folders

    def special_use_exists(self, attribute: str, folder: str | None) -> bool:
        return attribute in self.special and folder in (None, self.special[attribute])

    def metadata(self, folder: str | None, entry: str) -> str | None:
        return self.annotations.get((folder, entry))

    def script(self, location: Location, name: str) -> Script | None:
        source = self.scripts.get((str(location), name))
        return None if source is None else compile_script(source.encode())

    def was_seen(self, handle: str, identity: str) -> bool:
        return (handle, identity) in self.seen


def judge(
    *scripts: str,
    message: bytes = MESSAGE,
    envelope: Envelope = ENVELOPE,
    world: World | None = None,
    limits: Limits = DEFAULT,
    addresses: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    traced: bool = False,
) -> Result:
    """Run scripts, each with all it requires written in it."""
    stages = [Stage(f"script{number}", compile_script(source.encode(), limits=limits)) for number, source in enumerate(scripts, 1)]
    delivery = Delivery(message, envelope, NOW, tuple(addresses), environment or {})
    return run(stages, delivery, world or World(), limits, traced=traced)


def holds(test: str, *, before: str = "", message: bytes = MESSAGE, envelope: Envelope = ENVELOPE, world: World | None = None) -> bool:
    """Tell whether a test is true; everything is required."""
    names = ", ".join(f'"{name}"' for name in sorted(CAPABILITIES))
    result = judge(f"require [{names}]; {before} if {test} {{ discard; }}", message=message, envelope=envelope, world=world)
    assert result.error is None
    return result.actions == (Discard(),)


def flaws(source: str | bytes, limits: Limits = DEFAULT) -> list[str]:
    """The errors of a script, in order."""
    try:
        compile_script(source if isinstance(source, bytes) else source.encode(), limits=limits)
    except SieveErrors as errors:
        return [str(flaw) for flaw in errors.flaws]
    return []
