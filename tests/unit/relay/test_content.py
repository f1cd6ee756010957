"""What of a message a server can take: converted, folded, in chunks, or refused with the right code."""

from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from services.kernel.mail.envelope import Body
from services.kernel.mail.outcome import Bounced, Delivered
from services.relay.config import RelaySettings
from tests.unit.kernel.smtp.peer import peer, play
from tests.unit.relay.site import QUIT, TAKE, Site, smtp, zone

HEAD = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
EIGHT_BIT = HEAD + "Grüße\r\n".encode()
PARTIAL = b"Content-Type: message/partial; id=1; number=1\r\n\r\n\xe4\r\n"


def hello(*keywords: str) -> str:
    return "> 220 mx.test ESMTP\n< EHLO me.test\n> " + " | ".join(["250-mx.test", *(f"250-{word}" for word in keywords), "250 PIPELINING"]) + "\n"


async def carried(path: Path, content: bytes, *keywords: str, **settings: Any) -> bytes:
    """What arrives at a server with these extensions."""
    async with peer(hello(*keywords) + TAKE + QUIT) as server:
        site = Site(path, zone("127.0.0.1"), content)
        site.relay = RelaySettings(**settings)
        (outcome,) = await site.deliver(smtp(server.port), body=Body.EIGHT_BIT_MIME)
        site.pool.close()
        assert isinstance(outcome, Delivered)
    return server.contents[0]


def test_eight_bit_content_is_converted_for_a_server_that_cannot_take_it(tmp_path: Path) -> None:
    async def scene() -> None:
        made = await carried(tmp_path, EIGHT_BIT)
        assert made.isascii()
        message = message_from_bytes(made)
        assert (message["Content-Transfer-Encoding"], message.get_payload(decode=True)) == ("quoted-printable", "Grüße\r\n".encode())

    play(scene())


@pytest.mark.parametrize(("keywords", "converts"), [(("8BITMIME",), True), ((), False)])
def test_eight_bit_content_goes_as_it_is_where_it_may_or_the_operator_wants_it(tmp_path: Path, keywords: tuple[str, ...], converts: bool) -> None:
    async def scene() -> None:
        assert await carried(tmp_path, EIGHT_BIT, *keywords, disable_mime_output_conversion=not converts) == EIGHT_BIT

    play(scene())


def test_seven_bit_content_is_not_touched(tmp_path: Path) -> None:
    async def scene() -> None:
        assert await carried(tmp_path, HEAD + b"seven\r\n") == HEAD + b"seven\r\n"

    play(scene())


def test_content_that_cannot_be_converted_is_bounced(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(hello() + QUIT) as server:
            site = Site(tmp_path, zone("127.0.0.1"), PARTIAL)
            outcomes = await site.deliver(smtp(server.port), "c@d.test", "e@d.test")
            site.pool.close()
            assert [(type(outcome), outcome.reply.enhanced) for outcome in outcomes] == [(Bounced, "5.6.3")] * 2

    play(scene())


@pytest.mark.parametrize(("limit", "lines"), [({}, [998, 3]), ({"line_length_limit": 0}, [1000]), ({"line_length_limit": 600}, [600, 401])])
def test_long_lines_are_folded(tmp_path: Path, limit: dict[str, int], lines: list[int]) -> None:
    async def scene() -> None:
        made = await carried(tmp_path, b"Subject: x\r\n\r\n" + b"y" * 1000 + b"\r\n", **limit)
        assert [len(line) for line in made.split(b"\r\n")[2:-1]] == lines

    play(scene())


def test_chunks_are_sent_where_they_are_wanted_and_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        taken = f"< MAIL .*\n< RCPT .*\n> 250 ok | 250 ok\n< BDAT {len(EIGHT_BIT)} LAST\n* {len(EIGHT_BIT)}\n> 250 2.0.0 taken\n"
        async with peer(hello("CHUNKING", "8BITMIME") + taken + QUIT) as server:
            site = Site(tmp_path, zone("127.0.0.1"), EIGHT_BIT)
            site.relay = RelaySettings(chunking=True)
            (outcome,) = await site.deliver(smtp(server.port))
            site.pool.close()
            assert (type(outcome), outcome.remote.command, server.contents) == (Delivered, "BDAT", [EIGHT_BIT])

    play(scene())


@pytest.mark.parametrize("address", ["c@bücher.test", "c@d.test"])
def test_sender_with_a_domain_outside_ascii_is_no_reason_to_bounce(tmp_path: Path, address: str) -> None:
    async def scene() -> None:
        dialogue = hello() + "< MAIL FROM:<a@xn--mnchen-3ya.test>\n" + TAKE.removeprefix("< MAIL .*\n") + QUIT
        async with peer(dialogue) as server:
            site = Site(tmp_path, zone("127.0.0.1"))
            (outcome,) = await site.deliver(smtp(server.port), address, sender="a@münchen.test")
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())
