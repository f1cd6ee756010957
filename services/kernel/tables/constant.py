"""Tables without a file: ``static:value`` and ``inline:{ key=value, { key = two words } }``."""

from services.kernel.tables.lookup import Found, Table, TableTrouble


class StaticTable(Table):
    """Answers every key with one value (static in DATABASE_README)."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(name)
        self._found = Found(value, name)

    @property
    def is_pattern(self) -> bool:
        """One question is enough: the answer to each is the same."""
        return True

    async def lookup(self, key: str) -> Found | None:
        """The value."""
        return self._found

    def version(self) -> int:
        """Never changes."""
        return 0


class InlineTable(Table):
    """Keys and values in the configuration itself."""

    def __init__(self, name: str, body: str) -> None:
        super().__init__(name)
        self._entries = parse_inline(name, body)

    async def lookup(self, key: str) -> Found | None:
        """The value of a key, without case."""
        value = self._entries.get(key.lower())
        return None if value is None else Found(value, self.name)

    def version(self) -> int:
        """Never changes."""
        return 0


def parse_inline(name: str, body: str) -> dict[str, str]:
    """Read ``{ key=value, ... }``: items are separated by commas or white space, one in braces may hold both. Raises ``TableTrouble``."""
    body = body.strip()
    if not (body.startswith("{") and body.endswith("}")):
        raise TableTrouble(f"{name}: expected {{ key=value, ... }}")
    entries = {}
    for item in _items(name, body[1:-1]):
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise TableTrouble(f"{name}: expected key=value, not {item!r}")
        entries[key.strip().lower()] = value.strip()
    return entries


def _items(name: str, body: str) -> list[str]:
    items, current, depth = list[str](), "", 0
    for character in body:
        if character == "{" and (depth or not current):
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif depth == 0 and (character == "," or character.isspace()):
            items.append(current)
            current = ""
            continue
        current += character
    if depth:
        raise TableTrouble(f"{name}: a brace is not closed")
    return [item.removeprefix("{").removesuffix("}").strip() if item.startswith("{") else item for item in [*items, current] if item]
