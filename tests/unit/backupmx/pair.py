"""A primary's mirror and its secondary, over real HTTPS."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.admin.identity import ensure_identity
from services.admin.mirror.journeys import Journeys
from services.admin.mirror.server import Identity, MirrorServer
from services.admin.web import Handler, Web
from services.backupmx.config import BackupmxSettings, Primary
from services.backupmx.sync import Source
from services.kernel.directory.mirror import DomainRecipients, Recipients
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire import journey
from services.kernel.wire.recipients import PATH

NOW = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)


class Book:
    """Stands where the directory does: the recipients of domains as a test says."""

    def __init__(self, **domains: DomainRecipients) -> None:
        self.domains = {name.replace("_", "."): domain for name, domain in domains.items()}
        self.made = 100.0
        self.is_away = False

    async def list_recipients(self, domains: list[str]) -> Recipients:
        if self.is_away:
            raise LookupTrouble("directory is away")
        self.made += 1
        return Recipients("primary", self.made, "+", {name: domain for name, domain in self.domains.items() if name in domains})


class Pair:
    """The two sites: ``source`` is the secondary's view, ``book`` what the primary has."""

    def __init__(self, root: Path, book: Book) -> None:
        self.book = book
        self.root = root
        for site in ("mx1", "mx2", "stranger"):
            (root / site).mkdir()
            ensure_identity(root / site, f"{site}.test", NOW)
        for folder in ("mirror", "events"):
            (root / folder).mkdir()
        self.clock = 1000.0
        self.port = 0

    def source(self, *, as_site: str = "mx2", pins: str = "mx1") -> Source:
        """What backupmx has for the primary."""
        own = self.root / as_site
        files = {"certificate_file": own / "identity.pem", "key_file": own / "identity-key.pem", "mirror_directory": self.root / "mirror"}
        settings = BackupmxSettings.model_validate(files)
        primary = Primary(url=f"https://127.0.0.1:{self.port}", certificate_file=self.root / pins / "identity.pem")
        return Source("mx1", primary, settings, lambda: self.clock)

    @asynccontextmanager
    async def serving(self, *, signs_as: str = "mx1") -> AsyncIterator[None]:
        """The primary answers."""
        identity = Identity(self.root / "mx1/identity.pem", self.root / "mx1/identity-key.pem")
        signer = Identity(self.root / signs_as / "identity.pem", self.root / signs_as / "identity-key.pem")
        mirror = MirrorServer(self.book, signer.load_key())  # type: ignore[arg-type]  # it has the one method that is asked
        handlers: dict[str, Handler] = {PATH: mirror.answer, journey.PATH: Journeys(self.root / "events").answer}
        server = await Web(handlers).listen("127.0.0.1:0", identity.context([self.root / "mx2/identity.pem"]))
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()


async def sync(source: Source, *domains: str) -> None:
    await asyncio.to_thread(source.sync, domains)
