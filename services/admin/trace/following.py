"""A trace goes on at another site: on a secondary, backupmx asks the primaries what became of the messages that were handed over."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from services.admin.trace.index import Facts
from services.kernel.wire import channel, standby

ANSWER_SECONDS = 10.0
"""Above what backupmx gives a primary for it."""

_decoder = msgspec.json.Decoder(Facts)


def follow(address: str, found: Sequence[list[bytes]], tell: Callable[[str], None]) -> list[list[bytes]]:
    """Add the lines of the primaries to each message, in order of time. Without backupmx at ``address`` all stays as it is.

    ``tell`` hears of a primary that cannot be asked: what is known here is shown all the same.
    """
    groups = list(found)
    traces = {_decoder.decode(line).trace: number for number, lines in enumerate(groups) for line in lines}
    traces.pop("", None)
    if not traces or not Path(address.removeprefix("unix:")).exists():
        return groups
    try:
        told = asyncio.run(_ask(address, list(traces)))
    except (OSError, TimeoutError) as error:
        tell(f"malle: backupmx cannot be asked what primaries know: {str(error) or 'no answer'}")
        return groups
    for fault in told.faults:
        tell(f"malle: not asked what it knows: {fault}")
    for line in map(str.encode, told.lines):
        number = traces.get(_decoder.decode(line).trace)
        if number is not None:
            groups[number] = [*groups[number], line]
    return [sorted(lines, key=lambda line: _decoder.decode(line).time) for lines in groups]


async def _ask(address: str, traces: list[str]) -> standby.Told:
    async with asyncio.timeout(ANSWER_SECONDS):
        client: channel.ChannelClient[standby.Request, standby.Told] = await channel.connect(address, standby.Told)
        try:
            return await client.call(standby.Follow(traces))
        finally:
            client.close()
