"""Addresses as the world is to see them: in the envelope and the header, by the transport's generic maps."""

import re
from email import message_from_bytes
from pathlib import Path

import pytest

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Deferred, Delivered
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.options import Transport
from services.relay.config import RelaySettings
from tests.unit.kernel.smtp.peer import peer, play
from tests.unit.relay.site import QUIT, TAKE, Site, lmtp, smtp, zone

TABLE = """
alice@host.internal   alice@example.com
root                  postmaster@example.com
@lan.internal         @example.com
carol@host.internal   carol
bad@host.internal     one@example.com, two@example.com
"""
HEAD = b"From: Alice <alice@host.internal>\r\nTo: bob@lan.internal (Bob),\r\n\tSomebody <else@world.test>\r\nX-Note: alice@host.internal\r\n"
CONTENT = HEAD + b"Subject: x\r\n\r\nalice@host.internal\r\n"
HELLO = "> 220 mx.test ESMTP\n< (EHLO|LHLO) me.test\n> 250-mx.test\n> 250-DSN\n> 250-8BITMIME\n> 250 PIPELINING\n"
ENVELOPE = "< MAIL FROM:<{sender}>\n< RCPT TO:<c@d.test>\n< DATA\n> 250 ok | 250 ok | 354 go\n= content\n> 250 2.0.0 taken\n"


def relay(path: Path, content: bytes = CONTENT, **settings: object) -> Site:
    (path / "generic").write_text(TABLE)
    made = Site(path, zone("127.0.0.1"), content)
    made.relay = RelaySettings.model_validate({"generic_maps": ["hash:generic"], **settings})
    return made


async def carried(site: Site, sender: str = "alice@host.internal", seen: str = "alice@example.com", hello: str = HELLO) -> bytes:
    """What arrives when the sender that arrives is as ``seen``."""
    async with peer(hello + ENVELOPE.replace("{sender}", re.escape(seen)) + QUIT) as server:
        (outcome,) = await site.deliver(smtp(server.port), sender=sender)
        site.pool.close()
        assert isinstance(outcome, Delivered)
    return server.contents[0]


def test_envelope_and_address_fields_are_rewritten_and_nothing_else(tmp_path: Path) -> None:
    async def scene() -> None:
        made = await carried(relay(tmp_path))
        fields = b"From: Alice <alice@example.com>\r\nTo: bob@example.com (Bob),\r\n\tSomebody <else@world.test>\r\nX-Note: alice@host.internal\r\n"
        assert made == fields + CONTENT.removeprefix(HEAD)

    play(scene())


@pytest.mark.parametrize(
    ("sender", "seen"),
    [
        ("", ""),
        ("other@host.internal", "other@host.internal"),
        ("ALICE@Host.internal", "alice@example.com"),
        ("alice+news@host.internal", "alice@example.com"),
        ("dave+x@lan.internal", "dave+x@example.com"),
        ("root@me.test", "postmaster@example.com"),
        ("root@other.test", "root@other.test"),
        ("carol@host.internal", "carol@me.test"),
    ],
)
def test_sender_is_looked_up_as_generic_5_says(tmp_path: Path, sender: str, seen: str) -> None:
    async def scene() -> None:
        await carried(relay(tmp_path), sender, seen)

    play(scene())


def test_extension_goes_along_where_that_is_wanted(tmp_path: Path) -> None:
    async def scene() -> None:
        site = relay(tmp_path)
        site.routing = RoutingSettings(propagate_unmatched_extensions=("generic",))
        await carried(site, "alice+news@host.internal", "alice+news@example.com")

    play(scene())


def test_recipient_is_rewritten_and_its_original_told(tmp_path: Path) -> None:
    async def scene() -> None:
        asked = "< RCPT TO:<bob@example.com> ORCPT=rfc822;bob@lan.internal\n"
        async with peer(HELLO + "< MAIL .*\n" + asked + "< DATA\n> 250 ok | 250 ok | 354 go\n= content\n> 250 taken\n" + QUIT) as server:
            site = relay(tmp_path)
            (outcome,) = await site.deliver(smtp(server.port), recipients=[Recipient("bob@lan.internal", "bob@lan.internal")])
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_rewriting_and_conversion_go_together(tmp_path: Path) -> None:
    async def scene() -> None:
        content = CONTENT.replace(b"Subject: x\r\n\r\n", b"Subject: x\r\n\r\n\xc3\xa4 ")
        made = await carried(relay(tmp_path, content), hello=HELLO.replace("> 250-8BITMIME\n", ""))
        message = message_from_bytes(made)
        assert (message["From"], message["Content-Transfer-Encoding"]) == ("Alice <alice@example.com>", "quoted-printable")
        assert message.get_payload(decode=True) == "ä alice@host.internal\r\n".encode()

    play(scene())


def test_lmtp_is_not_concerned_unless_its_transport_says_so(tmp_path: Path) -> None:
    async def scene(*, is_set: bool) -> bytes:
        async with peer(HELLO + TAKE + QUIT) as server:
            site = relay(tmp_path)
            site.transports["boxes"] = Transport(program="lmtp", generic_maps=("hash:generic",) if is_set else None)
            (outcome,) = await site.deliver(lmtp(server.port, transport="boxes"), sender="alice@host.internal")
            site.pool.close()
            assert isinstance(outcome, Delivered)
        return server.contents[0]

    async def scenes() -> None:
        assert await scene(is_set=False) == CONTENT
        assert b"From: Alice <alice@example.com>" in await scene(is_set=True)

    play(scenes())


@pytest.mark.parametrize(("table", "sender"), [("hash:generic", "bad@host.internal"), ("hash:missing", "alice@host.internal")])
def test_table_that_gives_no_answer_defers(tmp_path: Path, table: str, sender: str) -> None:
    async def scene() -> None:
        site = relay(tmp_path, generic_maps=[table])
        (outcome,) = await site.deliver(smtp(1), sender=sender)
        assert isinstance(outcome, Deferred)
        assert (outcome.reply.enhanced, outcome.site) == ("4.3.0", False)

    play(scene())
