"""Which addresses a listener binds, so that a service with several networks is reached over one of them alone."""

import asyncio
import errno
import socket

LOOK_UP_SECONDS = 10.0
"""For the name of a network of our own, which the engine knows before the container starts."""


async def own_addresses(host: str) -> list[str] | None:
    """The addresses of this machine that ``host`` stands for; ``None``, which is every address, for an empty one.

    Behind the name of a service in a network stand all its containers: of these each binds its own. Raises ``OSError`` when none is ours.
    """
    if not host:
        return None
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise OSError(errno.ETIMEDOUT, f"the name to listen at, {host}, cannot be looked up") from None
    except OSError as error:
        raise OSError(errno.EADDRNOTAVAIL, f"the name to listen at, {host}, cannot be looked up: {error.strerror}") from None
    ours = [str(address[0]) for family, *_, address in found if _is_ours(family, str(address[0]))]
    if not ours:
        raise OSError(errno.EADDRNOTAVAIL, f"the name to listen at, {host}, is of no address of this machine")
    return ours


def _is_ours(family: int, address: str) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
