"""COMPRESS=DEFLATE: the same session in fewer bytes."""

import zlib

import pytest

from services.imapd.connection import HIGH_BYTES
from services.imapd.deflate import TURN_BYTES, BadStream, Deflate
from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import Client, Running


class Squeezed:
    """A client that has compressed its side."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._out = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._in = zlib.decompressobj(-15)
        self.received = 0

    def pack(self, data: bytes) -> bytes:
        return self._out.compress(data) + self._out.flush(zlib.Z_SYNC_FLUSH)

    def say(self, data: bytes) -> None:
        self._client.send(self.pack(data))

    def hear(self, end: bytes) -> bytes:
        """All that comes up to ``end``."""
        text = b""
        while end not in text:
            data = self._client.connection.recv(65536)
            assert data, text
            self.received += len(data)
            text += self._in.decompress(data)
        return text


def squeezed(client: Client) -> Squeezed:
    assert client.ask("COMPRESS DEFLATE")[-1].startswith(b"OK")
    return Squeezed(client)


def test_session_goes_on_compressed_both_ways(imapd: Running) -> None:
    message = HELLO * 2000
    with imapd.signed_in(select="INBOX") as client:
        assert b"COMPRESS=DEFLATE" in client.ask("CAPABILITY")[0]
        session = squeezed(client)
        session.say(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(message), message))
        assert b"a OK [APPENDUID " in session.hear(b"\r\na ")
        session.say(b"b UID FETCH 1 BODY.PEEK[]\r\n")
        assert message in session.hear(b"b OK")
        assert session.received < len(message) / 20
        session.say(b"c CAPABILITY\r\nd COMPRESS DEFLATE\r\n")
        heard = session.hear(b"d NO")
        assert b"COMPRESS=DEFLATE" not in heard and b"[COMPRESSIONACTIVE]" in heard


def test_idle_is_woken_through_compression(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client, imapd.signed_in() as other:
        session = squeezed(client)
        session.say(b"a IDLE\r\n")
        session.hear(b"+ idling")
        other.append("INBOX", HELLO)
        assert b"* 1 EXISTS" in session.hear(b"EXISTS")
        session.say(b"DONE\r\n")
        session.hear(b"a OK")


def test_command_sent_with_the_request_is_compressed_already(imapd: Running) -> None:
    with imapd.signed_in() as client:
        session = Squeezed(client)
        client.send(b"a COMPRESS DEFLATE\r\n" + session.pack(b"b NOOP\r\n"))
        assert client.line().startswith(b"a OK")
        assert session.hear(b"b OK")


def test_what_is_no_deflate_stream_ends_the_session(imapd: Running) -> None:
    with imapd.signed_in() as client:
        squeezed(client)
        client.send(b"\xff" * 100)
        assert client.line() == b""
    assert imapd.wait_for_event("logout")["reason"].startswith("compression: ")


def test_unknown_mechanism_is_refused(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("COMPRESS LZW")[-1].startswith(b"NO")
        assert client.ask("NOOP")[-1].startswith(b"OK")
    with imapd.client() as client:
        assert client.ask("COMPRESS DEFLATE")[-1].startswith(b"BAD")


def test_little_that_becomes_much_is_taken_in_turns(imapd: Running) -> None:
    with imapd.signed_in() as client:
        session = squeezed(client)
        bomb = session.pack(b"x" * 50_000_000)
        assert len(bomb) < 100_000
        client.send(bomb + session.pack(b"\r\nb NOOP\r\n"))
        assert b" BAD Line is too long" in session.hear(b"b OK")


def test_input_waits_compressed() -> None:
    deflate, packer = Deflate(), zlib.compressobj(9, zlib.DEFLATED, -15)
    deflate.feed(packer.compress(b"x" * 10 * HIGH_BYTES) + packer.flush(zlib.Z_SYNC_FLUSH))
    taken = []
    while deflate.has_more:
        taken.append(len(deflate.take()))
    assert max(taken) <= TURN_BYTES and sum(taken) == 10 * HIGH_BYTES


def test_end_of_the_stream_is_none_of_ours() -> None:
    deflate, packer = Deflate(), zlib.compressobj(9, zlib.DEFLATED, -15)
    deflate.feed(packer.compress(b"x") + packer.flush(zlib.Z_FINISH))
    assert deflate.take() == b"x"
    assert deflate.has_more
    with pytest.raises(BadStream, match="ended"):
        deflate.take()


def test_commands_before_the_end_of_the_stream_are_done(imapd: Running) -> None:
    with imapd.signed_in() as client:
        squeezed(client)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        client.send(packer.compress(b"a CREATE Made\r\n") + packer.flush(zlib.Z_FINISH) + b"x" * 1000)
        assert imapd.wait_for_event("logout")["reason"] == "compression: the compressed stream has ended"
    with imapd.signed_in() as client:
        assert client.ask('LIST "" Made')[0].startswith(b"* LIST")
