"""MTA-STS policies of recipient domains: found, fetched, remembered (RFC 8461).

Remembered in memory only: relay has no volume of its own, so a restart asks again. A policy holds for its ``max_age`` whatever becomes of the TXT
record or the web server meanwhile; where there is none yet and it cannot be fetched, mail goes as if there were no policy (section 5.1).
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.kernel.dns.answer import Found
from services.kernel.dns.resolver import Resolver
from services.relay import https
from services.relay.https import NotFetched
from services.relay.sts_policy import StsPolicy, parse_policy, parse_record

RETRY_SECONDS = 300.0
"""A policy that could not be fetched is not asked for again before (RFC 8461 section 3.3: five minutes or longer)."""
REFRESH_SECONDS = 86_400.0
"""A policy is fetched again after a day even when its id stays, so that it does not run out (RFC 8461 section 3.3)."""
MAX_DOMAINS = 10_000
"""About 5 MB; the least recently used go first."""
ADDRESSES = 2
"""More are not tried: mail waits meanwhile."""
PATH = "/.well-known/mta-sts.txt"

Fetch = Callable[[str], Awaitable[str]]
"""The text of a domain's policy file. Raises ``NotFetched``."""


@dataclass(slots=True)
class Memory:
    """What is known of one domain; times are of the clock."""

    policy: StsPolicy | None = None
    id: str = ""
    fetched: float = 0.0
    failed_id: str = ""
    failed: float = float("-inf")

    def current(self, now: float) -> StsPolicy | None:
        """The policy, while it may be believed."""
        return self.policy if self.policy is not None and now - self.fetched < self.policy.max_age else None


Known = OrderedDict[str, Memory]
"""Domains in A-labels, the least recently used first."""


class StsPolicies:
    """Finds policies. ``clock`` gives seconds that never go back; ``tell`` hears why one could not be fetched; ``known`` is what is remembered."""

    def __init__(self, resolver: Resolver, fetch: Fetch, clock: Callable[[], float], tell: Callable[[str], None], known: Known | None = None) -> None:
        self._resolver = resolver
        self._fetch = fetch
        self._clock = clock
        self._tell = tell
        self._known = Known() if known is None else known
        self._fetching: dict[str, asyncio.Task[None]] = {}

    async def policy(self, domain: str) -> StsPolicy | None:
        """The policy that holds for mail to a domain (A-labels), whatever its mode."""
        answer = await self._resolver.txt(f"_mta-sts.{domain}")
        id_ = parse_record(answer.records) if isinstance(answer, Found) else None
        memory = self._known.get(domain)
        if id_ is None:
            return memory.current(self._clock()) if memory is not None else None
        if memory is None:
            memory = self._remember(domain)
        self._known.move_to_end(domain)
        if self._is_fetch_due(memory, id_):
            task = self._start_fetch(domain, memory, id_)
            if memory.id != id_ or memory.current(self._clock()) is None:
                await asyncio.shield(task)  # whoever gives up takes nothing from the others
        return memory.current(self._clock())

    def _is_fetch_due(self, memory: Memory, id_: str) -> bool:
        now = self._clock()
        tried = {memory.id: memory.fetched, memory.failed_id: memory.failed}
        if now - tried.get(id_, float("-inf")) < RETRY_SECONDS:
            return False
        policy = memory.current(now)
        return policy is None or id_ != memory.id or now - memory.fetched > min(REFRESH_SECONDS, policy.max_age / 2)

    def _start_fetch(self, domain: str, memory: Memory, id_: str) -> asyncio.Task[None]:
        task = self._fetching.get(domain)
        if task is None:
            task = self._fetching[domain] = asyncio.get_running_loop().create_task(self._renew(domain, memory, id_))
        return task

    async def _renew(self, domain: str, memory: Memory, id_: str) -> None:
        try:
            policy = parse_policy(await self._fetch(domain))
        except (NotFetched, ValueError) as error:
            memory.failed_id, memory.failed = id_, self._clock()
            self._tell(f"MTA-STS policy of {domain} cannot be used: {error}")
        else:
            memory.policy, memory.id, memory.fetched, memory.failed_id = policy, id_, self._clock(), ""
        finally:
            del self._fetching[domain]

    def _remember(self, domain: str) -> Memory:
        memory = self._known[domain] = Memory()
        if len(self._known) > MAX_DOMAINS:
            self._known.popitem(last=False)
        return memory


class PolicyFetcher:
    """Fetches policy files by HTTPS from ``mta-sts.DOMAIN``, whose certificate is checked (RFC 8461 section 3.3).

    ``make_context`` is called in a thread and once; it raises ``OSError``.
    """

    def __init__(self, resolver: Resolver, make_context: Callable[[], ssl.SSLContext], port: int = 443) -> None:
        self._resolver = resolver
        self._make_context = make_context
        self._context: ssl.SSLContext | None = None
        self._port = port

    async def __call__(self, domain: str) -> str:
        """Raises ``NotFetched``."""
        host = f"mta-sts.{domain}"
        context = await self._trust()
        answer = await self._resolver.addresses(host)
        trouble = NotFetched(f"{host} has no address")
        for address in answer.records[:ADDRESSES] if isinstance(answer, Found) else ():
            try:
                return await https.get(host, PATH, (address, self._port), context)
            except NotFetched as error:
                trouble = NotFetched(f"https://{host}{PATH}: {error}")
        raise trouble

    async def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = await asyncio.to_thread(self._make_context)
            except OSError as error:
                raise NotFetched(f"the CAs cannot be read: {error}") from None
        return self._context
