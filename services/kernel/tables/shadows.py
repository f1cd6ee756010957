"""Rules that are never reached, as far as that can be told from their text."""

from collections.abc import Iterator

from services.kernel.tables.flaws import Flaw
from services.kernel.tables.patterns import Engine
from services.kernel.tables.rules import Place, RuleReader

_ALL = frozenset((b"", b".", b"^", b"$", b".*", b"^.*", b".*$", b"^.*$", b".+", b"^.+", b"^.+$", b"(.*)", b"^(.*)$", b"(.+)", b"^(.+)$", b"^(.*)"))
"""Patterns that match every key that occurs."""


def shadowed(engine: Engine, data: bytes) -> Iterator[Flaw]:
    """A flaw for each rule behind one with the same pattern, or behind one that matches everything, in the same block or around it."""
    reader = RuleReader(engine)
    reader.read(data)
    seen: dict[object, list[Place]] = {}
    for place in reader.written:
        is_all = not place.pattern.is_negated and place.pattern.text in _ALL and place.pattern.options in (engine.options, *_without_case(engine))
        for earlier in (*seen.get(_ALL, ()), *seen.get(place.pattern, ())):
            if earlier.blocks == place.blocks[: len(earlier.blocks)]:
                what = "has the same pattern" if earlier.pattern == place.pattern else "matches everything"
                yield Flaw(place.line, f"never reached: line {earlier.line} {what}", is_error=False)
                break
        seen.setdefault(_ALL if is_all else place.pattern, []).append(place)


def _without_case(engine: Engine) -> tuple[int]:
    return (engine.options ^ engine.letters["i"],)
