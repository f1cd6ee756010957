"""Connections to servers: opened within a limit, kept for a while, and used again.

A connection is kept under its line (server, manner with TLS policy and login, transport, our address), so that domains with the same mail servers
share it, and mail of two policies, two logins or two source addresses never does. The line that a next hop used last is remembered, so that the next
message for it needs no look-up. The sender plays a part only where the login depends on it: then it is in the next hop.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from services.kernel.mail.outcome import Remote
from services.kernel.runtime.tls import describe
from services.kernel.smtp.client import Manner
from services.kernel.smtp.connection import Connection, Endpoint
from services.kernel.wire.delivery import NextHop

SWEEP_SECONDS = 1.0
"""How often connections that rested too long are closed: half of the shortest limit by default."""
REMEMBERED_NEXTHOPS = 10_000
"""Some 3 MB. Beyond it all are forgotten, which costs a look-up each."""


@dataclass(frozen=True, slots=True)
class Line:
    """One server and how it is spoken to: by which transport, and from which address of ours where that is set."""

    endpoint: Endpoint
    manner: Manner
    transport: str = ""
    source: str = ""
    version: int = field(default=0, compare=False)
    """The ``Pool.version`` that it was decided under: a line of an older one is not remembered for a next hop."""


@dataclass(eq=False, slots=True)
class Session:
    """An open connection with its history."""

    connection: Connection
    line: Line
    opened: float
    resting_since: float
    tls: str
    """The TLS session in words, and how the server stands: ``verified``, ``trusted``, ``untrusted`` or ``anonymous``, as Postfix logs it."""

    def remote(self, command: str = "") -> Remote:
        """The peer, for an outcome; ``command`` is what it answered."""
        endpoint = self.line.endpoint
        return Remote(endpoint.host, endpoint.address, endpoint.port, self.tls, command)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds, in seconds where they are times. ``deliveries`` of 0 means any number."""

    connections: int = 500
    smtp_rest: float = 2.0
    lmtp_rest: float = 30.0
    age: float = 300.0
    deliveries: int = 0


class Pool:
    """The connections of one process. ``open_`` makes one; ``clock`` gives seconds that never go back."""

    def __init__(self, limits: PoolLimits, open_: Callable[[Line], Awaitable[Connection]], clock: Callable[[], float]) -> None:
        self._limits = limits
        self._open = open_
        self._clock = clock
        self._places = asyncio.Semaphore(limits.connections)
        self._resting: defaultdict[Line, list[Session]] = defaultdict(list)
        self._last_lines: dict[NextHop, Line] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False
        self.version = 0
        """Grows when the lines are forgotten; read before a line is decided."""
        self.opened = 0
        """Connections opened so far."""
        self.reused = 0
        """Times that a kept connection was taken."""

    def take_for(self, nexthop: NextHop) -> Session | None:
        """A kept connection of the line that the next hop used last."""
        line = self._last_lines.get(nexthop)
        return self.take(line) if line is not None else None

    def forget_lines(self) -> None:
        """What the lines were made from has changed: each next hop is looked up again."""
        self._last_lines.clear()
        self.version += 1

    def take(self, line: Line) -> Session | None:
        """The kept connection of a line that rested the shortest."""
        resting = self._resting.get(line)
        while resting:
            session = resting.pop()
            if self._is_fresh(session):
                self.reused += 1
                session.line = line  # an equal one, decided later
                return session
            self.drop(session)
        return None

    async def open(self, line: Line) -> Session:
        """A new connection, when there is a place for one. Raises what opening raises."""
        if self._places.locked():
            self._close_oldest()
        await self._places.acquire()
        try:
            connection = await self._open(line)
        except BaseException:
            self._places.release()
            raise
        self.opened += 1
        now = self._clock()
        return Session(connection, line, now, now, _describe(connection))

    def give_back(self, session: Session, nexthop: NextHop | None = None) -> None:
        """Keep the connection if it may be used again; ``nexthop`` is who will look for it."""
        session.resting_since = self._clock()
        worn = self._limits.deliveries and session.connection.deliveries >= self._limits.deliveries
        if worn or self._is_closed or not self._is_fresh(session):
            self.drop(session)
            return
        session.connection.rest()
        self._resting[session.line].append(session)
        if nexthop is not None and session.line.version == self.version and self._last_lines.get(nexthop) is not session.line:
            if len(self._last_lines) >= REMEMBERED_NEXTHOPS:
                self._last_lines.clear()
            self._last_lines[nexthop] = session.line
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def drop(self, session: Session) -> None:
        """Give a connection up. Each one that was opened is given back or dropped exactly once."""
        session.connection.close()
        self._places.release()

    def close(self) -> None:
        """Close what rests, and from now on what comes back."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for sessions in self._resting.values():
            for session in sessions:
                self.drop(session)
        self._resting.clear()

    def _is_fresh(self, session: Session) -> bool:
        now = self._clock()
        rest = self._limits.lmtp_rest if session.line.manner.is_lmtp else self._limits.smtp_rest
        return session.connection.is_open and now - session.resting_since <= rest and now - session.opened <= self._limits.age

    def _sweep(self) -> None:
        self._sweeper = None
        for line in list(self._resting):
            sessions = self._resting[line]
            kept = [session for session in sessions if self._is_fresh(session)]
            for session in set(sessions).difference(kept):
                self.drop(session)
            if kept:
                self._resting[line] = kept
            else:
                del self._resting[line]
        if self._resting:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _close_oldest(self) -> None:
        resting = [session for sessions in self._resting.values() for session in sessions]
        if resting:
            oldest = min(resting, key=lambda session: session.resting_since)
            self._resting[oldest.line].remove(oldest)
            self.drop(oldest)


def _describe(connection: Connection) -> str:
    session = connection.tls
    return f"{describe(session)} {connection.standing}" if session is not None else ""
