"""The HTTP side over TLS, where a large answer is taken slowly."""

import asyncio
import contextlib
import socket
import ssl
import time

import pytest
import trustme
import uvloop

from services.admin import web
from services.admin.web import Answer, Web

BODY = b"x" * 8_000_000


@pytest.mark.parametrize(("seconds", "is_whole"), [(20.0, True), (0.3, False)])
def test_large_answer_has_its_time_to_be_taken(monkeypatch: pytest.MonkeyPatch, seconds: float, is_whole: bool) -> None:
    monkeypatch.setattr(web, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(web, "ANSWER_SECONDS", seconds)
    authority = trustme.CA()
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("mx1.test").configure_cert(ours)
    authority.configure_trust(theirs)

    async def answer(_: str) -> Answer:
        return "200 OK", "text/plain", BODY

    def read(port: int) -> bytes:
        with theirs.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="mx1.test") as client:
            client.sendall(b"GET /large HTTP/1.1\r\n\r\n")
            time.sleep(1.0)  # a slow line
            heard = b""
            with contextlib.suppress(OSError):
                while piece := client.recv(1 << 20):
                    heard += piece
            return heard

    async def scene() -> None:
        server = await Web({"/large": answer}).listen("127.0.0.1:0", ours)
        heard = await asyncio.to_thread(read, server.sockets[0].getsockname()[1])
        server.close()
        assert heard.endswith(BODY) is is_whole

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scene(), 30))
