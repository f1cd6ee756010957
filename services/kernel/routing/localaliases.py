"""Aliases of the users of this host, ``alias_maps``, as local(8) asks for them."""

from dataclasses import dataclass

from services.kernel.mail.address import fold, split, split_extension
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.inquiry import Hit, Inquiry
from services.kernel.routing.names import Names
from services.kernel.routing.notes import Note
from services.kernel.routing.search import AddressSearch
from services.kernel.tables.aliases import INCLUDE, is_quoted, refusal_of, split_targets, unquote
from services.kernel.tables.collection import Tables


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an alias stands for. ``owner`` is the envelope sender of mail that goes by a list with an ``owner-`` alias."""

    address: str
    owner: str = ""


class LocalAliases:
    """The alias maps of one configuration."""

    def __init__(self, settings: RoutingSettings, names: Names, search: AddressSearch, tables: Tables) -> None:
        self._names = names
        self._search = search
        self._propagates = "alias" in settings.propagate_unmatched_extensions
        self.tables = tuple(map(tables.open_aliases, settings.alias_maps))

    async def targets(self, address: str, inquiry: Inquiry) -> list[Target] | None:
        """``user+ext``, then ``user``; ``None`` for no alias, and outside of ``mydestination``. Raises ``LookupTrouble``."""
        if not self.tables:
            return None
        local, domain = split(address)
        local = unquote(local) if is_quoted(local) else local
        if not await self._search.classes.is_local(fold(domain), inquiry):
            inquiry.remark(address, Note.ALIAS_MAPS_NOT_LOCAL)
            return None
        user = split_extension(local, self._search.delimiter)[0]
        for name in dict.fromkeys((local, user)):
            hit = await inquiry.first(self.tables, (fold(name),))
            if hit is not None:
                return await self._read(hit, local, inquiry)
        return None

    async def _read(self, hit: Hit, local: str, inquiry: Inquiry) -> list[Target]:
        unmatched = local[len(hit.key) :] if self._propagates else ""
        owner = f"owner-{hit.key}"
        has_owner = await inquiry.first(self.tables, (owner,)) is not None
        sender = self._names.complete(owner) if has_owner else ""
        targets = [self._target(each, hit, unmatched, sender) for each in split_targets(hit.value)]
        if not targets:
            raise hit.trouble(f"nobody is named for {hit.key}")
        return targets

    def _target(self, word: str, hit: Hit, unmatched: str, owner: str) -> Target:
        words = refusal_of(word) or (f"{INCLUDE} is for files of aliases" if word.lower().startswith(INCLUDE) else "")
        if words:
            raise hit.trouble(words)
        return Target(self._names.target(word, "", unmatched, propagates=True), owner)
