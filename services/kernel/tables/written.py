"""Patterns and networks in the configuration itself: ``pcre:{ {/pattern/ text}, ... }`` (pcre_table(5), "INLINE SPECIFICATION")."""

from services.kernel.tables import cidr, rules
from services.kernel.tables.braces import shown, split_items, unbrace
from services.kernel.tables.constant import ConstantTable
from services.kernel.tables.lookup import Found
from services.kernel.tables.patterns import Engine
from services.kernel.tables.source import Watch


class RuleInline(ConstantTable):
    """Rules of ``regexp:`` or ``pcre:``. Raises ``ValueError`` for bad braces and ``TableTrouble`` for a bad rule."""

    def __init__(self, name: str, body: str, engine: Engine, watch: Watch) -> None:
        super().__init__(name)
        self._rules, flaws = rules.parser(engine)(as_file(body))
        watch.accept(shown(name), flaws)

    @property
    def is_pattern(self) -> bool:
        """Patterns see the whole key only."""
        return True

    async def lookup(self, key: str) -> Found | None:
        """Raises ``TableTrouble``."""
        return rules.find(self._rules, key, self.name)


class CidrInline(ConstantTable):
    """Rules of ``cidr:``. Raises ``ValueError`` for bad braces and ``TableTrouble`` for a bad rule."""

    def __init__(self, name: str, body: str, watch: Watch) -> None:
        super().__init__(name)
        self._networks, flaws = cidr.parse_cidr(as_file(body))
        watch.accept(shown(name), flaws)

    @property
    def is_pattern(self) -> bool:
        """Networks see the whole key only."""
        return True

    async def lookup(self, key: str) -> Found | None:
        """The text of the first network that holds the address."""
        return cidr.find(self._networks, key, self.name)


def as_file(body: str) -> bytes:
    """The lines that the items in braces stand for. Raises ``ValueError``."""
    return "\n".join(unbrace(item) for item in split_items(unbrace(body))).encode()
