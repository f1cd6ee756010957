"""Where requests come in: counts them, keeps defects from spreading, and knows when all is finished."""

import asyncio
import time
import traceback
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse
from services.relay import delivery
from services.relay.delivery import Deliverer

_WORDS: dict[type[Outcome], str] = {Delivered: "delivered", Deferred: "deferred", Bounced: "bounced"}
TRACEBACK_CHARACTERS = 4000
"""The end of a traceback names the defect; an event is one line that people read."""


class Desk:
    """Answers requests by the ``deliverer`` of the moment. ``tell_trouble`` takes words for the operator."""

    def __init__(self, deliverer: Deliverer, registry: CollectorRegistry, tell_trouble: Callable[[str], None]) -> None:
        self.deliverer = deliverer
        self._tell_trouble = tell_trouble
        outcomes = Counter("malleposte_relay_recipients", "Recipients by outcome of an attempt.", ["outcome"], registry=registry)
        self._outcomes = {kind: outcomes.labels(word) for kind, word in _WORDS.items()}
        self._seconds = Histogram("malleposte_relay_seconds", "Time of an attempt.", registry=registry)
        self._under_way = 0
        self._is_stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def answer(self, request: DeliveryRequest) -> DeliveryResponse:
        """Carry out one request. While stopping, answer nothing: the caller asks again when the hop has closed."""
        if self._is_stopping:
            await asyncio.get_running_loop().create_future()
        self._under_way += 1
        self._idle.clear()
        started = time.perf_counter()
        try:
            response = await self._deliver(request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
        self._seconds.observe(time.perf_counter() - started)
        for outcome in response.outcomes:
            self._outcomes[type(outcome)].inc()
        return response

    async def finish(self, seconds: float) -> None:
        """Take no more requests and wait, for ``seconds`` at most, until none is under way."""
        self._is_stopping = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            self._tell_trouble(f"{self._under_way} deliveries were cut by the stop; qmgr repeats them")

    async def _deliver(self, request: DeliveryRequest) -> DeliveryResponse:
        try:
            return await self.deliverer.deliver(request)
        except Exception as defect:  # noqa: BLE001  # root of the request: a defect defers one message and no other
            self._tell_trouble(f"{request.queue_id}: " + "".join(traceback.format_exception(defect))[-TRACEBACK_CHARACTERS:])
            return delivery.refuse(request, "internal trouble")
