"""A server that takes all mail on port 25. Word: seconds that each of its replies takes on its way.

Whoever connects to port 2500 is told how many messages it took so far and when it took the last, as JSON.
"""

import asyncio
import json
import sys
import time

HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 100000000\r\n"
END = b"\r\n.\r\n"


class Taken:
    """What has come in."""

    count = 0
    last = 0.0


class Session(asyncio.Protocol):
    """One client: its commands are answered as they come, however many arrive at once."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._rest = b""
        self._is_in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._later(b"220 sink ESMTP\r\n", is_last=False)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        replies, is_last = [], False
        while not is_last and (reply := self._next()):
            replies.append(reply)
            is_last = reply.startswith(b"221")
        if replies:
            self._later(b"".join(replies), is_last)

    def _next(self) -> bytes:
        """The reply to what is first in the buffer; empty when that is not whole yet."""
        if self._is_in_data:
            # the line end before the dot may be that of DATA itself, which is kept in the buffer
            _, found, rest = self._rest.partition(END)
            if not found:
                self._rest = self._rest[-len(END) :]
                return b""
            self._rest, self._is_in_data = rest, False
            Taken.count, Taken.last = Taken.count + 1, time.time()
            return b"250 2.0.0 taken\r\n"
        line, found, rest = self._rest.partition(b"\r\n")
        if not found:
            return b""
        verb = line[:4].upper()
        self._is_in_data = verb == b"DATA"
        self._rest = found + rest if self._is_in_data else rest
        return {b"EHLO": HELLO, b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}.get(verb, b"250 2.0.0 ok\r\n")

    def _later(self, reply: bytes, is_last: bool) -> None:
        if self._delay_seconds:
            asyncio.get_running_loop().call_later(self._delay_seconds, self._say, reply, is_last)
        else:
            self._say(reply, is_last)

    def _say(self, reply: bytes, is_last: bool) -> None:
        self._transport.write(reply)
        if is_last:
            self._transport.close()


async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(json.dumps({"count": Taken.count, "last": Taken.last}).encode())
    writer.close()


async def main(delay_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(delay_seconds), None, 25, backlog=1000)
    await asyncio.start_server(tell, None, 2500)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
