"""The life of a process: start, run, reload, graceful stop.

A service with one worker runs in the process itself. With several, this process only supervises: it forks the workers, which share the port by
``SO_REUSEPORT``, starts a dead one again and passes signals on. SIGTERM and SIGINT stop gracefully within ``STOP_SECONDS``; SIGHUP reloads.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import uvloop

from services.kernel.runtime import workplace

STOP_SECONDS = 20.0
"""Under Compose's ``stop_grace_period`` of 30 s, so that the service itself decides how it ends."""
YOUNG_OBJECTS = 10_000
"""Objects made before Python looks for cycles among them; at its 700 that is half of the time of an answer about a large folder."""
RESTART_SECONDS = 1.0
"""A worker that dies sooner than this after its start is started again only after this time, so that a defect cannot spin."""


class Service(Protocol):
    """What a composition root makes: one worker of a container."""

    async def start(self) -> None:
        """Take up work; return when ready to serve. Raises ``OSError`` or ``ConfigError`` when that is impossible."""

    async def stop(self) -> None:
        """Take no new work, finish or roll back what is in hand, give everything back."""

    async def reload(self) -> None:
        """Read changed configuration and certificates; on trouble keep what is in use and say so by an event."""


def run(build: Callable[[int], Service], workers: int = 1, directory: Path | None = None) -> None:
    """Run what ``build(worker number)`` makes, at work in ``directory``, until a signal ends it, then exit the process. Raises ``OSError``."""
    if directory is not None:
        workplace.enter(directory)
    if workers <= 1:
        sys.exit(_work(build, 0))
    gc.collect()
    gc.freeze()
    sys.exit(_Supervisor(build, workers).run())


def _work(build: Callable[[int], Service], number: int) -> int:
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(build(number)))


async def _live(service: Service) -> int:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(service.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await service.start()
    await stopping.wait()
    try:
        await asyncio.wait_for(service.stop(), STOP_SECONDS)
    except TimeoutError:
        print("stop took too long: what was in hand is left to recovery", file=sys.stderr)
    return 0


class _Supervisor:
    """Keeps ``workers`` forked workers alive. Uses plain blocking calls: it has nothing else to do."""

    def __init__(self, build: Callable[[int], Service], workers: int) -> None:
        self._build = build
        self._workers = workers
        self._running: dict[int, tuple[int, float]] = {}
        self._stopping = False

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._pass_on)
        for number in range(self._workers):
            self._start(number)
        while self._running:
            self._reap()
        return 0

    def _start(self, number: int) -> None:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            code = 1
            try:
                code = _work(self._build, number)
            except Exception as defect:  # noqa: BLE001  # root of the worker: say why and die, the supervisor starts another
                print(f"worker {number}: {defect}", file=sys.stderr, flush=True)
            finally:
                sys.stdout.flush()
                os._exit(code)
        self._running[pid] = (number, time.monotonic())

    def _reap(self) -> None:
        pid, _ = os.wait()
        number, started = self._running.pop(pid, (-1, 0.0))
        if number < 0 or self._stopping:
            return
        if time.monotonic() - started < RESTART_SECONDS:
            time.sleep(RESTART_SECONDS)
        if not self._stopping:
            self._start(number)

    def _stop(self, number: int, _frame: object) -> None:
        self._stopping = True
        self._pass_on(signal.SIGTERM, None)

    def _pass_on(self, number: int, _frame: object) -> None:
        for pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
