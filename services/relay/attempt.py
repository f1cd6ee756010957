"""One request in progress: which recipients are still open, and what is known of each. No I/O."""

from collections.abc import Iterable

from services.kernel.mail.outcome import Delivered, Outcome, Remote
from services.kernel.mail.transcript import Transcript
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse
from services.relay import trouble as policy
from services.relay.trouble import Scope, Trouble, Verdict

TRANSCRIPTS = 5
"""Most dialogues kept of one attempt; as many as addresses are tried by default."""


class Attempt:
    """Outcomes of a request as they come in. A recipient is open until it has one; a trouble that leads to the next host is remembered."""

    def __init__(self, request: DeliveryRequest) -> None:
        self.request = request
        self._outcomes: list[Outcome | None] = [None] * len(request.recipients)
        self._last: dict[int, tuple[Trouble, Remote]] = {}
        self._transcripts: list[Transcript] = []

    @property
    def open(self) -> list[int]:
        """The recipients without an outcome, as positions in the request."""
        return [number for number, outcome in enumerate(self._outcomes) if outcome is None]

    @property
    def is_settled(self) -> bool:
        """Whether every recipient has its outcome."""
        return None not in self._outcomes

    @property
    def has_met_trouble(self) -> bool:
        """Whether a host was met that did not take all."""
        return bool(self._last)

    def deliver(self, number: int, delivered: Delivered) -> None:
        """A host took the recipient."""
        self._outcomes[number] = delivered

    def meet(self, numbers: Iterable[int], trouble: Trouble, remote: Remote) -> None:
        """These open recipients met a trouble at a host that may not be the last."""
        verdict = policy.decide(trouble, has_more_hosts=True)
        for number in numbers:
            if verdict is Verdict.NEXT_HOST:
                self._last[number] = (trouble, remote)
            else:
                self._outcomes[number] = policy.outcome(trouble, verdict, remote)

    def transcribe(self, server: str, lines: list[str]) -> None:
        """Keep the dialogue with a server that did not take all."""
        if len(self._transcripts) < TRANSCRIPTS:
            self._transcripts.append(Transcript(server, lines))

    def settle(self) -> None:
        """No host is left: the last trouble of each open recipient becomes its outcome."""
        for number in self.open:
            trouble, remote = self._last.get(number, (_UNTRIED, Remote()))
            verdict = policy.decide(trouble, has_more_hosts=False)
            self._outcomes[number] = policy.outcome(trouble, verdict, remote)

    def response(self) -> DeliveryResponse:
        """The answer to the request, once every recipient has its outcome."""
        return DeliveryResponse([outcome for outcome in self._outcomes if outcome is not None], self._transcripts)


_UNTRIED = policy.local(Scope.HERE, "4.3.0", "no host was tried")
