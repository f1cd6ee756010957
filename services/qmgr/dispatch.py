"""The sending end of the delivery hop: hands jobs to relay as their turn comes.

Requests are spread over a few kept connections. A connection that ends leaves the outcome of what was under way unknown: the job is
handed back as lost, which is no failure of its destination.
"""

import asyncio
import functools
import time
from collections.abc import Callable

from services.kernel.mail.envelope import Client as Origin
from services.kernel.mail.outcome import Outcome
from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelClient, ChannelLost
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse, Protocol
from services.qmgr.commands import Commands
from services.qmgr.config import QmgrSettings
from services.qmgr.schedule import Job, Schedule

CONNECT_SECONDS = 5.0
"""Relay is on our own network: it answers at once or is not there."""
RECONNECT_SECONDS = 0.5
"""Between two attempts to reach relay; an attempt costs next to nothing."""
SWEEP_SECONDS = 30.0
"""How often deliveries that take too long are looked for; their limit is a hundred times this."""

_NOBODY = Origin()
Client = ChannelClient[DeliveryRequest, DeliveryResponse]
Landed = Callable[[Job, list[Outcome] | None, float], None]
"""Called with a job, its outcomes (None: unknown) and the seconds it took."""


class Dispatcher:
    """Keeps the connections to relay busy with what the schedule gives."""

    def __init__(self, settings: QmgrSettings, schedule: Schedule, landed: Landed, on_trouble: Callable[[str, str], None]) -> None:
        self._settings = settings
        self._schedule = schedule
        self._landed = landed
        self._on_trouble = on_trouble
        self._clients: list[Client] = []
        self._commands = Commands(settings.pipe)
        self._under_way: dict[asyncio.Future[DeliveryResponse], float] = {}
        self._is_stopping = False
        self._is_pump_planned = False
        self._is_away = False
        self._turn = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_time = 0.0

    @property
    def in_flight(self) -> int:
        """Deliveries under way."""
        return len(self._under_way)

    async def run(self) -> None:
        """Keep connected until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.relay_connections):
                group.create_task(self._keep_connected())
            group.create_task(self._sweep())

    async def _keep_connected(self) -> None:
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):  # not wait_for, which loses a cancellation in 3.11
                    client: Client = await channel.connect(self._settings.relay, DeliveryResponse)
            except (OSError, TimeoutError) as error:
                if not self._is_away and not self._clients:
                    self._is_away = True
                    self._on_trouble("relay", f"{self._settings.relay}: {str(error) or 'no answer'}")
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            self._is_away = False
            await self._use(client)

    async def _use(self, client: Client) -> None:
        self._clients.append(client)
        self.pump()
        try:
            await client.closed.wait()
        finally:
            self._clients.remove(client)
            client.close()

    def pump_soon(self) -> None:
        """Start deliveries when this turn of the event loop is over, so that all its news count."""
        if not self._is_pump_planned:
            self._is_pump_planned = True
            asyncio.get_running_loop().call_soon(self.pump)

    def pump(self) -> None:
        """Start every delivery that may start now."""
        self._is_pump_planned = False
        now = time.monotonic()
        while self._clients and not self._is_stopping and len(self._under_way) < self._settings.deliveries_limit:
            job = self._schedule.next(now)
            if job is None:
                self._set_alarm(now)
                return
            self._turn = (self._turn + 1) % len(self._clients)
            self._start(self._clients[self._turn], job)

    def _set_alarm(self, now: float) -> None:
        """Look again when the pause of a destination is over: nothing else tells of that."""
        until = self._schedule.next_wakeup()
        if until is None or (self._alarm is not None and self._alarm_time <= until):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_time = until
        self._alarm = asyncio.get_running_loop().call_later(max(0.0, until - now), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.pump()

    def _start(self, client: Client, job: Job) -> None:
        is_command = job.nexthop.protocol is Protocol.PIPE
        request = _request(job, self._settings.delivery_limit_seconds)
        answer = self._commands.ask(request) if is_command else client.ask(request)
        self._under_way[answer] = time.monotonic()
        answer.add_done_callback(functools.partial(self._finish, job))

    def _finish(self, job: Job, answer: asyncio.Future[DeliveryResponse]) -> None:
        seconds = time.monotonic() - self._under_way.pop(answer)
        outcomes: list[Outcome] | None = None
        if not answer.cancelled():
            fault = answer.exception()
            if fault is None:
                response = answer.result()
                outcomes, job.transcripts = response.outcomes, response.transcripts
            elif not isinstance(fault, ChannelLost):
                self._on_trouble("relay", str(fault))
        if outcomes is not None and len(outcomes) != len(job.numbers):
            self._on_trouble("relay", f"{len(outcomes)} outcomes for {len(job.numbers)} recipients")
            outcomes = None
        self._landed(job, outcomes, seconds)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            oldest = time.monotonic() - self._settings.delivery_limit_seconds
            for answer in [answer for answer, started in self._under_way.items() if started < oldest]:
                answer.cancel()

    async def stop(self, grace_seconds: float) -> None:
        """Start nothing more and wait for what is under way, within limits."""
        self._is_stopping = True
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=grace_seconds)


def _request(job: Job, wait_seconds: float) -> DeliveryRequest:
    message = job.message
    envelope = message.envelope
    return DeliveryRequest(
        queue_id=message.queue_id,
        trace_id=envelope.trace_id,
        sender=envelope.sender,
        nexthop=job.nexthop,
        numbers=job.numbers,
        recipients=[message.recipients[number] for number in job.numbers],
        content_bytes=message.content_bytes,
        body=envelope.body,
        smtputf8=envelope.smtputf8,
        ret=envelope.ret,
        envid=envelope.envid,
        message_id=envelope.message_id,
        client=envelope.client if job.nexthop.is_backup or job.nexthop.protocol is Protocol.PIPE else _NOBODY,
        wait_seconds=wait_seconds,
    )
