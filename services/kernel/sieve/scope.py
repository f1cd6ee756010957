"""Variables of a running script (RFC 5229) and those it shares with scripts it includes (RFC 6609 section 3.3)."""

from collections.abc import Iterable

from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.limits import Limits
from services.kernel.sieve.templates import Reference


class Variables:
    """One script's variables. A name declared ``global`` is the shared one; match variables are the script's own."""

    def __init__(self, shared: dict[str, str], limits: Limits) -> None:
        self._own: dict[str, str] = {}
        self._shared = shared
        self._declared: set[str] = set()
        self._groups: tuple[str, ...] = ()
        self._most_bytes = limits.variable_bytes
        self._most_variables = limits.variables

    def value(self, reference: Reference) -> str:
        """The value, empty for a variable that was never set (RFC 5229 section 3)."""
        if reference.name.isdigit():
            number = int(reference.name)
            return self._groups[number] if number < len(self._groups) else ""
        return self._store(reference).get(reference.name, "")

    def set(self, reference: Reference, value: str) -> None:
        """Store a value, cut to what one may hold, never inside a character. Raises ``RunFault`` when there are too many."""
        store = self._store(reference)
        if reference.name not in store and len(store) >= self._most_variables:
            raise RunFault(f"too many variables, the limit is {self._most_variables}")
        store[reference.name] = clip(value, self._most_bytes)

    def declare(self, names: Iterable[str]) -> None:
        """``global`` of these names."""
        for name in names:
            self._declared.add(name)
            self._shared.setdefault(name, "")

    def keep_groups(self, groups: tuple[str, ...]) -> None:
        """What the last successful match stood for, number 0 first."""
        self._groups = tuple(clip(group, self._most_bytes) for group in groups)

    def _store(self, reference: Reference) -> dict[str, str]:
        return self._shared if reference.namespace == "global" or reference.name in self._declared else self._own


def clip(text: str, most_bytes: int) -> str:
    """Cut ``text`` so that its UTF-8 has no more than ``most_bytes``."""
    if len(text) * 4 <= most_bytes or len(octets := text.encode("utf-8", "surrogateescape")) <= most_bytes:
        return text
    return octets[:most_bytes].decode("utf-8", "ignore") if _is_clean(text) else octets[:most_bytes].decode("utf-8", "surrogateescape")


def _is_clean(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
