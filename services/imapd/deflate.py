"""COMPRESS=DEFLATE (RFC 4978): what is said from here on is compressed, both ways."""

import zlib

WINDOW_BITS, MEMORY_LEVEL = 13, 7
"""Of our side: 96 kB a session (zlib.h) where the defaults take 256; listings and headers lose a few per cent by it."""
LEVEL = 5
"""Costs half of zlib's default on text and misses one per cent."""
TURN_BYTES = 65_536
"""Inflated at a time: a client that sends little to make much gets no more of it into memory."""


class BadStream(Exception):
    """What the client sends is no deflate stream, or has ended."""


class Deflate:
    """The two streams of a connection. Input waits here compressed until ``take`` asks for it."""

    def __init__(self) -> None:
        self._deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, MEMORY_LEVEL)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._waiting = b""
        self._may_have_more = False

    @property
    def has_more(self) -> bool:
        """Whether ``take`` may give something."""
        return bool(self._waiting) or self._may_have_more

    def feed(self, data: bytes) -> None:
        """Take compressed input."""
        self._waiting += data

    def take(self) -> bytes:
        """Return some of the input, at most ``TURN_BYTES``. Raises ``BadStream``, when all before the end has been taken."""
        if self._inflater.eof:
            raise BadStream("the compressed stream has ended")
        try:
            data = self._inflater.decompress(self._waiting, TURN_BYTES)
        except zlib.error as error:
            raise BadStream(str(error)) from None
        self._waiting = self._inflater.unconsumed_tail
        self._may_have_more = len(data) == TURN_BYTES or self._inflater.eof
        return data

    def pack(self, data: bytes) -> bytes:
        """Return output compressed, so that the client can read all of it at once."""
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
