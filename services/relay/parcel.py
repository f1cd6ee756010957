"""The content of one message as its transport sends it: as it lies in the queue, with another head, or made 7-bit.

What a server needs is worked out when the first one needs it, and once a delivery. Nothing is done for content that goes as it is.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from services.kernel.mail import conversion
from services.kernel.mail.conversion import Piece, Span
from services.kernel.smtp.client_content import BLOCK_BYTES, Content, Conveyance, Extent
from services.kernel.smtp.client_rendition import Mapped, Rendition

_WHOLE = 1 << 20
"""Content up to this size is looked through in the event loop, in some 50 µs."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a transport sends content: line length and chunks, and whether 8-bit content is converted for servers that need it."""

    conveyance: Conveyance = field(default_factory=lambda: Conveyance(line_limit=998))
    converts: bool = True


class Parcel:
    """Content for the servers of one delivery. ``rewrite`` makes another head of the head, if the transport rewrites addresses."""

    def __init__(self, extent: Extent, style: Style, rewrite: Callable[[bytes], bytes] | None = None) -> None:
        self.extent = extent
        self.style = style
        self._rewrite = rewrite
        self._seven_bit: Content | None = None
        self._plain: Content | None = extent if rewrite is None else None

    def ready(self, *, is_seven_bit: bool) -> Content | None:
        """What to send, if it is known without work: nearly always."""
        return self._seven_bit if is_seven_bit and self.style.converts else self._plain

    async def content(self, *, is_seven_bit: bool) -> Content:
        """What to send. Raises ``NotConvertible`` and ``ContentTrouble``."""
        if is_seven_bit and self.style.converts:
            if self._seven_bit is None:
                self._seven_bit = await self._run(self._convert)
            return self._seven_bit
        if self._plain is None:
            self._plain = await self._run(self._restyle)
        return self._plain

    async def _run(self, job: Callable[[], Content]) -> Content:
        return job() if self.extent.size <= _WHOLE else await asyncio.to_thread(job)

    def _convert(self) -> Content:
        if self._is_ascii():
            return self._restyle()
        mapped = Mapped(self.extent)
        try:
            return self._assemble(mapped, conversion.plan(mapped))
        finally:
            mapped.close()

    def _is_ascii(self) -> bool:
        return all(self.extent.read(position).isascii() for position in range(0, self.extent.size, BLOCK_BYTES))

    def _restyle(self) -> Content:
        if self._rewrite is None:
            return self.extent
        mapped = Mapped(self.extent)
        try:
            return self._assemble(mapped, (Span(0, self.extent.size),))
        finally:
            mapped.close()

    def _assemble(self, mapped: Mapped, pieces: tuple[Piece, ...]) -> Content:
        """The pieces, with another head where addresses are rewritten."""
        if self._rewrite is None:
            return Rendition(self.extent, pieces)
        first, *others = pieces
        if isinstance(first, bytes):
            return Rendition(self.extent, (self._rewrite(first), *others))
        end = mapped.head_end()
        return Rendition(self.extent, (self._rewrite(mapped[0:end]), Span(end, first.end), *others))
