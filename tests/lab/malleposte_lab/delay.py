"""A proxy that passes everything on late. Words: ``PORT HOST PORT SECONDS``. Runs beside the container whose connections it takes (``faults``)."""

import asyncio
import contextlib
import sys


async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Pass bytes on, each ``seconds`` after it came; a block that comes meanwhile does not wait for the one before."""
    clock = asyncio.get_running_loop().time
    blocks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1000)

    async def take() -> None:
        block = b"first"
        while block:
            block = await reader.read(65536)
            await blocks.put((clock() + seconds, block))

    async def give() -> None:
        while True:
            due, block = await blocks.get()
            await asyncio.sleep(due - clock())
            if not block:
                writer.write_eof()
                return
            writer.write(block)
            await writer.drain()

    await asyncio.gather(take(), give())


async def main(port: int, far_host: str, far_port: int, seconds: float) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_writer = None
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(far_host, far_port)
            await asyncio.gather(late(reader, far_writer, seconds), late(far_reader, writer, seconds))
        for end in (writer, far_writer):
            if end is not None:
                end.close()

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    print("open", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
