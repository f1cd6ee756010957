"""``%s %u %d %1 ... %S %U %D`` in the queries and result formats of SQL tables (sqlite_table(5), pgsql_table(5), Postfix db_common(3))."""

from collections.abc import Callable
from dataclasses import dataclass

_LETTERS = frozenset("%suSUdD123456789")
_OF_KEY_DOMAIN = frozenset("D123456789")

Quote = Callable[[str], str]


def as_is(text: str) -> str:
    """Nothing to quote."""
    return text


@dataclass(frozen=True, slots=True)
class Address:
    """A key or a value with its parts; ``domain`` is ``None`` without ``@``."""

    text: str
    user: str
    domain: str | None


@dataclass(frozen=True, slots=True)
class Templates:
    """A query and a result format. Both say what a key must have to be looked up at all. Raises ``ValueError`` for an unknown letter."""

    query: str
    result: str

    def __post_init__(self) -> None:
        for what, template in (("query", self.query), ("result_format", self.result)):
            for letter in _letters(template):
                if letter not in _LETTERS:
                    raise ValueError(f"{what}: there is no %{letter}; a percent sign is written %%")

    def expand_query(self, key: str, quote: Quote) -> str | None:
        """The query, or ``None`` when the key lacks a part that is needed: then nothing is found."""
        return _expand(self.query, _split(key), _split(key), quote) if self._is_asked_for(key) else None

    def expand_result(self, value: str, key: str) -> str | None:
        """What a row's value becomes, or ``None`` when it lacks a part that is needed."""
        if not value:
            return None
        needed = set(_letters(self.result))
        parts = _split(value)
        if ("d" in needed and not parts.domain) or ("u" in needed and parts.domain is not None and not parts.user):
            return None
        return _expand(self.result, parts, _split(key), as_is)

    def _is_asked_for(self, key: str) -> bool:
        query, result = set(_letters(self.query)), set(_letters(self.result))
        parts = _split(key)
        needs_user = query & set("uU") or "U" in result
        needs_domain = query & (_OF_KEY_DOMAIN | {"d"}) or result & _OF_KEY_DOMAIN
        if (needs_domain and not parts.domain) or (needs_user and parts.domain is not None and not parts.user):
            return False
        labels = max((int(letter) for letter in query | result if letter.isdigit()), default=0)
        return bool(key) and len(_labels(parts)) >= labels


def _letters(template: str) -> list[str]:
    letters, place = list[str](), template.find("%")
    while place >= 0:
        letters.append(template[place + 1 : place + 2])
        place = template.find("%", place + 2)
    return letters


def _split(text: str) -> Address:
    user, at, domain = text.rpartition("@")
    return Address(text, user, domain) if at else Address(text, text, None)


def _labels(parts: Address) -> list[str]:
    return [label for label in (parts.domain or "").split(".") if label]


def _expand(template: str, value: Address, key: Address, quote: Quote) -> str:
    words = {"%": "%", "s": quote(value.text), "u": quote(value.user), "d": quote(value.domain or "")}
    words |= {"S": quote(key.text), "U": quote(key.user), "D": quote(key.domain or "")}
    words |= {str(number): quote(label) for number, label in enumerate(reversed(_labels(key)), 1) if number < 10}
    parts, rest = list[str](), template
    while True:
        before, percent, rest = rest.partition("%")
        parts.append(before)
        if not percent:
            return "".join(parts)
        parts.append(words[rest[0]])
        rest = rest[1:]
