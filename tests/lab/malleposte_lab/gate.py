"""Forwards published ports to a site on an internal network. Runs in a container; words: ``PORT=HOST:PORT ...``.

Networks of a lab are internal, so that nothing can leave, and an internal network publishes no port. The gate stands on both sides
and passes bytes on, half-closes included.
"""

import asyncio
import sys

CONNECT_SECONDS = 3.0
"""On one machine a kernel answers at once: longer than this takes only what a fault has cut."""


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def forward(host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        far_reader, far_writer = await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_SECONDS)
    except OSError:
        writer.close()
        return
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    writer.close()
    far_writer.close()


async def main() -> None:
    servers = []
    for word in sys.argv[1:]:
        here, _, there = word.partition("=")
        host, _, port = there.rpartition(":")

        async def accept(r: asyncio.StreamReader, w: asyncio.StreamWriter, host: str = host, port: int = int(port)) -> None:
            await forward(host, port, r, w)

        servers.append(await asyncio.start_server(accept, None, int(here)))
    print("gate open", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
