"""Looking through what a script includes before it runs (RFC 6609): a missing one, a circle, errors inside."""

from collections.abc import Callable
from dataclasses import dataclass

from services.kernel.sieve.capabilities import CAPABILITIES
from services.kernel.sieve.delivery import Location
from services.kernel.sieve.flaws import Flaw, SieveErrors
from services.kernel.sieve.limits import DEFAULT, Limits
from services.kernel.sieve.script import Script, compile_script
from services.kernel.sieve.words import Include

Load = Callable[[Location, str], bytes | None]
Key = tuple[Location, str]


@dataclass(frozen=True, slots=True)
class Found:
    """An error, and the script that has it; ``script`` is ``None`` for the one that was looked through."""

    script: Key | None
    flaw: Flaw


class Library:
    """Stored scripts, by ``load``; ``None`` is a script that does not exist. Each is read once."""

    def __init__(self, load: Load, capabilities: frozenset[str] = CAPABILITIES, limits: Limits = DEFAULT) -> None:
        self._load = load
        self._capabilities = capabilities
        self._limits = limits
        self._seen: set[Key] = set()
        self._open: list[Key] = []

    def examine(self, script: Script) -> tuple[Found, ...]:
        """All errors in what ``script`` includes, those deep inside first; each including script is named as well."""
        found: list[Found] = []
        for include in script.includes:
            inside = self._examine(include)
            if inside is not None:
                found += inside
        return tuple(found)

    def _examine(self, include: Include) -> list[Found] | None:
        key = (include.location, include.name)
        place = self._open[-1] if self._open else None

        def fault(words: str) -> Found:
            return Found(place, Flaw(*include.place, f"included {include.location} script '{include.name}' {words}"))

        if key in self._open:
            return [fault("includes itself in a circle")]
        if key in self._seen:
            return None
        if len(self._open) >= self._limits.include_nesting:
            return [fault(f"is included too deep, the limit is {self._limits.include_nesting}")]
        if len(self._seen) >= self._limits.includes:
            return [fault(f"is one too many, the limit is {self._limits.includes}")]
        self._seen.add(key)
        source = self._load(include.location, include.name)
        if source is None:
            return None if include.is_optional else [fault("does not exist")]
        inside = self._inside(key, source)
        return [*inside, fault("has errors")] if inside else None

    def _inside(self, key: Key, source: bytes) -> list[Found]:
        try:
            script = compile_script(source, self._capabilities, self._limits)
        except SieveErrors as errors:
            return [Found(key, flaw) for flaw in errors.flaws]
        self._open.append(key)
        found = list(self.examine(script))
        self._open.pop()
        return found
