"""Content in chunks (RFC 3030), to our own server and to one that plays dialogues."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mail.envelope import Recipient
from services.kernel.smtp.client import Manner, Transaction, Verb
from services.kernel.smtp.client_content import BLOCK_BYTES, Conveyance, Extent
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_fault import FaultKind
from services.kernel.smtp.connection import Connection, Endpoint, Terms, open_connection
from services.kernel.smtp.handler import Rules
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import TlsPolicy
from tests.unit.kernel.smtp.peer import peer, play
from tests.unit.kernel.smtp.recording import running

HELLO = "> 220 mx.test ESMTP\n< EHLO me.test\n> 250-mx.test\n> 250-CHUNKING\n> 250 PIPELINING\n"
ENVELOPE = "< MAIL .*\n< RCPT .*\n> 250 ok | 250 ok\n"
CHUNKS = Conveyance(chunking=True)
MAIL = Mail("a@b.test", [Recipient("c@d.test", "c@d.test")])
SMALL = b"Subject: x\r\n\r\n.dot\r\n"
LARGE = b"Subject: large\r\n\r\n" + b".dotted line of some length\r\n" * 40_000


@pytest.fixture(params=[SMALL, LARGE, LARGE + b"unfinished"], ids=["small", "large", "unfinished"])
def data(request: pytest.FixtureRequest) -> bytes:
    content: bytes = request.param
    return content


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Extent]:
    yield from extent(tmp_path, SMALL)


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Extent]:
    yield from extent(tmp_path, LARGE)


def extent(directory: Path, data: bytes) -> Iterator[Extent]:
    (directory / "message").write_bytes(data)
    fd = os.open(directory / "message", os.O_RDONLY)
    yield Extent(fd, 0, len(data))
    os.close(fd)


async def connect(port: int, *, is_lmtp: bool = False) -> Connection:
    return await open_connection(Endpoint("mx.test", "127.0.0.1", port), Terms(Manner("me.test", is_lmtp, TlsPolicy(TlsLevel.NONE))))


def codes(made: Transaction) -> list[tuple[Verb, int] | None]:
    return [(answer.verb, answer.reply.code) if answer else None for answer in made.results]


@pytest.mark.parametrize("is_lmtp", [False, True])
def test_our_own_server_takes_chunks(tmp_path: Path, data: bytes, is_lmtp: bool) -> None:
    (content,) = [next(extent(tmp_path, data))]

    async def scene() -> None:
        async with running(Rules("mx.test", is_lmtp=is_lmtp)) as site:
            connection = await connect(site.port, is_lmtp=is_lmtp)
            for _ in range(2):
                made, fault = await connection.carry(MAIL, content, CHUNKS)
                assert (codes(made), fault) == ([(Verb.BDAT, 250)], None)
            connection.close()
            assert site.record.messages == [data if data.endswith(b"\r\n") else data + b"\r\n"] * 2

    play(scene())


def test_server_that_takes_no_chunks_gets_data(small: Extent) -> None:
    async def scene() -> None:
        dialogue = HELLO.replace("> 250-CHUNKING\n", "") + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok | 250 ok | 354 go\n= content\n> 250 ok\n< QUIT"
        async with peer(dialogue) as server:
            connection = await connect(server.port)
            made, _ = await connection.carry(MAIL, small, CHUNKS)
            connection.close()
            assert codes(made) == [(Verb.DOT, 250)]

    play(scene())


def test_answer_that_is_lost_after_the_last_chunk_leaves_it_unknown(small: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + ENVELOPE + f"< BDAT {len(SMALL)} LAST\n* {len(SMALL)}\n! close") as server:
            connection = await connect(server.port)
            made, fault = await connection.carry(MAIL, small, CHUNKS)
            assert fault is not None
            assert (fault.kind, fault.verb, made.is_dot_sent, codes(made)) == (FaultKind.LOST, Verb.BDAT, True, [None])

    play(scene())


def test_connection_lost_before_the_last_chunk_leaves_nothing_taken(tmp_path: Path) -> None:
    content = next(extent(tmp_path, LARGE * 16))  # more than the buffers of two sockets hold

    async def scene() -> None:
        async with peer(HELLO + ENVELOPE + f"< BDAT {BLOCK_BYTES}\n* {BLOCK_BYTES}\n! abort") as server:
            connection = await connect(server.port)
            made, fault = await connection.carry(MAIL, content, CHUNKS)
            assert fault is not None
            assert (made.is_dot_sent, codes(made)) == (False, [None])

    play(scene())


def test_refused_chunk_ends_the_message_and_the_session(large: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + ENVELOPE + f"< BDAT {BLOCK_BYTES}\n* {BLOCK_BYTES}\n> 552 5.3.4 too large\n! wait") as server:
            connection = await connect(server.port)
            made, fault = await connection.carry(MAIL, large, CHUNKS)
            assert (codes(made), fault, made.is_dot_sent, connection.is_open) == ([(Verb.BDAT, 552)], None, False, False)

    play(scene())


def test_chunk_that_was_accepted_before_it_was_sent_is_not_taken(small: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + "< MAIL .*\n< RCPT .*\n> 250 ok | 250 ok | 250 ok\n! wait") as server:
            made, fault = await (await connect(server.port)).carry(MAIL, small, CHUNKS)
            assert fault is not None
            assert (fault.kind, made.is_dot_sent, codes(made)) == (FaultKind.PROTOCOL, False, [None])

    play(scene())
