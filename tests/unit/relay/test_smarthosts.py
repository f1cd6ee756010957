"""Ways out that the operator named: several places in order, logins, source addresses, fallback, Unix sockets."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from services.kernel.dns.answer import Found
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome
from services.kernel.routing.options import SaslOptions, Transport
from services.kernel.wire.delivery import NextHop, Protocol, Server
from services.relay.config import RelaySettings
from tests.unit.kernel.smtp.peer import Peer, peer, play
from tests.unit.relay.site import HELLO, QUIT, TAKE, Site, lmtp, smtp, zone

TAKES = HELLO + TAKE + QUIT
OFFER = "> 220 mx.test ESMTP\n< EHLO me.test\n> 250-mx.test | 250-PIPELINING | 250 AUTH PLAIN\n"
SECURE = (
    "> 220 mx.test\n< EHLO me.test\n> 250-mx.test | 250 STARTTLS\n< STARTTLS\n> 220 go\n! tls\n< EHLO me.test\n> 250-mx.test | 250 PIPELINING\n"
)
CLEAR: dict[str, Any] = {"security_options": []}


@pytest.fixture(scope="module")
def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("mx.test").configure_cert(context)
    return context


def at(server: Peer, **facts: Any) -> NextHop:
    """The smarthost at a server of the test."""
    return NextHop(Protocol.SMTP, "127.0.0.1", server.port, is_literal=True, is_smarthost=True, **facts)


def then(server: Peer) -> Server:
    return Server("127.0.0.1", server.port, is_literal=True)


def passwords(site: Site, directory: Path, text: str) -> None:
    (directory / "passwords").write_text(text)
    site.relay = RelaySettings(sasl=SaslOptions.model_validate({"password_maps": ["hash:passwords"], **CLEAR}))


@pytest.mark.parametrize(
    "first",
    [
        "! close",
        "> 554 5.7.1 not you\n< QUIT",
        "> 220 mx\n< EHLO .*\n> 421 4.3.2 busy\n< QUIT",
        HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 450 4.2.1 not now\n> 503 no\n< RSET\n> 250 ok\n< QUIT",
        HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 250 ok\n> 451 4.3.0 no disk\n< RSET\n> 250 ok\n< QUIT",
    ],
)
def test_next_place_is_tried_when_the_first_has_trouble(tmp_path: Path, first: str) -> None:
    async def scene() -> None:
        async with peer(first) as broken, peer(TAKES) as server:
            site = Site(tmp_path, {})
            (outcome,) = await site.deliver(at(broken, others=(then(server),)))
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_recipient_that_the_first_place_refuses_is_bounced(tmp_path: Path) -> None:
    async def scene() -> None:
        refuses = HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 550 5.1.1 nobody\n> 503 no\n< RSET\n> 250 ok\n< QUIT"
        async with peer(refuses) as first, peer() as second:
            site = Site(tmp_path, {})
            (outcome,) = await site.deliver(at(first, others=(then(second),)))
            site.pool.close()
            assert isinstance(outcome, Bounced)
            assert second.connections == 0

    play(scene())


def test_place_that_dies_in_a_large_message_is_followed_by_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        dies = HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok | 250 ok | 354 go\n! abort"
        async with peer(dies) as first, peer(TAKES) as second:
            site = Site(tmp_path, {}, b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 800_000)
            (outcome,) = await site.deliver(at(first, others=(then(second),)))
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


@pytest.mark.parametrize("end", ["! close", "! abort"])
def test_place_that_dies_before_it_reads_a_small_message_is_followed_by_the_next(tmp_path: Path, end: str) -> None:
    async def scene() -> None:
        dies = HELLO + f"< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok | 250 ok | 354 go\n{end}"
        async with peer(dies) as first, peer(TAKES) as second:
            site = Site(tmp_path, {})
            (outcome,) = await site.deliver(at(first, others=(then(second),)))
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_place_that_dies_in_tls_before_it_reads_is_followed_by_the_next(tmp_path: Path, server_tls: ssl.SSLContext) -> None:
    async def scene() -> None:
        dies = SECURE + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok | 250 ok | 354 go\n! abort"
        async with peer(dies, context=server_tls) as first, peer(TAKES) as second:
            site = Site(tmp_path, {})
            (outcome,) = await site.deliver(at(first, others=(then(second),)))
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


@pytest.mark.parametrize("hello", ["clear", "secure"])
def test_place_that_read_the_message_and_died_may_have_taken_it(tmp_path: Path, server_tls: ssl.SSLContext, hello: str) -> None:
    async def scene() -> None:
        start = SECURE if hello == "secure" else HELLO
        dies = start + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok | 250 ok | 354 go\n= content\n! close"
        async with peer(dies, context=server_tls) as first, peer() as second:
            site = Site(tmp_path, {})
            (outcome,) = await site.deliver(at(first, others=(then(second),)))
            site.pool.close()
            assert isinstance(outcome, Deferred)
            assert second.connections == 0

    play(scene())


def test_smarthost_that_does_not_exist_is_our_fault_and_waits(tmp_path: Path) -> None:
    async def scene() -> None:
        nexthop = NextHop(Protocol.SMTP, "gone.test", is_smarthost=True, others=(Server("gone-too.test"),))
        (outcome,) = await Site(tmp_path, {}).deliver(nexthop)
        assert isinstance(outcome, Deferred) and outcome.reply.enhanced == "4.1.2"

    play(scene())


def test_fallback_takes_mail_for_a_domain_that_cannot_be_reached(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer("! close") as broken, peer(TAKES, TAKES) as fallback:
            site = Site(tmp_path, zone("127.0.0.1"))
            site.relay = RelaySettings(fallback_relay=(f"[127.0.0.1]:{fallback.port}",))
            first = await site.deliver(smtp(broken.port))
            second = await site.deliver(NextHop(Protocol.SMTP, "gone.test"))
            site.pool.close()
            assert [type(outcome) for outcome in (*first, *second)] == [Delivered, Delivered]

    play(scene())


def test_fallback_is_not_for_domains_of_ours_and_not_for_loops(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer() as fallback:
            site = Site(tmp_path, {("loop.test", "MX"): Found(("10 me.test.",)), ("me.test", "A"): Found(("127.0.0.3",))})
            site.relay = RelaySettings(fallback_relay=(f"[127.0.0.1]:{fallback.port}",))
            (ours,) = await site.deliver(NextHop(Protocol.SMTP, "gone.test", is_ours=True))
            (loop,) = await site.deliver(NextHop(Protocol.SMTP, "loop.test"))
            assert (type(ours), ours.reply.enhanced, type(loop), loop.reply.enhanced) == (Deferred, "4.1.2", Bounced, "5.4.6")
            assert fallback.connections == 0

    play(scene())


def test_unknown_transport_defers_and_is_told_once(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path, {})
        deliverer = site.deliverer()
        site.deliverer = lambda: deliverer  # type: ignore[method-assign]  # one over both deliveries
        outcomes = [await site.deliver(NextHop(Protocol.SMTP, "d.test", transport="gone")) for _ in range(2)]
        assert [outcome.reply.enhanced for (outcome,) in outcomes] == ["4.3.5", "4.3.5"]
        assert site.troubles == ["there is no transport gone: its mail is deferred"]

    play(scene())


def test_two_senders_sign_in_by_their_own_names_and_share_no_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        ann = OFFER + "< AUTH PLAIN AGFubgBh\n> 235 ok\n" + TAKE + TAKE + QUIT
        bob = OFFER + "< AUTH PLAIN AGJvYgBi\n> 235 ok\n" + TAKE + QUIT
        async with peer(ann, bob) as server:
            site = Site(tmp_path, {})
            passwords(site, tmp_path, "ann@here.test ann:a\nbob@here.test bob:b\n")
            outcomes: list[Outcome] = []
            for sender in ("ann@here.test", "bob@here.test", "ann@here.test"):
                outcomes += await site.deliver(at(server, sender=sender), sender=sender)
            site.pool.close()
            assert [type(outcome) for outcome in outcomes] == [Delivered] * 3

    play(scene())


@pytest.mark.parametrize(("code", "enhanced"), [("535 5.7.8 wrong", "4.7.8"), ("454 4.7.0 later", "4.7.0"), ("534 5.7.9 weak", "4.7.9")])
def test_refused_login_leads_to_the_next_place_and_then_defers(tmp_path: Path, code: str, enhanced: str) -> None:
    async def scene() -> None:
        refuses = OFFER + f"< AUTH PLAIN .*\n> {code}\n< QUIT"
        async with peer(refuses) as first, peer(refuses) as second:
            site = Site(tmp_path, {})
            passwords(site, tmp_path, "127.0.0.1 ann:secret-word\n")
            (outcome,) = await site.deliver(at(first, others=(then(second),)))
            assert isinstance(outcome, Deferred) and outcome.site
            assert outcome.reply.enhanced == enhanced
            assert (first.connections, second.connections) == (1, 1)
            assert "secret-word" not in str(outcome)

    play(scene())


def test_server_that_offers_only_forbidden_mechanisms_gets_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(OFFER + QUIT) as server:
            site = Site(tmp_path, {})
            passwords(site, tmp_path, "127.0.0.1 ann:a\n")
            site.relay = RelaySettings(sasl=SaslOptions(password_maps=("hash:passwords",)))
            (outcome,) = await site.deliver(at(server))
            assert isinstance(outcome, Deferred) and outcome.reply.enhanced == "4.7.0"

    play(scene())


def test_server_without_auth_is_spoken_to_without_a_login(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(TAKES) as server:
            site = Site(tmp_path, {})
            passwords(site, tmp_path, "127.0.0.1 ann:a\n")
            (outcome,) = await site.deliver(at(server))
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_password_table_that_does_not_parse_defers_and_tells_no_secret(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path, {})
        passwords(site, tmp_path, "127.0.0.1:ann:secret-word\n")
        (outcome,) = await site.deliver(NextHop(Protocol.SMTP, "127.0.0.1", 1, is_literal=True, is_smarthost=True))
        assert isinstance(outcome, Deferred) and not outcome.site
        assert "secret-word" not in str(outcome) + str(site.troubles)

    play(scene())


def test_transport_sends_from_its_own_address_by_its_own_name(tmp_path: Path) -> None:
    addresses: list[str] = []

    class Listening(Peer):
        async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            addresses.append(writer.get_extra_info("peername")[0])
            await super().accept(reader, writer)

    async def scene() -> None:
        own = HELLO.replace("me.test", "own.test") + TAKE + QUIT
        made = Listening((own, TAKES))
        server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
        made.port = server.sockets[0].getsockname()[1]
        site = Site(tmp_path, {})
        site.transports = {"own": Transport.model_validate({"helo_name": "own.test", "bind_address": "127.0.0.7"})}
        for name in ("own", "smtp"):
            (outcome,) = await site.deliver(at(made, transport=name))
            assert isinstance(outcome, Delivered)
        site.pool.close()
        await made.finish()
        server.close()
        assert (addresses, made.faults) == (["127.0.0.7", "127.0.0.1"], [])

    play(scene())


def test_address_that_is_not_ours_is_no_route(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer() as server:
            site = Site(tmp_path, {})
            site.relay = RelaySettings.model_validate({"bind_address": "192.0.2.1"})
            (outcome,) = await site.deliver(at(server))
            assert isinstance(outcome, Deferred) and outcome.reply.enhanced == "4.4.1"
            assert server.connections == 0

    play(scene())


def test_lmtp_server_at_a_unix_socket_takes_mail(tmp_path: Path) -> None:
    async def scene() -> None:
        made = Peer((HELLO + TAKE + QUIT,))
        path = f"{tmp_path}/lmtp"
        server = await asyncio.start_unix_server(made.accept, path)
        site = Site(tmp_path, {})
        (outcome,) = await site.deliver(NextHop(Protocol.LMTP, path, is_literal=True, transport="lmtp"))
        site.pool.close()
        await made.finish()
        server.close()
        assert isinstance(outcome, Delivered) and str(outcome.remote) == path
        assert made.faults == []

    play(scene())


def test_changed_password_is_used_for_the_next_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.tables.source.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("services.kernel.tables.source.SETTLED_SECONDS", 0.0)

    async def scene() -> None:
        old = OFFER + "< AUTH PLAIN AGFubgBh\n> 235 ok\n" + TAKE + QUIT
        new = OFFER + "< AUTH PLAIN AGFubgBi\n> 235 ok\n" + TAKE + QUIT
        async with peer(old, new) as server:
            site = Site(tmp_path, {})
            passwords(site, tmp_path, "127.0.0.1 ann:a\n")
            deliverer = site.deliverer()
            site.deliverer = lambda: deliverer  # type: ignore[method-assign]  # one over both deliveries
            (first,) = await site.deliver(at(server))
            passwords(site, tmp_path, "127.0.0.1 ann:b\n#\n")
            (second,) = await site.deliver(at(server))
            site.pool.close()
            assert [type(first), type(second)] == [Delivered, Delivered]

    play(scene())


def test_kept_connection_of_a_mailbox_server_needs_no_look_up(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + TAKE + QUIT) as server:
            site = Site(tmp_path, {})
            outcomes = [*await site.deliver(lmtp(server.port)), *await site.deliver(lmtp(server.port))]
            site.pool.close()
            assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered]
            assert site.pool.reused == 1

    play(scene())
