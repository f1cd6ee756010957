"""The composition root of pipe."""

import asyncio
import contextlib
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from prometheus_client import Counter

from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome, Remote
from services.kernel.mail.reply import Reply
from services.kernel.routing import RoutingSettings
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.spool.reader import open_content
from services.kernel.wire import channel
from services.kernel.wire.channel import Listener
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse, ProbeRequest, ProbeResponse
from services.kernel.wire.events import Emitter, Kind
from services.pipe.config import PipeSettings
from services.pipe.delivery import Kitchen, deliver
from services.pipe.sysexits import defer

GRACE_SECONDS = 15.0
"""For commands under way at a stop; with ``channel.PART_SECONDS`` within the 20 s of ``lifecycle.STOP_SECONDS``."""
Asked = DeliveryRequest | ProbeRequest
"""The part of the hop's requests that has a meaning for a command."""
_WORDS: dict[type[Outcome], str] = {Delivered: "delivered", Deferred: "deferred", Bounced: "bounced"}
_DELIVERS = ProbeResponse(Delivered(Reply(250, "2.0.0", "delivers to command"), Remote()))
"""Postfix's answer to a probe: only the command could say more, and a probe must not run it."""


class Settings:
    """All that pipe reads from the configuration. Raises ``ConfigError``."""

    def __init__(self, path: Path = config.PATH) -> None:
        document = config.read(path)
        self.path = path
        self.site = document.section(config.Site, "site")
        self.pipe = document.section(PipeSettings, "pipe")
        self.transports = document.section(RoutingSettings, "routing").transports


class Pipe:
    """The worker; implements ``lifecycle.Service``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._emitter = Emitter(settings.site.name, "pipe", "0", settings.pipe.events_directory)
        self._emitter.on_event = self._metrics.count_event
        outcomes = Counter("malleposte_pipe_recipients", "Recipients by outcome of a command.", ["outcome"], registry=self._metrics.registry)
        self._outcomes = {kind: outcomes.labels(word) for kind, word in _WORDS.items()}
        self._executor = ThreadPoolExecutor(settings.pipe.commands_limit, "command")
        self._kitchen = self._make_kitchen(settings)
        self._under_way: set[asyncio.Future[DeliveryResponse]] = set()
        self._is_stopping = False
        self._servers: list[asyncio.Server | Listener] = []
        self._hop: Listener | None = None

    def _make_kitchen(self, settings: Settings) -> Kitchen:
        pipe = settings.pipe
        return Kitchen(
            settings.transports,
            settings.site.recipient_delimiter,
            _environment(pipe.programs_directory),
            pipe.output_limit,
            self._executor,
            partial(open_content, pipe.queue_directory),
            self._tell_trouble,
        )

    async def start(self) -> None:
        """Part of ``Service``."""
        pipe = self._settings.pipe
        self._servers.append(await self._metrics.serve(pipe.metrics_address))
        self._hop = await channel.listen(pipe.listen, Asked, self.answer, self._tell_defect)  # type: ignore[arg-type]  # a union is no type
        self._servers.append(self._hop)
        self._emitter.emit(Kind.STARTED)

    async def answer(self, request: Asked) -> DeliveryResponse | ProbeResponse:
        """Carry out one request. While stopping, answer nothing: the caller asks again when the hop has closed."""
        if isinstance(request, ProbeRequest):
            return _DELIVERS
        if self._is_stopping:
            await asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(self._deliver(request))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await task

    async def _deliver(self, request: DeliveryRequest) -> DeliveryResponse:
        try:
            response = await deliver(request, self._kitchen)
        except Exception as defect:  # noqa: BLE001  # root of the request: a defect defers one message and no other
            self._tell_trouble(f"{request.queue_id}: " + "".join(traceback.format_exception(defect))[-4000:])
            response = DeliveryResponse([defer("4.3.0", "internal trouble")] * len(request.recipients))
        for outcome in response.outcomes:
            self._outcomes[type(outcome)].inc()
        return response

    async def stop(self) -> None:
        """Part of ``Service``: commands have some seconds to end; then they are killed, and qmgr asks again after the next start."""
        self._is_stopping = True
        for server in self._servers:
            server.close()
        if self._under_way:
            _, late = await asyncio.wait(list(self._under_way), timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            if late:
                self._tell_trouble(f"{len(late)} commands were killed by the stop; qmgr repeats their deliveries")
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.gather(*late, return_exceptions=True)
        if self._hop is not None:
            await self._hop.part()
        self._executor.shutdown(wait=False)
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: new deliveries go by the new transports; the number of commands changes by a restart only."""
        try:
            settings = Settings(self._settings.path)
        except (config.ConfigError, OSError) as error:
            self._tell_trouble(f"configuration not reloaded: {error}")
            return
        self._kitchen, self._settings = self._make_kitchen(settings), settings
        self._emitter.emit(Kind.RELOADED)

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, reason=words)

    def _tell_defect(self, defect: BaseException) -> None:
        self._tell_trouble(f"delivery hop: {defect!r}")


def _environment(programs: Path) -> dict[str, str]:
    """What a command finds: the same for all, and nothing of ours (Postfix ``export_environment``)."""
    kept = {name: os.environ[name] for name in ("TZ",) if name in os.environ}
    return {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **kept}


def main() -> None:
    """``python -m services.pipe``."""
    try:
        settings = Settings()
        lifecycle.run(lambda _: Pipe(settings))
    except (config.ConfigError, OSError) as error:
        sys.exit(f"pipe: {error}")
