"""Match types (RFC 5228 section 2.7.1, RFC 5231, the regex draft): do any of these values match any of these keys?"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.kernel.sieve.comparing import CASEMAP, COMPARATORS, Comparator, Key
from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.regex import Regex, compile_regex
from services.kernel.sieve.regex_syntax import BadPattern
from services.kernel.sieve.templates import MAX_MATCH, Template
from services.kernel.sieve.wildcards import Wildcard, compile_wildcard
from services.kernel.sieve.words import Bound, Option, Want

if TYPE_CHECKING:
    from services.kernel.sieve.machine import Machine

OPTIONS = (
    Option("comparator", Want.STRING),
    Option("is", group="match type"),
    Option("contains", group="match type"),
    Option("matches", group="match type"),
    Option("count", Want.STRING, "match type", "relational"),
    Option("value", Want.STRING, "match type", "relational"),
    Option("regex", None, "match type", "regex"),
)
"""The tags of every test that compares."""

_RELATIONS: dict[str, Callable[[Key, Key], bool]] = {
    "gt": lambda value, key: value > key,  # type: ignore[operator]  # both are of one comparator
    "ge": lambda value, key: value >= key,  # type: ignore[operator]
    "lt": lambda value, key: value < key,  # type: ignore[operator]
    "le": lambda value, key: value <= key,  # type: ignore[operator]
    "eq": lambda value, key: value == key,
    "ne": lambda value, key: value != key,
}
_INSIDE = ("contains", "matches", "regex")
Needle = Key | Wildcard | Regex
"""A key as it is compared: by order, as a piece of text, or as a pattern."""


@dataclass(frozen=True, slots=True)
class Match:
    """How to compare. ``keeps_groups``: what wildcards and groups stood for becomes ``${0}``, ``${1}`` ... (RFC 5229 section 3.2)."""

    comparator: Comparator
    kind: str
    relation: str
    keys: tuple[Template, ...]
    keeps_groups: bool

    def any(self, machine: "Machine", values: Iterable[str | None]) -> bool:
        """Compare every value with every key; a ``None`` is a value for ``:count`` only when it is one, so it is left out."""
        return self.any_of(machine, values, [key.expand(machine) for key in self.keys])

    def any_of(self, machine: "Machine", values: Iterable[str | None], keys: Sequence[str]) -> bool:
        """As ``any``, with keys that were worked out already."""
        present = (value for value in values if value is not None)
        if self.kind == "count":
            present = (count for count in [str(sum(1 for _ in present))])
        needles: list[Needle] | None = None
        for value in present:
            if needles is None:
                needles = list(self._needles(machine, keys))
            machine.spend(1 + len(needles) + self.comparator.work(value) + (len(value) * len(needles) >> 8))
            if self._is_found(machine, value, needles):
                return True
        return False

    def _needles(self, machine: "Machine", keys: Sequence[str]) -> "Iterator[Needle]":
        """All keys, ready to be looked for: they are in memory together."""
        size = 0
        for key in keys:
            needle = self._needle(machine, key)
            size += needle.size if isinstance(needle, Regex) else 0
            if size > machine.limits.all_pattern_states:
                raise RunFault("the regular expressions of a test are too big together")
            if needle is not None:
                yield needle

    def _needle(self, machine: "Machine", key: str) -> "Needle | None":
        """A key, ready to be looked for in any number of values; ``None`` for a pattern that is none."""
        machine.spend(1 + self.comparator.work(key))
        if self.kind not in _INSIDE:
            return self.comparator.order(key)
        folded = self._fold(key)
        if self.kind == "contains":
            return folded
        machine.spend(len(key))
        if self.kind == "matches":
            return compile_wildcard(folded)
        try:
            regex = compile_regex(key, self.comparator is CASEMAP, machine.limits.pattern_states)
            machine.spend(regex.size >> 1)
            return regex
        except BadPattern as bad:
            machine.spend(machine.limits.pattern_states >> 1)  # as much as it may have been
            machine.warn(f"invalid regular expression '{key[:80]}': {bad}")
            return None

    def _fold(self, text: str) -> str:
        return self.comparator.fold(text) if self.comparator.fold else text

    def _is_found(self, machine: "Machine", value: str, needles: "Sequence[Needle]") -> bool:
        if self.kind not in _INSIDE:
            relation, mine = _RELATIONS[self.relation or "eq"], self.comparator.order(value)
            return any(relation(mine, needle) for needle in needles if not isinstance(needle, Wildcard | Regex))
        folded = self._fold(value)
        if self.kind == "contains":
            return any(needle in folded for needle in needles if isinstance(needle, str))
        return any(self._is_like(machine, value, folded, needle) for needle in needles if isinstance(needle, Wildcard | Regex))

    def _is_like(self, machine: "Machine", value: str, folded: str, pattern: Wildcard | Regex) -> bool:
        if isinstance(pattern, Wildcard):
            machine.spend(len(folded) * pattern.effort >> 8)
            spans = pattern.match(folded)
            found = None if spans is None else [(0, len(folded)), *spans]
        else:
            found = pattern.search(folded, machine.spend)
        if found is None:
            return False
        if self.keeps_groups:
            source = value if len(value) == len(folded) else folded
            machine.variables.keep_groups(tuple(source[start:end] if start >= 0 else "" for start, end in found[: MAX_MATCH + 1]))
        return True


def read_match(bound: Bound, keys: Sequence[Template], *, keeps_groups: bool = True, usual: Comparator = CASEMAP) -> Match:
    """The match that the tags of a test ask for; ``usual`` is the comparator without ``:comparator``. Raises ``BadCall``."""
    kind = bound.first_of("is", "contains", "matches", "count", "value", "regex") or "is"
    comparator = _comparator(bound, usual)
    if comparator.fold is None and kind in _INSIDE:
        raise bound.fail(f"the {comparator.name} comparator cannot be used with :{kind} in {bound.name}", bound.options[kind].place)
    if kind == "regex":
        _check_patterns(bound, keys, comparator)
    return Match(comparator, kind, _relation(bound, kind), tuple(keys), keeps_groups and "variables" in bound.required)


def _comparator(bound: Bound, usual: Comparator) -> Comparator:
    template = bound.text("comparator")
    if template is None:
        return usual
    name = template.constant
    if name is None:
        raise bound.fail(f"the comparator of {bound.name} must be a constant", bound.options["comparator"].place)
    is_known = name in ("i;octet", "i;ascii-casemap") or (name in COMPARATORS and f"comparator-{name}" in bound.required)
    if not is_known:
        hint = f" (it needs 'require \"comparator-{name}\"')" if name in COMPARATORS else ""
        raise bound.fail(f"unknown comparator '{name[:40]}' in {bound.name}{hint}", bound.options["comparator"].place)
    return COMPARATORS[name]


def _relation(bound: Bound, kind: str) -> str:
    if kind not in ("count", "value"):
        return ""
    place = bound.options[kind].place
    relation = bound.options[kind].text.constant
    if relation is None or relation.lower() not in _RELATIONS:
        raise bound.fail(f":{kind} of {bound.name} wants one of gt, ge, lt, le, eq, ne", place)
    return relation.lower()


def _check_patterns(bound: Bound, keys: Sequence[Template], comparator: Comparator) -> None:
    limits = bound.limits
    for constant in (key.constant for key in keys if key.constant is not None):
        if bound.tally.pattern_states > limits.all_pattern_states:
            raise bound.fail("the regular expressions of the script are too big together")
        try:
            bound.tally.pattern_states += compile_regex(constant, comparator is CASEMAP, limits.pattern_states).size
        except BadPattern as bad:
            bound.tally.pattern_states += limits.pattern_states  # as much work as it may have been
            raise bound.fail(f"invalid regular expression '{constant[:80]}' in {bound.name}: {bad}") from None
