"""A site made of values, so that a test of routing reads alone."""

from dataclasses import dataclass, field
from typing import Any

from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.routing import Router, RoutingSettings
from services.kernel.routing.lookups import Mailbox
from services.kernel.runtime.config import Site
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import LookupTrouble


@dataclass(frozen=True)
class Box:
    enabled: bool = True
    mailbox_format: str = "maildir"


@dataclass
class Book:
    """A directory in memory. ``domains`` holds ``name: "class target"``."""

    domains: dict[str, str] = field(default_factory=lambda: {"example.test": "hosted"})
    accounts: dict[str, bool] = field(default_factory=lambda: {"alice@example.test": True, "bob@example.test": True})
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_broken: bool = False
    changes: int = 0
    questions: int = 0

    async def version(self) -> int:
        return self.changes

    async def domain(self, name: str) -> Domain | None:
        self.questions += 1
        if self.is_broken:
            raise LookupTrouble("the directory is broken")
        word, _, target = self.domains.get(name, "").partition(" ")
        return Domain(name, DomainClass(word), target) if word else None

    async def account(self, address: str) -> Mailbox | None:
        enabled = self.accounts.get(address)
        return None if enabled is None else Box(enabled)

    async def alias(self, source: str) -> tuple[str, ...] | None:
        return self.aliases.get(source)


def router(book: Book | None = None, postmaster: str = "", delimiter: str = "+", **settings: Any) -> Router:
    site = Site.model_validate({"hostname": "mail.example.test", "postmaster": postmaster, "recipient_delimiter": delimiter})
    return Router(RoutingSettings.model_validate(settings), site, book or Book(), Tables(lambda _: None))
