"""The way of a message for the operator's eyes: every step to a server up to RCPT, with its time and the peer's words. Nothing is sent.

The same look-ups, decisions and dialogue as a delivery; connections of deliveries are not used, and none is kept.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.reply import Reply
from services.kernel.smtp.client import Verb
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.client_tls import TlsSetup
from services.kernel.smtp.client_wire import OnStep, Wire
from services.kernel.smtp.connection import Connection, Refused
from services.kernel.smtp.tls import TlsLevel
from services.kernel.wire.delivery import TrialRequest, TrialResponse, TrialStep
from services.relay import lines
from services.relay.carriers import Carrier, Carriers
from services.relay.chain import describe_session
from services.relay.hosts import HostFinder, Way
from services.relay.policies import TlsPolicies
from services.relay.pool import Line
from services.relay.trouble import Trouble

MAX_HOSTS = 5
"""Of one place, as in an attempt (Postfix ``smtp_mx_address_limit``)."""

TRIAL_SECONDS = 120.0
"""An operator waits for it."""
STEP_SECONDS = 30.0
"""The longest wait for a reply: a server that takes longer is ill for his purpose."""

Open = Callable[[Line, OnStep], Awaitable[Connection]]


class Trials:
    """Carries out trials. ``open_`` makes a connection and tells of each step on the way."""

    def __init__(self, carriers: Carriers, finder: HostFinder, policies: TlsPolicies, open_: Open) -> None:
        self._carriers = carriers
        self._finder = finder
        self._policies = policies
        self._open = open_

    async def run(self, request: TrialRequest) -> TrialResponse:
        """Try the places of the next hop in order until one has answered to the end."""
        record = _Record(time.perf_counter)
        try:
            async with asyncio.timeout(TRIAL_SECONDS):
                await self._go(request, record)
        except TimeoutError:
            record.note("time", [f"given up after {TRIAL_SECONDS:g} s"], is_ok=False)
        return TrialResponse(record.steps)

    async def _go(self, request: TrialRequest, record: "_Record") -> None:
        nexthop = request.nexthop
        carrier = self._carriers.find(nexthop.transport)
        if carrier is None:
            record.note("transport", [f"there is no transport {nexthop.transport}"], is_ok=False)
            return
        for server in carrier.servers(nexthop):
            record.begin(str(server))
            found = await self._finder.find(nexthop, server, carrier.port(nexthop.protocol))
            if isinstance(found, Trouble):
                record.note("DNS", [str(found.reply)], is_ok=False)
                continue
            record.note("DNS", [str(host.endpoint) for host in found], is_ok=True)
            for host in found[:MAX_HOSTS]:
                if await self._try(request, record, carrier, Way(nexthop, server, host)):
                    return

    async def _try(self, request: TrialRequest, record: "_Record", carrier: Carrier, way: Way) -> bool:
        """Whether the server answered to the end, for good or bad."""
        record.begin(str(way.host.endpoint))
        line = await lines.line(carrier, way, self._policies)
        if isinstance(line, Trouble):
            record.note("policy", [str(line.reply)], is_ok=False)
            return False
        try:
            connection = await self._open(line, record.hear)
        except Refused:
            return False
        except Fault as fault:
            record.fail(fault, *(await self._look_at_certificate(line) if fault.kind is FaultKind.CERTIFICATE else ()))
            return False
        except TlsSetup as trouble:
            record.note("policy", [str(trouble)], is_ok=False)
            return False
        _, ended = await connection.inquire(Mail(request.sender, [Recipient(request.recipient, request.recipient)]))
        connection.close()
        if ended is not None:
            record.fail(ended)
        return ended is None

    async def _look_at_certificate(self, line: Line) -> list[str]:
        """What the server shows whose certificate was not good enough: asked once more, without wanting a proof, and nothing is said to it."""
        shown: list[str] = []

        def look(wire: Wire, verb: Verb, _what: Reply | Fault | None) -> None:
            if verb is Verb.TLS:
                shown.extend(describe_session(wire)[1:])

        unproven = replace(line.manner.tls, level=TlsLevel.ENCRYPT, tlsa=())
        with contextlib.suppress(Fault, Refused):
            (await self._open(replace(line, manner=replace(line.manner, tls=unproven, login=None)), look)).close()
        return shown


class _Record:
    """The steps so far, each with the time since the one before."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.steps: list[TrialStep] = []
        self._clock = clock
        self._server = ""
        self._last = clock()

    def begin(self, server: str) -> None:
        self._server = server
        self._last = self._clock()

    def note(self, name: str, words: list[str], *, is_ok: bool) -> None:
        now = self._clock()
        self.steps.append(TrialStep(self._server, name, now - self._last, is_ok, words))
        self._last = now

    def hear(self, wire: Wire, verb: Verb, what: Reply | Fault | None) -> None:
        """Part of ``OnStep``: challenges of a login are left out, its time is that of the whole."""
        match what:
            case Reply(code=334):
                return
            case Reply():
                self.note(verb, what.lines(), is_ok=what.is_positive)
            case Fault():
                self.fail(what)
            case None:
                self.note(verb, describe_session(wire) if verb is Verb.TLS else [], is_ok=True)

    def fail(self, fault: Fault, *more: str) -> None:
        self.note(fault.verb, [fault.text, *more], is_ok=False)
