"""The resolver that services use: typed questions, a bounded cache, and one question for many who ask the same."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace

from services.kernel.dns.answer import Answer, Found, Kind, Mx, NoData, NxDomain, Trouble
from services.kernel.smtp.tls_policy import Tlsa

MAX_ENTRIES = 20_000
"""About 10 MB; the least recently used go first."""
MAX_SECONDS = 3600.0
"""No answer is believed for longer, so that a change of an MX is noticed within the hour whatever its TTL."""
MAX_NEGATIVE_SECONDS = 300.0
"""No denial is believed for longer than qmgr's shortest wait for a retry. RFC 2308 section 5 allows 1 to 3 hours."""

Ask = Callable[[str, Kind], Awaitable[Answer[str]]]
"""Asks for the records of a name, in presentation form. ``Upstream`` is one."""


class Resolver:
    """Answers from the cache or by ``ask``. ``clock`` gives seconds that never go back."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._cache: OrderedDict[tuple[str, Kind], tuple[float, Answer[str]]] = OrderedDict()
        self._asking: dict[tuple[str, Kind], asyncio.Task[Answer[str]]] = {}

    async def mx(self, domain: str) -> Answer[Mx]:
        """The MX records of a domain, in no order."""
        answer = await self._answer(domain, Kind.MX)
        if not isinstance(answer, Found):
            return answer
        return Found(tuple(map(_mx, answer.records)), answer.ttl_seconds, answer.is_authenticated, answer.name)

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        """The TLSA records of ``_port._tcp.host`` (RFC 6698 section 3)."""
        answer = await self._answer(name, Kind.TLSA)
        if not isinstance(answer, Found):
            return answer
        return Found(tuple(map(_tlsa, answer.records)), answer.ttl_seconds, answer.is_authenticated, answer.name)

    async def txt(self, name: str) -> Answer[str]:
        """The TXT records of a name, each in one piece."""
        answer = await self._answer(name, Kind.TXT)
        if not isinstance(answer, Found):
            return answer
        return replace(answer, records=tuple(map(_txt, answer.records)))

    async def cname(self, name: str) -> Answer[str]:
        """The alias that a name is, without following it."""
        return await self._answer(name, Kind.CNAME)

    async def addresses(self, host: str) -> Answer[str]:
        """The addresses of a host in both families, IPv4 first. Trouble in one family is overlooked when the other answers."""
        four, six = await asyncio.gather(self._answer(host, Kind.A), self._answer(host, Kind.AAAA))
        return _merge(four, six)

    async def _answer(self, name: str, kind: Kind) -> Answer[str]:
        key = (name.lower().rstrip("."), kind)
        cached = self._cached(key)
        if cached is not None:
            return cached
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.get_running_loop().create_task(self._fetch(key))
        return await asyncio.shield(task)  # whoever gives up takes nothing from the others

    def _cached(self, key: tuple[str, Kind]) -> Answer[str] | None:
        found = self._cache.get(key)
        if found is None:
            return None
        expires, answer = found
        if expires <= self._clock():
            del self._cache[key]
            return None
        self._cache.move_to_end(key)
        return answer

    async def _fetch(self, key: tuple[str, Kind]) -> Answer[str]:
        try:
            answer = await self._ask(*key)
        finally:
            del self._asking[key]
        seconds = _cache_seconds(answer)
        if seconds > 0:
            self._cache[key] = (self._clock() + seconds, answer)
            if len(self._cache) > MAX_ENTRIES:
                self._cache.popitem(last=False)
        return answer


def _cache_seconds(answer: Answer[str]) -> float:
    match answer:
        case Found():
            return min(answer.ttl_seconds, MAX_SECONDS)
        case NoData() | NxDomain():
            return min(answer.ttl_seconds, MAX_NEGATIVE_SECONDS)
        case Trouble():
            return 0.0


def _mx(text: str) -> Mx:
    preference, _, host = text.partition(" ")
    return Mx(int(preference), host.rstrip(".").lower())


def _tlsa(text: str) -> Tlsa:
    usage, selector, matching, data = text.split(None, 3)
    return Tlsa(int(usage), int(selector), int(matching), bytes.fromhex(data))


def _txt(text: str) -> str:
    """The strings of a record, put together (RFC 1035 section 5.1)."""
    return "".join(re.sub(r"\\(\d{3}|.)", _unescape, string) for string in re.findall(r'"((?:[^"\\]|\\.)*)"', text))


def _unescape(escape: re.Match[str]) -> str:
    return chr(int(escape[1])) if len(escape[1]) == 3 else escape[1]


def _merge(four: Answer[str], six: Answer[str]) -> Answer[str]:
    found = [answer for answer in (four, six) if isinstance(answer, Found)]
    if found:
        records = tuple(record for answer in found for record in answer.records)
        return Found(records, min(a.ttl_seconds for a in found), all(a.is_authenticated for a in found), found[0].name)
    troubled = [answer for answer in (four, six) if isinstance(answer, Trouble)]
    if troubled:
        return troubled[0]
    return four if isinstance(six, NxDomain) else six
