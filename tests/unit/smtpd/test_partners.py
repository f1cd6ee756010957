"""What a secondary may say, and who is one."""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from services.smtpd.partners import Partners, Waits
from tests.unit.smtpd.site import Running, Site

TRACE = "0000000000bcdf"
XFORWARD = f"ADDR=192.0.2.77 NAME=far.test HELO=far.test PROTO=ESMTP IDENT={TRACE}"
MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def running(site: Site) -> Iterator[Running]:
    worker = site.start("mx", authorized_xforward_hosts="[127.0.0.1]")
    yield worker
    worker.stop()


def greeted(running: Running) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", running.port, "secondary.test", 10)
    client.ehlo()
    return client


def send(client: smtplib.SMTP) -> None:
    client.sendmail("carol@world.test", ["alice@example.test"], MESSAGE)


def test_message_of_a_partner_is_that_of_the_client_it_names(site: Site, running: Running) -> None:
    client = greeted(running)
    assert client.docmd("XFORWARD", XFORWARD)[0] == 250
    send(client)
    (message,) = site.queued()
    assert (message.envelope.client.address, message.envelope.client.name, message.envelope.client.helo) == ("192.0.2.77", "far.test", "far.test")
    assert message.envelope.trace_id == TRACE != message.envelope.queue_id
    assert b"Received: from secondary.test ([127.0.0.1])" in message.content


def test_what_a_partner_said_is_of_one_message_only(site: Site, running: Running) -> None:
    client = greeted(running)
    client.docmd("XFORWARD", XFORWARD)
    send(client)
    send(client)
    assert [message.envelope.client.address for message in site.queued()] == ["192.0.2.77", "127.0.0.1"]


@pytest.mark.parametrize("attributes", ["ADDR=nonsense", "ADDR", "COLOUR=red", "NAME=+0D+0A"])
def test_attributes_that_say_nothing_are_refused(running: Running, attributes: str) -> None:
    assert greeted(running).docmd("XFORWARD", attributes)[0] == 501


def test_stranger_is_offered_nothing_and_heard_in_nothing(site: Site) -> None:
    worker = site.start("mx", authorized_xforward_hosts="[192.0.2.1, 10.0.0.0/8]")
    client = greeted(worker)
    assert "xforward" not in client.esmtp_features
    assert client.docmd("XFORWARD", XFORWARD)[0] == 502
    worker.stop()


def test_partner_known_by_its_name(site: Site) -> None:
    worker = site.start("mx", authorized_xforward_hosts="[localhost]")
    assert "xforward" in greeted(worker).esmtp_features
    worker.stop()


class Names:
    """A name server that knows what a test says; nothing for trouble."""

    def __init__(self, **found: str) -> None:
        self.found = found
        self.asked: dict[str, int] = {}
        self.asked_again = asyncio.Event()

    async def look_up(self, host: str) -> list[str]:
        self.asked[host] = self.asked.get(host, 0) + 1
        if self.asked[host] > 1:
            self.asked_again.set()
        if host not in self.found:
            raise OSError(socket.EAI_AGAIN, "temporary failure in name resolution")
        return [self.found[host]]


def test_look_up_that_fails_is_repeated_soon_and_then_seldom() -> None:
    waits = Waits()
    assert [waits.after(is_whole=False) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [waits.after(is_whole=is_whole) for is_whole in (True, False, False)] == [60, 1, 2]


def test_name_that_could_not_be_looked_up_at_the_start_is_known_when_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        monkeypatch.setattr("services.smtpd.partners.RETRY_SECONDS", 0.001)
        names = Names(other="192.0.2.2")
        partners = Partners(["mx2", "other"], None, names.look_up)
        await partners.start()
        assert not partners.has_address("192.0.2.1")
        assert partners.has_address("192.0.2.2")
        names.found["mx2"] = "192.0.2.1"
        async with asyncio.timeout(10):
            await names.asked_again.wait()
        partners.stop()
        assert partners.has_address("192.0.2.1")

    asyncio.run(scene())


def test_what_was_known_of_a_name_outlives_a_failure_and_a_reload() -> None:
    async def scene() -> None:
        names = Names(mx2="192.0.2.1")
        before = Partners(["mx2"], None, names.look_up)
        await before.start()
        names.found.clear()
        assert not await before.look_up()
        after = Partners(["mx2", "new"], None, names.look_up)
        await after.start(before)
        after.stop()
        assert before.has_address("192.0.2.1")
        assert after.has_address("192.0.2.1")

    asyncio.run(scene())


def test_partner_is_not_counted_as_one_client(site: Site) -> None:
    worker = site.start("mx", authorized_xforward_hosts="[127.0.0.1]", client_session_limit=1)
    clients = [greeted(worker) for _ in range(3)]
    assert [client.noop()[0] for client in clients] == [250, 250, 250]
    worker.stop()


def client_context(site: Site, authority: trustme.CA, folder: Path) -> ssl.SSLContext:
    identity = authority.issue_cert("secondary.test")
    identity.private_key_and_cert_chain_pem.write_to_path(folder / "secondary.pem")
    identity.cert_chain_pems[0].write_to_path(folder / "secondary-cert.pem")
    context = site.client_tls
    context.load_cert_chain(folder / "secondary.pem")
    return context


def test_partner_that_must_show_a_certificate_is_one_when_it_does(site: Site) -> None:
    context = client_context(site, trustme.CA(), site.root)
    file = site.root / "secondary-cert.pem"
    worker = site.start("mx", authorized_xforward_hosts="[127.0.0.1]", authorized_xforward_certificate_file=file)
    client = greeted(worker)
    assert "xforward" not in client.esmtp_features
    client.starttls(context=context)
    client.ehlo()
    assert "xforward" in client.esmtp_features
    worker.stop()


def test_partner_is_known_by_its_name_and_certificate_from_any_address(site: Site) -> None:
    context = client_context(site, trustme.CA(), site.root)
    file = site.root / "secondary-cert.pem"
    worker = site.start("mx", authorized_xforward_hosts="[192.0.2.1, Secondary.test]", authorized_xforward_certificate_file=file)
    client = greeted(worker)
    client.starttls(context=context)
    client.ehlo()
    assert "xforward" in client.esmtp_features
    worker.stop()


def test_certificate_of_the_same_authority_needs_the_address_too(site: Site) -> None:
    authority = trustme.CA()
    context = client_context(site, authority, site.root)
    authority.cert_pem.write_to_path(site.root / "authority.pem")
    worker = site.start("mx", authorized_xforward_hosts="[secondary.test]", authorized_xforward_certificate_file=site.root / "authority.pem")
    client = greeted(worker)
    client.starttls(context=context)
    client.ehlo()
    assert "xforward" not in client.esmtp_features
    worker.stop()


def test_name_of_a_partner_without_its_certificate_is_nothing(site: Site) -> None:
    file = site.root / "partner.pem"
    trustme.CA().cert_pem.write_to_path(file)
    worker = site.start("mx", authorized_xforward_hosts="[secondary.test]", authorized_xforward_certificate_file=file)
    client = greeted(worker)
    client.starttls(context=site.client_tls)
    client.ehlo()
    assert "xforward" not in client.esmtp_features
    worker.stop()


def test_client_with_a_foreign_certificate_is_not_asked_for_it_at_another_address(site: Site) -> None:
    client_context(site, trustme.CA(), site.root)
    file = site.root / "secondary-cert.pem"
    worker = site.start("mx", authorized_xforward_hosts="[192.0.2.1]", authorized_xforward_certificate_file=file)
    context = client_context(site, trustme.CA(), site.root)
    client = greeted(worker)
    client.starttls(context=context)
    client.ehlo()
    assert "xforward" not in client.esmtp_features
    assert client.noop()[0] == 250
    worker.stop()


def test_domain_that_we_keep_mail_for_can_ask_for_it(running: Running) -> None:
    client = greeted(running)
    assert "etrn" in client.esmtp_features
    assert client.docmd("ETRN", "passed.test")[0] == 250
    assert client.docmd("ETRN", "@passed.test")[0] == 250
    assert client.docmd("ETRN", "example.test")[0] == 459
    assert client.docmd("ETRN", "elsewhere.test")[0] == 459
    assert client.docmd("ETRN", "not a domain")[0] == 501
