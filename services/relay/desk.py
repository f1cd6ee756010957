"""Where requests come in: counts them, keeps defects from spreading, and knows when all is finished."""

import asyncio
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome, Remote
from services.kernel.mail.reply import Reply
from services.kernel.wire.delivery import (
    DeliveryRequest,
    DeliveryResponse,
    InspectRequest,
    ProbeRequest,
    ProbeResponse,
    Request,
    Response,
    TrialRequest,
)
from services.relay import delivery
from services.relay.delivery import Deliverer
from services.relay.inspection import Inspector
from services.relay.trial import Trials

_WORDS: dict[type[Outcome], str] = {Delivered: "delivered", Deferred: "deferred", Bounced: "bounced"}
PROBE_SECONDS = 60.0
"""A probe holds a place for connections, so it is given up long before a delivery is: who asked has gone on after some seconds."""
_TOO_SLOW = ProbeResponse(Deferred(Reply(450, "4.4.2", f"no answer to the probe within {PROBE_SECONDS:g} s"), Remote(), site=True))
_INTERNAL = ProbeResponse(Deferred(Reply(450, "4.3.0", "internal trouble"), Remote()))
TRACEBACK_CHARACTERS = 4000
"""The end of a traceback names the defect; an event is one line that people read."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Who carries requests out, by one configuration."""

    deliverer: Deliverer
    trials: Trials
    inspector: Inspector


class Desk:
    """Answers requests by the ``staff`` of the moment. ``tell_trouble`` takes words for the operator."""

    def __init__(self, staff: Staff, registry: CollectorRegistry, tell_trouble: Callable[[str], None]) -> None:
        self.staff = staff
        self._tell_trouble = tell_trouble
        probes = Counter("malleposte_relay_probes", "Probes by outcome.", ["outcome"], registry=registry)
        self._probes = {kind: probes.labels(word) for kind, word in _WORDS.items()}
        outcomes = Counter("malleposte_relay_recipients", "Recipients by outcome of an attempt.", ["outcome"], registry=registry)
        self._outcomes = {kind: outcomes.labels(word) for kind, word in _WORDS.items()}
        self._seconds = Histogram("malleposte_relay_seconds", "Time of an attempt.", registry=registry)
        self._under_way = 0
        self._is_stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def answer(self, request: Request) -> Response:
        """Carry out one request. While stopping, answer nothing: the caller asks again when the hop has closed."""
        if self._is_stopping:
            await asyncio.get_running_loop().create_future()
        self._under_way += 1
        self._idle.clear()
        started = time.perf_counter()
        try:
            if isinstance(request, ProbeRequest):
                return await self._probe(request)
            if isinstance(request, TrialRequest | InspectRequest):
                return await self._inform(request)
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
            return await self.staff.deliverer.deliver(request)
        except Exception as defect:  # noqa: BLE001  # root of the request: a defect defers one message and no other
            self._tell_trouble(f"{request.queue_id}: " + "".join(traceback.format_exception(defect))[-TRACEBACK_CHARACTERS:])
            return delivery.refuse(request, "internal trouble")

    async def _probe(self, request: ProbeRequest) -> ProbeResponse:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                response = await self.staff.deliverer.probe(request)
        except TimeoutError:
            response = _TOO_SLOW
        except Exception as defect:  # noqa: BLE001  # root of the request: a defect fails one probe and no other
            self._tell_trouble(f"probe of {request.recipient}: " + "".join(traceback.format_exception(defect))[-TRACEBACK_CHARACTERS:])
            response = _INTERNAL
        self._probes[type(response.outcome)].inc()
        return response

    async def _inform(self, request: TrialRequest | InspectRequest) -> Response:
        """For the operator. A trial that takes too long ends with what was found out."""
        if isinstance(request, InspectRequest):
            return await self.staff.inspector.inspect(request)
        return await self.staff.trials.run(request)
