"""smtpd's end of the verdict hop. Every trouble is an answer: unknown."""

import asyncio
from collections.abc import Callable

from services.kernel.mail.reply import Reply
from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelClient, ChannelLost
from services.kernel.wire.verdict import Ask, Failed, Response, State, Verdict


class Asker:
    """Keeps one connection, made at the first question. ``tell_trouble`` hears once that verify is away, not at each question."""

    def __init__(self, address: str, seconds: float, tell_trouble: Callable[[str], None]) -> None:
        self._address = address
        self._seconds = seconds
        self._tell_trouble = tell_trouble
        self._client: ChannelClient[Ask, Response] | None = None
        self._connecting = asyncio.Lock()
        self._is_away = False

    def configure(self, address: str, seconds: float) -> None:
        """Go on by other settings."""
        if address != self._address:
            self.close()
        self._address, self._seconds = address, seconds

    async def ask(self, address: str, recipient: str = "") -> Verdict:
        """What is known of an address after the time limit at the latest."""
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._call(Ask(address, recipient))
        except TimeoutError:
            return _unknown(address, f"not verified within {self._seconds:g} s")
        except OSError as error:
            return self._note_away(address, f"verify cannot be asked: {error.strerror or error}")
        self._is_away = False
        if isinstance(answer, Verdict):
            return answer
        return _unknown(address, answer.reason if isinstance(answer, Failed) else "verify gave an answer that does not fit")

    def close(self) -> None:
        """End the connection; the next question makes a new one."""
        if self._client is not None:
            self._client.close()

    async def _call(self, question: Ask) -> Response:
        """Ask, and once more when the connection had ended: verify may have been started anew. Raises ``OSError``."""
        try:
            return await (await self._connect()).call(question)
        except ChannelLost:
            return await (await self._connect()).call(question)

    async def _connect(self) -> ChannelClient[Ask, Response]:
        async with self._connecting:
            if self._client is None or not self._client.is_open:
                self._client = await channel.connect(self._address, Response)  # type: ignore[arg-type]  # a union is a type to msgspec
            return self._client

    def _note_away(self, address: str, reason: str) -> Verdict:
        if not self._is_away:
            self._is_away = True
            self._tell_trouble(reason)
        return _unknown(address, reason)


def _unknown(address: str, reason: str) -> Verdict:
    return Verdict(address, State.UNKNOWN, reply=Reply(450, "4.4.1", reason))
