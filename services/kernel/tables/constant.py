"""Tables without a file: ``static:value``, ``inline:{ key=value, { key = two words } }``, ``fail:name``, and patterns in the configuration."""

from services.kernel.tables.braces import split_assignment, split_items, unbrace
from services.kernel.tables.lookup import Found, Table, TableTrouble
from services.kernel.tables.text import fold


class ConstantTable(Table):
    """Never changes."""

    def version(self) -> int:
        """Never changes."""
        return 0


class StaticTable(ConstantTable):
    """Answers every key with one value; braces around it are taken off (static in DATABASE_README). Raises ``ValueError``."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(name)
        self._found = Found(unbrace(value) if value.startswith("{") else value, name)

    @property
    def is_pattern(self) -> bool:
        """One question is enough: the answer to each is the same."""
        return True

    @property
    def folds_keys(self) -> bool:
        """Postfix counts it among the fixed strings."""
        return True

    async def lookup(self, key: str) -> Found | None:
        """The value; a key that is not UTF-8 has none (Postfix dict_utf8(3))."""
        return None if fold(key) is None else self._found


class InlineTable(ConstantTable):
    """Keys and values in the configuration itself. Raises ``ValueError``."""

    def __init__(self, name: str, body: str) -> None:
        super().__init__(name)
        self._entries = parse_inline(body)

    async def keys(self) -> list[str]:
        """All keys, folded."""
        return [key.decode() for key in self._entries]

    async def lookup(self, key: str) -> Found | None:
        """The value of a key, without case."""
        folded = fold(key)
        value = None if folded is None else self._entries.get(folded)
        return None if value is None else Found(value, self.name)


class FailTable(ConstantTable):
    """Cannot answer: for tests of what happens then (fail in DATABASE_README)."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name)
        self._reason = reason

    async def lookup(self, key: str) -> Found | None:
        """Raises ``TableTrouble``."""
        raise TableTrouble(f"{self.name}: this table always fails: {self._reason}")


def parse_inline(body: str) -> dict[bytes, str]:
    """Read ``{ key=value, { key = two words } }``; of equal keys the last counts. Raises ``ValueError``."""
    entries = {}
    if not body.startswith("{"):
        raise ValueError("expected {key=value, ...}")
    for item in split_items(unbrace(body)):
        key, value = split_assignment(unbrace(item) if item.startswith("{") else item)
        folded = fold(key)
        if folded is None:
            raise ValueError("not UTF-8")
        entries[folded] = value
    if not entries:
        raise ValueError("empty table")
    return entries
