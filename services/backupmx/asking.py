"""What backupmx asks of others: relay, whether a primary answers; qmgr, to try what waits for it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from services.backupmx.config import BackupmxSettings
from services.kernel.mail.outcome import Deferred, Delivered, Outcome
from services.kernel.routing import Destination, LookupTrouble, Router
from services.kernel.wire import channel, control
from services.kernel.wire.channel import ChannelClient, ChannelLost
from services.kernel.wire.control import Selection
from services.kernel.wire.delivery import ProbeRequest, ProbeResponse
from services.kernel.wire.nexthop import to_nexthop

PROBE_SECONDS = 65.0
"""A host that takes connections and says nothing is as good as down; just above relay's own limit for a probe."""
FLUSH_SECONDS = 60.0
FORESEE_SECONDS = 5.0
"""qmgr answers from its memory."""
CONNECT_SECONDS = 5.0


class Asking:
    """``router`` knows the way that mail for a domain takes."""

    def __init__(self, settings: BackupmxSettings, router: Router) -> None:
        self._settings = settings
        self._router = router

    async def answers(self, domain: str) -> tuple[bool, str]:
        """Whether the primary of a domain answers to SMTP up to RCPT, and its words or ours. A refusal is an answer."""
        address = f"postmaster@{domain}"
        try:
            route = await self._router.route(address, "")
            if not isinstance(route, Destination):
                return False, str(route.reply)
            outcome = await self._probe(ProbeRequest(to_nexthop(route), "", address))
        except (LookupTrouble, ChannelLost, OSError, TimeoutError) as trouble:
            return False, f"cannot be looked at: {str(trouble) or 'no answer'}"
        return _is_answer(outcome), f"{outcome.remote}: {outcome.reply}"

    async def failures(self, domains: Iterable[str]) -> dict[str, str]:
        """Of which domains mail has met the primary away, and not there since, with the words of the failure. Nothing while qmgr does not answer."""
        found: dict[str, str] = {}
        with suppress(ChannelLost, OSError, TimeoutError):
            async with asyncio.timeout(FORESEE_SECONDS), self._open_qmgr() as qmgr:
                for domain in domains:
                    route = await self._route(domain)
                    answer = await qmgr.call(control.Foresee(to_nexthop(route))) if route is not None else None
                    if isinstance(answer, control.Foreseen) and answer.site is not None and answer.site.reason:
                        found[domain] = answer.site.reason
        return found

    async def flush(self, domain: str) -> str:
        """Have qmgr try what waits for a domain and for those below it; the fault, or nothing."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS), self._open_qmgr() as qmgr:
                answer = await qmgr.call(control.Flush(Selection(recipient=domain), only_ours=True))
        except (ChannelLost, OSError, TimeoutError) as trouble:
            return str(trouble) or "no answer"
        return answer.reason if isinstance(answer, control.Failed) else ""

    async def _route(self, domain: str) -> Destination | None:
        try:
            route = await self._router.route(f"postmaster@{domain}", "")
        except LookupTrouble:
            return None
        return route if isinstance(route, Destination) else None

    @asynccontextmanager
    async def _open_qmgr(self) -> AsyncIterator[ChannelClient[control.Request, control.Response]]:
        client: ChannelClient[control.Request, control.Response] = await channel.connect(self._settings.qmgr, control.Response)  # type: ignore[arg-type]  # a union is no type
        try:
            yield client
        finally:
            client.close()

    async def _probe(self, request: ProbeRequest) -> Outcome:
        """On a connection of its own: one that was kept may lead to a relay that is gone and never said so, and looks are seldom."""
        async with asyncio.timeout(PROBE_SECONDS):
            async with asyncio.timeout(CONNECT_SECONDS):
                relay: ChannelClient[ProbeRequest, ProbeResponse] = await channel.connect(self._settings.relay, ProbeResponse)
            try:
                return (await relay.call(request)).outcome
            finally:
                relay.close()


def _is_answer(outcome: Outcome) -> bool:
    """Whether a primary said it. Not what relay found out without one: a name that is not known, a fault of its own, or that it met ourselves."""
    if isinstance(outcome, Delivered):
        return True
    is_ourselves = outcome.reply.enhanced[1:] == ".4.6" and not outcome.remote.command
    return bool(outcome.remote.address) and not is_ourselves and not (isinstance(outcome, Deferred) and outcome.site)
