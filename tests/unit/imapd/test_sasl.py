"""AUTHENTICATE by SCRAM, with and without channel binding, as a client does it."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.admin.directory import DirectoryWriter
from services.kernel.directory import DirectorySettings
from services.kernel.sasl.scram import derive
from services.kernel.smtp.client_mechanisms import Scram
from tests.unit.imapd.site import ALICE, BOB, PASSWORD, Client, Running


@pytest.fixture
def scrammed(tmp_path: Path) -> Iterator[Running]:
    """Everybody has keys."""
    imapd = Running(tmp_path, sasl={"channel_binding": True})
    writer = DirectoryWriter(DirectorySettings(url=f"sqlite:///{imapd.root}/directory.sqlite"))
    for address in (ALICE, BOB):
        writer.set_scram(address, derive(PASSWORD, iterations=4096).text())
    writer.close()
    yield imapd
    imapd.stop()


def encoded(text: bytes) -> bytes:
    return base64.b64encode(text) + b"\r\n"


def challenge(client: Client) -> bytes:
    line = client.line()
    assert line.startswith(b"+ "), line
    return base64.b64decode(line[2:])


def test_scram_is_offered_once_all_have_keys(imapd: Running) -> None:
    with imapd.client() as client:
        assert b"AUTH=SCRAM" not in client.greeting and b"AUTH=PLAIN AUTH=LOGIN" in client.greeting
        assert client.ask("AUTHENTICATE SCRAM-SHA-256")[-1].startswith(b"NO [CANNOT]")


def test_scram_signs_in_and_proves_the_server(scrammed: Running) -> None:
    with scrammed.client() as client:
        assert b"AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN" in client.greeting
        mechanism = Scram("sha256", (ALICE, PASSWORD))
        client.send(b"a AUTHENTICATE SCRAM-SHA-256\r\n")
        assert challenge(client) == b""
        client.send(encoded(mechanism.begin() or b""))
        for _ in range(2):
            client.send(encoded(mechanism.respond(challenge(client))))
        assert client.line().startswith(b"a OK [CAPABILITY ")
        assert mechanism.is_proven


def test_wrong_password_by_scram_is_refused_and_told_to_the_operator(scrammed: Running) -> None:
    with scrammed.client() as client:
        mechanism = Scram("sha256", (ALICE, "wrong"))
        client.send(b"a AUTHENTICATE SCRAM-SHA-256 " + encoded(mechanism.begin() or b""))
        client.send(encoded(mechanism.respond(challenge(client))))
        assert client.line().startswith(b"a NO [AUTHENTICATIONFAILED]")
    assert scrammed.wait_for_event("auth_failed")["login"] == ALICE


def bound_login(client: Client, end_point: bytes) -> bytes:
    """Sign in by SCRAM-SHA-256-PLUS and return the reply (RFC 5802 section 3, written out)."""
    header, bare = b"p=tls-server-end-point,,", f"n={ALICE},r=client".encode()
    client.send(b"a AUTHENTICATE SCRAM-SHA-256-PLUS " + encoded(header + bare))
    server_first = challenge(client)
    words = dict(part.split(b"=", 1) for part in server_first.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(words[b"s"]), int(words[b"i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    unsigned = b"c=" + base64.b64encode(header + end_point) + b",r=" + words[b"r"]
    signature = hmac.digest(hashlib.sha256(client_key).digest(), b",".join((bare, server_first, unsigned)), "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    client.send(encoded(unsigned + b",p=" + base64.b64encode(proof)))
    reply = client.line()
    if not reply.startswith(b"+ "):
        return reply
    client.send(b"\r\n")
    return client.line()


@pytest.mark.parametrize("is_first", [True, False])
def test_login_is_bound_to_the_certificate_that_the_client_sees(scrammed: Running, is_first: bool) -> None:
    if not is_first:
        scrammed.renew_certificate()
    with scrammed.client() as client:
        certificate = client.connection.getpeercert(binary_form=True)  # type: ignore[attr-defined]  # it is an SSLSocket
        assert bound_login(client, hashlib.sha256(certificate).digest()).startswith(b"a OK ")


def test_login_bound_to_another_certificate_is_refused(scrammed: Running) -> None:
    with scrammed.client() as client:
        assert bound_login(client, bytes(32)).startswith(b"a BAD")


def test_login_is_bound_after_starttls_too(scrammed: Running) -> None:
    with scrammed.client(tls=False) as plain:
        plain.ask("STARTTLS")
        client = plain.upgrade(scrammed.client_tls)
        certificate = client.connection.getpeercert(binary_form=True)  # type: ignore[attr-defined]  # it is an SSLSocket
        assert bound_login(client, hashlib.sha256(certificate).digest()).startswith(b"a OK ")


def test_login_mechanism_asks_twice(imapd: Running) -> None:
    with imapd.client() as client:
        client.send(b"a AUTHENTICATE LOGIN\r\n")
        assert challenge(client) == b"Username:"
        client.send(encoded(ALICE.encode()))
        assert challenge(client) == b"Password:"
        client.send(encoded(PASSWORD.encode()))
        assert client.line().startswith(b"a OK ")


def test_directory_that_is_gone_in_the_middle_of_a_login_is_temporary(scrammed: Running) -> None:
    with scrammed.client() as client, scrammed.without_directory():
        client.send(b"a AUTHENTICATE SCRAM-SHA-256 " + encoded(Scram("sha256", (ALICE, PASSWORD)).begin() or b""))
        assert client.line().startswith(b"a NO [UNAVAILABLE]")
