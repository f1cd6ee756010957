"""One GET over HTTPS, for MTA-STS policies: nothing is followed, nothing is kept, and everything has a limit."""

import asyncio
import re
import ssl

SECONDS = 30.0
"""For all of it (RFC 8461 section 3.3 proposes one minute; mail waits meanwhile)."""
HEADER_BYTES = 16_384
BODY_BYTES = 65_536
"""RFC 8461 section 3.3 proposes 64 KB."""


class NotFetched(Exception):
    """There is no usable answer; the message says why."""


async def get(host: str, path: str, address: tuple[str, int], context: ssl.SSLContext) -> str:
    """The body of the answer, which must be 200 and plain text. Raises ``NotFetched``."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _get(host, path, address, context)
    except TimeoutError:
        raise NotFetched(f"no answer within {SECONDS:.0f} s") from None
    except ssl.SSLCertVerificationError as error:
        raise NotFetched(f"certificate: {error.verify_message}") from None
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise NotFetched(str(error)) from None


async def _get(host: str, path: str, address: tuple[str, int], context: ssl.SSLContext) -> str:
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=host, limit=HEADER_BYTES)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n".encode("ascii"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = _check(head)
        body = await (_read_chunks(reader) if "chunked" in fields.get("transfer-encoding", "").lower() else _read(reader, fields))
        return body.decode()
    finally:
        writer.close()


def _check(head: str) -> dict[str, str]:
    """The fields of a good answer. A redirect is none (RFC 8461 section 3.3). Raises ``ValueError``."""
    status, *lines = head.strip().split("\r\n")
    if not re.match(r"HTTP/1\.[01] 200( |$)", status):
        raise ValueError(f"the answer is {status[:80]!r}")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    kind = fields.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "text/plain":  # RFC 8461 section 3.2: what users upload to a host is no policy
        raise ValueError(f"the answer is of type {kind[:80]!r}")
    return fields


async def _read(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    """Up to the length announced, or the end."""
    length = int(fields["content-length"]) if "content-length" in fields else None
    if length is not None:
        _bound(length)
        return await reader.readexactly(length)
    body = b""
    while piece := await reader.read(BODY_BYTES):
        body += piece
        _bound(len(body))
    return body


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """RFC 9112 section 7.1."""
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        _bound(len(body) + size)
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return body


def _bound(size: int) -> None:
    if not 0 <= size <= BODY_BYTES:
        raise ValueError(f"the answer is over the limit of {BODY_BYTES} bytes")
