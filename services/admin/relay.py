"""The operator's side of the delivery hop: one question to relay, which alone has the passwords and the network."""

from services.admin.line import Line
from services.kernel.wire.delivery import InspectRequest, InspectResponse, TrialRequest, TrialResponse


class _Relay(Line):
    """A connection to relay."""

    WHO = "relay"
    RESPONSE = TrialResponse | InspectResponse
    SECONDS = 300.0
    """A trial waits for servers, for half a minute at each step; relay ends it well before this."""


async def run_trial(address: str, request: TrialRequest) -> TrialResponse:
    """Go the way of a message up to RCPT. Raises ``ControlError``."""
    async with _Relay(address) as relay:
        return await relay.ask(request, TrialResponse)


async def inspect(address: str, request: InspectRequest) -> InspectResponse:
    """The hosts of a next hop in order, and how they would be spoken to. Raises ``ControlError``."""
    async with _Relay(address) as relay:
        return await relay.ask(request, InspectResponse)
