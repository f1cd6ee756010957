"""Deliveries to servers that have to prove who they are."""

import os
import ssl
from pathlib import Path

import pytest

from services.kernel.mail.outcome import Deferred, Delivered
from services.kernel.routing.options import TlsOptions, Transport
from services.kernel.smtp.tls import TlsLevel
from services.kernel.tables import source
from services.relay.config import RelaySettings
from tests.unit.kernel.smtp.certificates import Authority, self_signed
from tests.unit.kernel.smtp.peer import peer, play
from tests.unit.relay.site import HELLO, QUIT, TAKE, Site, smtp, zone

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
STARTTLS = "> 220 mx.test\n< EHLO me.test\n> 250-mx.test\n> 250 STARTTLS\n< STARTTLS\n> 220 go\n! tls\n"
SECURE_HELLO = STARTTLS + "< EHLO me.test\n> 250-mx.test\n> 250 PIPELINING\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def verifying(authority: Authority) -> RelaySettings:
    return RelaySettings(tls=TlsOptions(level=TlsLevel.VERIFY, ca_file=authority.file))


def test_host_that_proves_itself_is_used_after_one_that_does_not(tmp_path: Path, authority: Authority) -> None:
    bad, good = self_signed(tmp_path, "mx0.test").context, authority.shown("mx1.test").context

    async def scene() -> None:
        async with (
            peer(STARTTLS, host=FIRST, context=bad) as first,
            peer(SECURE_HELLO + TAKE + QUIT, host=SECOND, port=first.port, context=good) as second,
        ):
            site = Site(tmp_path, zone(FIRST, SECOND))
            site.relay = verifying(authority)
            (outcome,) = await site.deliver(smtp(first.port))
            site.pool.close()
            assert isinstance(outcome, Delivered) and outcome.remote.tls.endswith(" verified")
            assert (len(second.contents), first.contents) == (1, [])
            await first.finish()
            first.faults.clear()  # the handshake that we broke off

    play(scene())


def test_server_whose_starttls_was_stripped_is_told_nothing(tmp_path: Path, authority: Authority) -> None:
    async def scene() -> None:
        async with peer(HELLO + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            site.relay = verifying(authority)
            (outcome,) = await site.deliver(smtp(server.port))
            assert isinstance(outcome, Deferred)
            assert str(outcome.reply) == f"450 4.7.4 TLS is required, but was not offered by host mx0.test[127.0.0.1]:{server.port}"

    play(scene())


def test_policies_of_two_transports_share_no_connection(tmp_path: Path, authority: Authority) -> None:
    context: ssl.SSLContext = authority.shown("mx0.test").context

    async def scene() -> None:
        async with peer(SECURE_HELLO + TAKE + TAKE + QUIT, SECURE_HELLO + TAKE + QUIT, context=context) as server:
            site = Site(tmp_path, zone(FIRST))
            site.transports = {"safe": Transport(tls=TlsOptions(level=TlsLevel.VERIFY, ca_file=authority.file))}
            words = []
            for transport in ("smtp", "safe", "smtp"):
                (outcome,) = await site.deliver(smtp(server.port, transport=transport))
                words.append(outcome.remote.tls.rpartition(" ")[2])
            site.pool.close()
            assert (words, server.connections) == (["untrusted", "verified", "untrusted"], 2)

    play(scene())


def test_changed_policy_holds_for_the_next_message_whatever_is_kept(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOOK_SECONDS", 0.0)
    context: ssl.SSLContext = authority.shown("mx0.test").context
    table = tmp_path / "tls_policy"

    async def scene() -> None:
        async with peer(SECURE_HELLO + TAKE + QUIT, SECURE_HELLO + TAKE + QUIT, context=context) as server:
            site = Site(tmp_path, zone(FIRST))
            site.relay = RelaySettings(tls=TlsOptions(policy_maps=("hash:tls_policy",), ca_file=authority.file))
            deliverer, nexthop = site.deliverer(), smtp(server.port)
            table.write_text(f"d.test:{server.port} encrypt\n")
            os.utime(table, (1, 1))
            site.deliverer = lambda: deliverer  # type: ignore[method-assign]  # one relay for both messages
            (outcome,) = await site.deliver(nexthop)
            assert outcome.remote.tls.endswith(" trusted")
            table.write_text(f"d.test:{server.port} verify\n")
            os.utime(table, (2, 2))
            (outcome,) = await site.deliver(nexthop)
            assert outcome.remote.tls.endswith(" verified")
            site.pool.close()

    play(scene())
