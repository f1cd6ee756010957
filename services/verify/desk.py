"""Where questions come in: answers smtpd's from what is known or from a probe, and the operator's about the cache."""

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from prometheus_client import CollectorRegistry, Counter

from services.kernel.mail.address import fold
from services.kernel.mail.reply import Reply
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.verdict import (
    PAGE_ENTRIES,
    Ask,
    Done,
    Expire,
    Failed,
    Known,
    List,
    Listing,
    Load,
    Probe,
    Request,
    Response,
    Show,
    Source,
    State,
    Verdict,
)
from services.verify.cache import Cache
from services.verify.directions import Directions, Target
from services.verify.prober import Prober
from services.verify.record import Freshness, Record, Times, at_most, to_verdict

_LOOKUP_TROUBLE = Reply(451, "4.3.0", "temporary lookup trouble")
_OUR_SENDER = Reply(250, "2.1.0", "not verified: it writes to the sender of our probes")
_LOADED = {State.DELIVERABLE: Reply(250, "2.1.5", "loaded"), State.UNDELIVERABLE: Reply(550, "5.1.1", "loaded as undeliverable")}
TRACEBACK_CHARACTERS = 4000


@dataclass(slots=True)
class Rules:
    """What a reload changes."""

    directions: Directions
    times: Times


@dataclass(frozen=True, slots=True)
class Tools:
    """``tell_trouble`` takes words for the operator, ``clock`` is the time of day."""

    registry: CollectorRegistry
    tell_trouble: Callable[[str], None]
    clock: Callable[[], float]


class Desk:
    """Answers the verdict hop."""

    def __init__(self, rules: Rules, cache: Cache, prober: Prober, tools: Tools) -> None:
        self.rules = rules
        self._cache = cache
        self._prober = prober
        self._tell_trouble = tools.tell_trouble
        self._clock = tools.clock
        words = "Questions of smtpd by where the answer was."
        questions = Counter("malleposte_verify_questions", words, ["answer"], registry=tools.registry)
        self._hits, self._misses, self._decided = (questions.labels(word) for word in ("cache", "probe", "site"))

    async def answer(self, request: Request) -> Response:
        """Answer one request; every trouble becomes an answer."""
        try:
            return await self._answer(request)
        except LookupTrouble as trouble:
            self._tell_trouble(str(trouble))
            return Verdict(getattr(request, "address", ""), State.UNKNOWN, Source.NONE, _LOOKUP_TROUBLE)
        except Exception as defect:  # noqa: BLE001  # root of the request: a defect fails one question and no other
            self._tell_trouble("".join(traceback.format_exception(defect))[-TRACEBACK_CHARACTERS:])
            return Failed("internal trouble; see the events of verify")

    async def _answer(self, request: Request) -> Response:
        match request:
            case Ask(address, recipient):
                return await self._ask(address, recipient)
            case Show(address):
                return await self._show(address)
            case Probe(address):
                return await self._probe(address)
            case List(state, domain, after):
                return await self._list(state, fold(domain), after)
            case Expire(what):
                return Done(await self._cache.remove(fold(what)))
            case Load(known):
                return await self._load(known)
            case _:
                assert_never(request)

    async def _ask(self, address: str, recipient: str) -> Verdict:
        if recipient and fold(recipient) == fold(self.rules.directions.sender):
            return Verdict(fold(address), State.DELIVERABLE, Source.NONE, _OUR_SENDER)
        found = await self.rules.directions.find(address)
        if isinstance(found, Verdict):
            self._decided.inc()
            return found
        record, freshness = await self._look(found)
        if record is None:
            self._misses.inc()
            probed = await asyncio.shield(self._prober.begin(found, None))
            return to_verdict(probed, self.rules.times, is_cached=False)
        self._hits.inc()
        if freshness is Freshness.DUE:
            self._prober.begin(found, record)
        return to_verdict(record, self.rules.times, is_cached=True)

    async def _look(self, target: Target) -> tuple[Record | None, Freshness]:
        found, now = await self._cache.get(target.key), self._clock()
        if found is None:
            return None, Freshness.EXPIRED
        record = at_most(found, now)
        if record is not found:
            await self._cache.put([record])
        freshness = self.rules.times.judge(record, now)
        return (None if freshness is Freshness.EXPIRED else record), freshness

    async def _show(self, address: str) -> Verdict:
        found = await self.rules.directions.find(address)
        if isinstance(found, Verdict):
            return found
        record, _ = await self._look(found)
        if record is None:
            return Verdict(found.key, State.UNKNOWN, Source.NONE, nexthop=str(found.nexthop))
        return to_verdict(record, self.rules.times, is_cached=True)

    async def _probe(self, address: str) -> Verdict:
        found = await self.rules.directions.find(address)
        if isinstance(found, Verdict):
            return found
        known, _ = await self._look(found)
        return to_verdict(await self._prober.force(found, known), self.rules.times, is_cached=False)

    async def _list(self, state: str, domain: str, after: str) -> Listing:
        records = await self._cache.page(state, domain, after, PAGE_ENTRIES + 1)
        verdicts = [to_verdict(record, self.rules.times, is_cached=True) for record in records[:PAGE_ENTRIES]]
        return Listing(verdicts, more=len(records) > PAGE_ENTRIES)

    async def _load(self, known: list[Known]) -> Done:
        now = self._clock()
        records = [_loaded(entry, now) for entry in known]
        await self._cache.put(records)
        return Done(len(records))


def _loaded(entry: Known, now: float) -> Record:
    return Record(fold(entry.address), entry.state, Source.LOADED, entry.reply or _LOADED[entry.state], now, now)
