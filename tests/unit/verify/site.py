"""verify with a relay that answers by script, a clock that stands, and a directory of two tables."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome, Remote
from services.kernel.mail.reply import Reply
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime.config import Site as SiteFacts
from services.kernel.tables.collection import Tables
from services.kernel.wire import channel
from services.kernel.wire.delivery import ProbeRequest, ProbeResponse
from services.kernel.wire.verdict import Ask, Request, Response, Verdict
from services.verify.cache import Cache
from services.verify.desk import Desk, Rules, Tools
from services.verify.directions import Directions, Target
from services.verify.line import Line
from services.verify.prober import Means, Prober
from services.verify.record import Record, Times
from services.verify.throttle import Limits, Throttle

HOUR, DAY = 3600.0, 86_400.0
TIMES = Times(31 * DAY, 7 * DAY, 3 * DAY, 3 * HOUR, 60.0)
LIMITS = Limits(probes=50, destination_probes=10, waiting=1000, per_second=10_000.0, site_down=30.0)
SENDER = "postmaster@mail.example.test"
REMOTE = Remote("mx.primary.test", "192.0.2.1", 25, "", "RCPT")
YES = Delivered(Reply(250, "2.1.5", "ok"), REMOTE)
NO = Bounced(Reply(550, "5.1.1", "nobody here"), REMOTE)
LATER = Deferred(Reply(450, "4.2.1", "try again"), REMOTE)
AWAY = Deferred(Reply(450, "4.4.1", "connection refused"), REMOTE, site=True)


class Nowhere:
    """A directory of one hosted domain with one mailbox, and one relay domain."""

    def __init__(self) -> None:
        self.domains = {"example.test": DomainClass.HOSTED, "primary.test": DomainClass.RELAY}
        self.aliases = {"both@example.test": ("one@primary.test", "two@primary.test"), "away@example.test": ("Alice@primary.test",)}

    async def version(self) -> int:
        return 0

    async def domain(self, name: str) -> Domain | None:
        return Domain(name, self.domains[name]) if name in self.domains else None

    async def account(self, address: str) -> "Enabled | None":
        return Enabled() if address in ("here@example.test", "here+x@example.test") else None

    async def alias(self, source: str) -> tuple[str, ...] | None:
        return self.aliases.get(source)


class Enabled:
    enabled = True
    mailbox_format = "maildir"


class Relay:
    """Answers each probe by ``answers``, ``YES`` where it says nothing, once ``gate`` is open."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[str, Outcome] = {}
        self.asked: list[ProbeRequest] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Event()
        self._server: channel.Listener | None = None

    async def start(self) -> None:
        self._server = await channel.listen(self.address, ProbeRequest, self._answer, lambda defect: None)

    async def _answer(self, request: ProbeRequest) -> ProbeResponse:
        self.asked.append(request)
        self.changed.set()
        await self.gate.wait()
        return ProbeResponse(self.answers.get(request.recipient, YES))

    async def heard(self, count: int) -> None:
        """Wait until so many probes were asked for."""
        async with asyncio.timeout(10):
            while len(self.asked) < count:
                self.changed.clear()
                await self.changed.wait()

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()


class Site:
    """Everything but the ports."""

    def __init__(self, directory: Path, limits: Limits = LIMITS, *, keeps_negative: bool = True, entries: int = 1000) -> None:
        self.now = 1_000_000.0
        self.monotonic = 0.0
        self.troubles: list[str] = []
        self.probed: list[tuple[str, str]] = []
        self._changed = asyncio.Event()
        self.relay = Relay(f"unix:{directory}/relay")
        self.cache = Cache(directory, entries, self.troubles.append)
        self._line = Line(self.relay.address)
        self.throttle = Throttle(limits, lambda: self.monotonic)
        means = Means(self._line, self.throttle, self.cache, self._tell, lambda defect: self.troubles.append(repr(defect)), lambda: self.now)
        self.prober = Prober(means, SENDER, keeps_negative=keeps_negative)
        ways = "inline:{ { shut.test=error:5.1.1 closed }, { busy.test=retry:4.3.2 later }, gone.test=discard: }"
        elsewhere = "inline:{ far@example.test=x }"
        settings = RoutingSettings(transport_maps=(ways,), virtual_mailbox_maps=(elsewhere,))
        nowhere = Nowhere()
        router = Router(settings, SiteFacts.model_validate({"hostname": "mail.example.test"}), nowhere, Tables(self.troubles.append, directory))
        tools = Tools(CollectorRegistry(), self.troubles.append, lambda: self.now)
        self.registry = tools.registry
        self.desk = Desk(Rules(Directions(router, nowhere, SENDER), TIMES), self.cache, self.prober, tools)

    def _tell(self, target: Target, found: Record, seconds: float) -> None:
        self.probed.append((target.key, found.state.value))
        self._changed.set()

    async def start(self) -> None:
        await self.relay.start()
        await self.cache.open()

    async def stop(self) -> None:
        await self.prober.stop()
        self._line.close()
        await self.cache.close()
        self.relay.stop()

    async def told(self, count: int) -> None:
        """Wait until so many probes have ended."""
        async with asyncio.timeout(10):
            while len(self.probed) < count:
                self._changed.clear()
                await self._changed.wait()

    async def ask(self, address: str = "alice@primary.test", recipient: str = "") -> str:
        """The state that smtpd hears."""
        return (await self.verdict(Ask(address, recipient))).state.value

    async def verdict(self, request: Request) -> Verdict:
        """The verdict that is answered."""
        response: Response = await asyncio.wait_for(self.desk.answer(request), 10)
        assert isinstance(response, Verdict), response
        return response


def play(site: Site, scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene with the site started."""

    async def whole() -> None:
        await site.start()
        try:
            await scene()
        finally:
            await site.stop()

    asyncio.run(asyncio.wait_for(whole(), 30))
