"""What was said to servers that did not take all comes back with the outcomes."""

from pathlib import Path

import pytest

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.transcript import Transcript
from services.kernel.wire.delivery import DeliveryRequest
from tests.unit.kernel.smtp.peer import peer, play
from tests.unit.relay.site import HELLO, QUIT, TAKE, Site, smtp, zone

ONE_REFUSED = "< MAIL .*\n< RCPT .*\n< RCPT .*\n< DATA\n> 250 ok | 250 ok | 550 5.1.1 no | 354 go\n= content\n> 250 2.0.0 taken\n"
OPENED = ["S: 220 mx.test ESMTP", "C: EHLO me.test", "S: 250-mx.test", "S: 250 PIPELINING"]


async def transcripts(site: Site, port: int, *addresses: str) -> list[Transcript]:
    named = [Recipient(address, address) for address in addresses or ("c@d.test",)]
    request = DeliveryRequest("Q1", "T1", "a@b.test", smtp(port), list(range(len(named))), named, 20)
    return (await site.deliverer().deliver(request)).transcripts


def test_message_that_all_take_has_none(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + QUIT) as server:
            site = Site(tmp_path, zone("127.0.0.1"))
            assert await transcripts(site, server.port) == []
            site.pool.close()

    play(scene())


def test_recipient_that_is_refused_brings_the_whole_dialogue(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + ONE_REFUSED + QUIT) as server:
            site = Site(tmp_path, zone("127.0.0.1"))
            (said,) = await transcripts(site, server.port, "c@d.test", "no@d.test")
            site.pool.close()
            assert said.server == f"mx0.test[127.0.0.1]:{server.port}"
            assert said.lines == [
                *OPENED,
                *["C: MAIL FROM:<a@b.test>", "C: RCPT TO:<c@d.test>", "C: RCPT TO:<no@d.test>", "C: DATA"],
                *["S: 250 ok", "S: 250 ok", "S: 550 5.1.1 no", "S: 354 go", "-- content and its end were sent", "S: 250 2.0.0 taken"],
            ]

    play(scene())


def test_later_message_on_a_kept_connection_has_only_its_own_dialogue(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + ONE_REFUSED + QUIT) as server:
            site = Site(tmp_path, zone("127.0.0.1"))
            await transcripts(site, server.port)
            (said,) = await transcripts(site, server.port, "c@d.test", "no@d.test")
            site.pool.close()
            assert said.lines[0] == "C: MAIL FROM:<a@b.test>"

    play(scene())


@pytest.mark.parametrize(
    ("dialogue", "last"),
    [
        ("> 554 go away\n! wait", "S: 554 go away"),
        ("> 220 mx\n< EHLO .*\n! close", "-- lost connection, waiting for the reply to EHLO"),
        (HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n! close", "-- lost connection, waiting for the reply to MAIL"),
    ],
)
def test_server_that_fails_is_told_of(tmp_path: Path, dialogue: str, last: str) -> None:
    async def scene() -> None:
        async with peer(dialogue) as server:
            site = Site(tmp_path, zone("127.0.0.1"))
            (said,) = await transcripts(site, server.port)
            site.pool.close()
            assert said.lines[-1] == last

    play(scene())


def test_each_server_that_was_tried_is_told_of(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer("> 421 busy\n! close", host="127.0.0.1") as first, peer(HELLO + TAKE + QUIT, host="127.0.0.3", port=first.port):
            site = Site(tmp_path, zone("127.0.0.1", "127.0.0.2", "127.0.0.3"))
            said = await transcripts(site, first.port)
            site.pool.close()
            assert [one.lines for one in said] == [["S: 421 busy"], ["-- Connection refused"]]

    play(scene())
