"""Trials and inspections: every step with its words, nothing sent, no secret told."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from services.kernel.dns.answer import Found
from services.kernel.routing.options import SaslOptions, TlsOptions, Transport
from services.kernel.smtp.tls import TlsLevel
from services.kernel.wire.delivery import InspectedHost, InspectRequest, NextHop, Protocol, Server, TrialRequest, TrialStep
from services.relay.config import RelaySettings
from tests.unit.kernel.smtp.peer import Peer, peer, play
from tests.unit.relay.site import Site, smtp, zone

HELLO = "> 220 mx.test ESMTP\n< EHLO me.test\n> 250-mx.test | 250 PIPELINING\n"
ASKED = "< MAIL FROM:<a@b.test>\n< RCPT TO:<c@d.test>\n> 250 2.1.0 ok | 250 2.1.5 fine\n< QUIT\n"
OFFER = "> 220 mx.test ESMTP\n< EHLO me.test\n> 250-mx.test | 250-PIPELINING | 250 AUTH PLAIN\n"


async def run(site: Site, nexthop: NextHop) -> Sequence[TrialStep]:
    return (await site.staff().trials.run(TrialRequest(nexthop, "a@b.test", "c@d.test"))).steps


def told(steps: Sequence[TrialStep]) -> list[str]:
    """``connect``, ``AUTH failed`` ... in order."""
    return [step.name if step.is_ok else f"{step.name} failed" for step in steps]


def at(server: Peer, **facts: object) -> NextHop:
    return NextHop(Protocol.SMTP, "127.0.0.1", server.port, is_literal=True, is_smarthost=True, **facts)  # type: ignore[arg-type]  # as named


def with_login(site: Site, directory: Path) -> None:
    (directory / "passwords").write_text("127.0.0.1 ann:secret-word\n")
    site.relay = RelaySettings(sasl=SaslOptions(password_maps=("hash:passwords",), security_options=()))


def test_every_step_is_told_with_the_peers_words(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + ASKED) as server:
            steps = await run(Site(tmp_path, zone("127.0.0.1")), smtp(server.port))
            assert told(steps) == ["DNS", "connect", "greeting", "EHLO", "MAIL", "RCPT"]
            assert steps[0].lines == [f"mx0.test[127.0.0.1]:{server.port}"]
            assert steps[3].lines == ["250-mx.test", "250 PIPELINING"]
            assert steps[5].lines == ["250 2.1.5 fine"]
            assert all(step.seconds >= 0 for step in steps)

    play(scene())


def test_login_is_one_step_and_tells_no_secret(tmp_path: Path) -> None:
    async def scene() -> None:
        refused = OFFER + "< AUTH PLAIN .*\n> 535 5.7.8 secret-word is wrong\n< QUIT\n"
        async with peer(OFFER + "< AUTH PLAIN .*\n> 235 2.7.0 welcome\n" + ASKED, refused) as server:
            site = Site(tmp_path, {})
            with_login(site, tmp_path)
            good, bad = await run(site, at(server)), await run(site, at(server))
            assert told(good) == ["DNS", "connect", "greeting", "EHLO", "AUTH", "MAIL", "RCPT"]
            assert told(bad)[-1] == "AUTH failed"
            assert "secret" not in str(bad)

    play(scene())


def test_host_with_trouble_is_told_and_followed_by_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer("> 554 5.7.1 not you\n< QUIT\n") as first, peer(HELLO + ASKED) as second:
            steps = await run(Site(tmp_path, {}), at(first, others=(Server("127.0.0.1", second.port, is_literal=True),)))
            assert told(steps)[:3] == ["DNS", "connect", "greeting failed"]
            assert told(steps)[-1] == "RCPT"

    play(scene())


@pytest.mark.parametrize(
    ("nexthop", "step"),
    [
        (NextHop(Protocol.SMTP, "gone.test"), "DNS failed"),
        (NextHop(Protocol.SMTP, "127.0.0.1", 1, is_literal=True), "connect failed"),
        (NextHop(Protocol.SMTP, "d.test", transport="gone"), "transport failed"),
    ],
)
def test_way_that_ends_early_says_where(tmp_path: Path, nexthop: NextHop, step: str) -> None:
    async def scene() -> None:
        assert told(await run(Site(tmp_path, {}), nexthop))[-1] == step

    play(scene())


def test_certificate_is_shown_with_its_issuer_and_end(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(organization_name="Lab CA").issue_cert("mx.test").configure_cert(context)

    async def scene() -> None:
        start = "> 220 mx.test\n< EHLO me.test\n> 250-mx.test | 250 STARTTLS\n< STARTTLS\n> 220 go\n! tls\n"
        more = start + "< EHLO me.test\n> 250-mx.test | 250 PIPELINING\n"
        async with peer(more + ASKED, context=context) as server:
            steps = await run(Site(tmp_path, {}), at(server))
            (tls,) = [step for step in steps if step.name == "TLS"]
            assert tls.lines[0].startswith("TLSv1.3 ") and "issuer " in tls.lines[1] and "Lab CA" in tls.lines[1] and "until " in tls.lines[1]

    play(scene())


def test_proof_that_fails_says_why_and_what_was_shown(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(organization_name="Lab CA").issue_cert("mx.test").configure_cert(context)
    handshakes: list[str] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handshakes.append("begun")
        writer.write(b"220 mx.test\r\n")
        await reader.readline()
        writer.write(b"250-mx.test\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n")
        await writer.drain()
        try:
            await writer.start_tls(context)
            await reader.readline()
            writer.write(b"250 mx.test\r\n")
            await reader.read()
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        site = Site(tmp_path, {})
        site.relay = RelaySettings(tls=TlsOptions(level=TlsLevel.SECURE))
        nexthop = NextHop(Protocol.SMTP, "127.0.0.1", server.sockets[0].getsockname()[1], is_literal=True, is_smarthost=True)
        last = (await run(site, nexthop))[-1]
        server.close()
        assert (last.is_ok, len(handshakes)) == (False, 2)
        assert "not trusted" in last.lines[0] and "Lab CA" in last.lines[1]

    play(scene())


def inspect(site: Site, nexthop: NextHop) -> list[InspectedHost]:
    return asyncio.run(site.staff().inspector.inspect(InspectRequest(nexthop))).hosts


def test_inspection_names_hosts_in_order_and_how_they_are_spoken_to(tmp_path: Path) -> None:
    site = Site(tmp_path, zone("192.0.2.1", "192.0.2.2"))
    (tmp_path / "passwords").write_text("mx1.test ann:secret-word\n")
    site.transports = {
        "own": Transport.model_validate(
            {
                "bind_address": "192.0.2.7",
                "helo_name": "own.test",
                "tls": {"level": "encrypt"},
                "sasl": {"password_maps": ["hash:passwords"]},
                "fallback_relay": ["[192.0.2.3]:26"],
            }
        )
    }
    first, second, last = inspect(site, NextHop(Protocol.SMTP, "d.test", transport="own"))
    assert (first.place, first.host, first.address, first.port, first.login) == ("d.test", "mx0.test", "192.0.2.1", 25, "")
    assert (first.hello, first.source, first.tls_level) == ("own.test", "192.0.2.7", "encrypt")
    assert (second.login, second.login_key) == ("ann", "mx1.test")
    assert second.login_place.endswith("passwords:1)")
    assert (second.mechanisms[-2:], second.clear_mechanisms[-1]) == (["PLAIN", "LOGIN"], "CRAM-MD5")
    assert (last.place, last.is_fallback) == ("[192.0.2.3]:26", True)
    assert "secret" not in str((first, second, last))


def test_inspection_says_why_there_is_no_host(tmp_path: Path) -> None:
    (gone,) = inspect(Site(tmp_path, {}), NextHop(Protocol.SMTP, "gone.test"))
    assert gone.trouble == "550 5.1.2 domain gone.test does not exist"
    answer = asyncio.run(Site(tmp_path, {}).staff().inspector.inspect(InspectRequest(NextHop(Protocol.SMTP, "d.test", transport="gone"))))
    assert answer.trouble == "there is no transport gone"


def test_inspection_asks_no_server(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer() as server:
            site = Site(tmp_path, {("mx0.test", "A"): Found(("127.0.0.1",)), ("d.test", "MX"): Found(("0 mx0.test.",))})
            await site.staff().inspector.inspect(InspectRequest(smtp(server.port)))
            assert server.connections == 0

    play(scene())
