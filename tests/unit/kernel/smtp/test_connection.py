"""Connections over real sockets, against servers that play dialogues."""

import asyncio
import contextlib
import os
import ssl
from pathlib import Path

import pytest
import trustme

from services.kernel.mail.envelope import Recipient
from services.kernel.smtp.client import Manner, Transaction, Verb
from services.kernel.smtp.client_content import Extent
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.client_sasl import Login, LoginRules
from services.kernel.smtp.client_tls import make_context
from services.kernel.smtp.connection import SECONDS, Connection, Endpoint, Refused, Terms, open_connection
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import TlsPolicy
from tests.unit.kernel.smtp.peer import Peer, peer, play

HELLO = """
    > 220 mx.test ESMTP
    < EHLO me.test
    > 250-mx.test
    > 250 PIPELINING
"""
ENVELOPE = """
    < MAIL FROM:<a@b.test>
    < RCPT TO:<c@d.test>
    < DATA
    > 250 2.1.0 ok
    > 250 2.1.5 ok
    > 354 go
"""
MESSAGE = ENVELOPE + "= content\n> 250 2.0.0 taken\n"
QUIT = "< QUIT\n"
MAIL = Mail("a@b.test", [Recipient("c@d.test", "c@d.test")])


@pytest.fixture
def content(tmp_path: Path) -> Extent:
    return extent(tmp_path, b"Subject: x\r\n\r\n.hidden\r\n")


def extent(directory: Path, data: bytes) -> Extent:
    path = directory / "content"
    path.write_bytes(data)
    return Extent(os.open(path, os.O_RDONLY), 0, len(data))


@pytest.fixture(scope="module")
def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("mx.test").configure_cert(context)
    return context


async def connect(server: Peer, tls: TlsLevel = TlsLevel.MAY, **seconds: float) -> Connection:
    manner = Manner("me.test", tls=TlsPolicy(tls, servername="mx.test"))
    limits = {**SECONDS, **{Verb[name.upper()]: value for name, value in seconds.items()}}
    return await open_connection(Endpoint("mx.test", "127.0.0.1", server.port), Terms(manner, make_context(manner.tls), limits))


def verdict(made: Transaction) -> tuple[Verb, int] | None:
    (answer,) = made.results
    return (answer.verb, answer.reply.code) if answer else None


def test_messages_follow_one_another_on_one_connection(content: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + MESSAGE + MESSAGE + QUIT) as server:
            connection = await connect(server)
            for _ in range(2):
                made, fault = await connection.carry(MAIL, content)
                assert (verdict(made), fault) == ((Verb.DOT, 250), None)
                connection.rest()
            connection.close()
            await server.finish()
            assert server.contents == [b"Subject: x\r\n\r\n..hidden\r\n"] * 2

    play(scene())


def test_large_message_arrives_whole(tmp_path: Path) -> None:
    data = b"Subject: large\r\n\r\n" + b".dotted line of some length\r\n" * 400_000
    content = extent(tmp_path, data)

    async def scene() -> None:
        async with peer(HELLO + MESSAGE + QUIT) as server:
            connection = await connect(server)
            made, _ = await connection.carry(MAIL, content)
            connection.close()
            assert verdict(made) == (Verb.DOT, 250)
            assert server.contents[0].replace(b"\r\n..", b"\r\n.") == data

    play(scene())


def test_refused_transaction_is_reset_before_the_next(content: Extent) -> None:
    refused = "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 550 5.1.1 who\n> 503 no recipients\n< RSET\n> 250 ok\n"

    async def scene() -> None:
        async with peer(HELLO + refused + MESSAGE + QUIT) as server:
            connection = await connect(server)
            made, _ = await connection.carry(MAIL, content)
            assert verdict(made) == (Verb.RCPT, 550)
            assert await connection.reset()
            made, _ = await connection.carry(MAIL, content)
            assert verdict(made) == (Verb.DOT, 250)
            connection.close()

    play(scene())


def test_tls_is_used_where_it_is_offered(content: Extent, server_tls: ssl.SSLContext) -> None:
    dialogue = "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 STARTTLS\n< STARTTLS\n> 220 go\n! tls\n< EHLO me.test\n> 250-mx\n> 250 PIPELINING\n"

    async def scene() -> None:
        async with peer(dialogue + MESSAGE + QUIT, context=server_tls) as server:
            connection = await connect(server, TlsLevel.ENCRYPT)
            made, _ = await connection.carry(MAIL, content)
            assert verdict(made) == (Verb.DOT, 250)
            assert connection.tls is not None
            connection.close()

    play(scene())


OFFER = "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 STARTTLS\n< STARTTLS\n"


@pytest.mark.parametrize("broken", ["> 220 go\n! close", "> 220 go\n! abort", "! abort"])
def test_opportunistic_tls_that_fails_is_tried_again_in_clear_text(content: Extent, broken: str) -> None:
    async def scene() -> None:
        async with peer(OFFER + broken, HELLO + MESSAGE + QUIT) as server:
            connection = await connect(server)
            made, _ = await connection.carry(MAIL, content)
            assert (verdict(made), connection.tls) == ((Verb.DOT, 250), None)
            connection.close()
            await server.finish()
            server.faults.clear()

    play(scene())


def test_required_tls_that_fails_is_a_fault() -> None:
    async def scene() -> None:
        async with peer(OFFER + "> 220 go\n! abort") as server:
            with pytest.raises(Fault) as caught:
                await connect(server, TlsLevel.ENCRYPT)
            assert caught.value.kind is FaultKind.TLS

    play(scene())


def test_clear_text_behind_the_reply_to_starttls_is_not_taken_into_the_session() -> None:
    async def scene() -> None:
        async with peer(OFFER + "> 220 go | 250 injected\n! wait") as server:
            with pytest.raises(Fault) as caught:
                await connect(server, TlsLevel.ENCRYPT)
            assert (caught.value.kind, server.connections) == (FaultKind.TLS, 1)
            await server.finish()
            server.faults.clear()

    play(scene())


def test_required_tls_that_is_not_offered_is_a_fault() -> None:
    async def scene() -> None:
        async with peer(HELLO + "! wait") as server:
            with pytest.raises(Fault) as caught:
                await connect(server, TlsLevel.ENCRYPT)
            assert caught.value.kind is FaultKind.TLS_MISSING

    play(scene())


def test_refusing_greeting_is_told() -> None:
    async def scene() -> None:
        async with peer("> 554 5.7.1 no\n! wait") as server:
            with pytest.raises(Refused) as caught:
                await connect(server)
            assert caught.value.answer.verb is Verb.GREETING

    play(scene())


def test_nobody_listening_is_unreachable() -> None:
    async def scene() -> None:
        async with peer() as server:
            pass
        with pytest.raises(Fault) as caught:
            await connect(server)
        assert caught.value.kind is FaultKind.UNREACHABLE

    play(scene())


def test_reply_that_came_with_the_end_of_the_connection_counts(content: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + ENVELOPE + "= content\n> 250 taken\n! close") as server:
            connection = await connect(server)
            made, fault = await connection.carry(MAIL, content)
            assert (verdict(made), fault) == ((Verb.DOT, 250), None)

    play(scene())


@pytest.mark.parametrize(
    ("dialogue", "awaited", "is_dot_sent"),
    [
        ("< MAIL .*\n! close", Verb.MAIL, False),
        ("< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n! close", Verb.RCPT, False),
        ("< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 250 ok\n! close", Verb.DATA, False),
        (ENVELOPE + "= content\n! close", Verb.DOT, True),
    ],
)
def test_lost_connection_says_what_was_awaited(content: Extent, dialogue: str, awaited: Verb, is_dot_sent: bool) -> None:
    async def scene() -> None:
        async with peer(HELLO + dialogue) as server:
            connection = await connect(server)
            made, fault = await connection.carry(MAIL, content)
            assert fault is not None
            assert (fault.kind, made.awaited, made.is_dot_sent, connection.is_open) == (FaultKind.LOST, awaited, is_dot_sent, False)

    play(scene())


def test_silent_server_is_given_up(content: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + "! wait") as server:
            connection = await connect(server, mail=0.05)
            _, fault = await connection.carry(MAIL, content)
            assert fault is not None
            assert (fault.kind, fault.verb) == (FaultKind.TIMED_OUT, Verb.MAIL)

    play(scene())


def test_server_that_takes_no_content_is_given_up(tmp_path: Path) -> None:
    content = extent(tmp_path, b"x" * 50_000_000)

    async def scene() -> None:
        async with asyncio.timeout(20), peer(HELLO + ENVELOPE) as server:
            server_side = asyncio.Event()

            async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(b"220 mx\r\n250-mx\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n")
                await server_side.wait()
                writer.close()

            holder = await asyncio.start_server(hold, "127.0.0.1", 0)
            server.port = holder.sockets[0].getsockname()[1]
            connection = await connect(server, content=0.1)
            made, fault = await connection.carry(MAIL, content)
            assert fault is not None
            assert (fault.kind, made.is_dot_sent) == (FaultKind.TIMED_OUT, False)
            server_side.set()
            holder.close()

    play(scene())


def test_content_that_cannot_be_read_is_never_finished_by_a_dot(tmp_path: Path) -> None:
    short = extent(tmp_path, b"short")

    async def scene() -> None:
        async with peer(HELLO + ENVELOPE + "! wait") as server:
            connection = await connect(server)
            made, fault = await connection.carry(MAIL, Extent(short.fd, 0, 100))
            assert fault is not None
            assert (fault.kind, made.is_dot_sent, connection.is_open) == (FaultKind.CONTENT, False, False)

    play(scene())


def test_server_that_speaks_while_nothing_is_asked_is_left(content: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + MESSAGE + "> 421 closing\n" + QUIT) as server:
            connection = await connect(server)
            await connection.carry(MAIL, content)
            connection.rest()
            await server.finish()
            assert not connection.is_open

    play(scene())


def test_one_reply_too_many_ends_the_session(content: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + ENVELOPE + "= content\n> 250 taken | 250 taken again\n" + QUIT) as server:
            connection = await connect(server)
            await connection.carry(MAIL, content)
            assert not connection.is_open

    play(scene())


def test_server_that_talks_without_end_and_takes_no_content_is_left(tmp_path: Path) -> None:
    content = extent(tmp_path, b"x" * 50_000_000)

    async def scene() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n250-mx\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n" + b"250 ok\r\n" * 600_000)
            with contextlib.suppress(OSError):
                await writer.drain()
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as talker:
            server = Peer(())
            server.port = talker.sockets[0].getsockname()[1]
            made, fault = await (await connect(server)).carry(MAIL, content)
            assert fault is not None
            assert (fault.kind, made.is_dot_sent, verdict(made)) == (FaultKind.PROTOCOL, False, None)

    play(scene())


def test_cancelled_transaction_closes_its_connection(content: Extent) -> None:
    async def scene() -> None:
        async with peer(HELLO + ENVELOPE + "= content\n! wait") as server:
            connection = await connect(server)
            task = asyncio.create_task(connection.carry(MAIL, content))
            while not server.contents:
                await asyncio.wait([task], timeout=0.01)
            task.cancel()
            await asyncio.wait([task])
            assert not connection.is_open

    play(scene())


SIGN_IN = Manner("me.test", login=Login("tim", "secret", LoginRules(options=frozenset())))


async def sign_in(server: Peer) -> Connection:
    return await open_connection(Endpoint("mx.test", "127.0.0.1", server.port), Terms(SIGN_IN))


def test_login_leads_to_a_session_that_takes_mail(content: Extent) -> None:
    async def scene() -> None:
        auth = "> 220 mx.test\n< EHLO me.test\n> 250-mx.test | 250-AUTH PLAIN | 250 PIPELINING\n< AUTH PLAIN AHRpbQBzZWNyZXQ=\n> 235 2.7.0 welcome\n"
        async with peer(auth + MESSAGE + QUIT) as server:
            connection = await sign_in(server)
            made, fault = await connection.carry(MAIL, content)
            assert (verdict(made), fault) == ((Verb.DOT, 250), None)
            connection.close()

    play(scene())


def test_login_over_tls_comes_behind_the_second_hello(server_tls: ssl.SSLContext) -> None:
    async def scene() -> None:
        hello = "> 220 mx.test\n< EHLO me.test\n> 250-mx.test | 250 STARTTLS\n< STARTTLS\n> 220 go\n! tls\n"
        auth = "< EHLO me.test\n> 250-mx.test | 250 AUTH LOGIN\n< AUTH LOGIN\n> 334 VXNlcm5hbWU6\n< dGlt\n> 334 UGFzc3dvcmQ6\n< c2VjcmV0\n> 235 ok\n"
        async with peer(hello + auth + QUIT, context=server_tls) as server:
            terms = Terms(Manner("me.test", login=Login("tim", "secret")), make_context(TlsPolicy()))
            connection = await open_connection(Endpoint("mx.test", "127.0.0.1", server.port), terms)
            connection.close()

    play(scene())


@pytest.mark.parametrize("words", ["secret is the wrong password", "try AHRpbQBzZWNyZXQ= again"])
def test_refused_login_tells_no_secret(words: str) -> None:
    async def scene() -> None:
        auth = f"> 220 mx.test\n< EHLO me.test\n> 250-mx.test | 250 AUTH PLAIN\n< AUTH PLAIN .*\n> 535 5.7.8 {words}\n< QUIT\n"
        async with peer(auth) as server:
            with pytest.raises(Refused) as caught:
                await sign_in(server)
            assert (caught.value.answer.verb, caught.value.answer.reply.code) == (Verb.AUTH, 535)
            told = "\n".join([*caught.value.transcript, str(caught.value.answer.reply)])
            assert "AUTH PLAIN" in told and "secret" not in told and "AHRpbQBzZWNyZXQ=" not in told

    play(scene())


def test_server_that_offers_only_what_may_not_be_used_is_a_fault() -> None:
    async def scene() -> None:
        async with peer("> 220 mx.test\n< EHLO me.test\n> 250-mx.test | 250 AUTH LOGIN PLAIN\n< QUIT\n") as server:
            with pytest.raises(Fault, match="LOGIN PLAIN") as caught:
                await open_connection(Endpoint("mx.test", "127.0.0.1", server.port), Terms(Manner("me.test", login=Login("tim", "secret"))))
            assert caught.value.kind is FaultKind.LOGIN

    play(scene())
