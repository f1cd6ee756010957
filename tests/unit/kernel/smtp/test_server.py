"""Sessions over real sockets: time, limits, ends, and the replies of LMTP."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from services.kernel.smtp.handler import Rules
from tests.unit.kernel.smtp.recording import running

RULES = Rules("mx.test")
LMTP = Rules("mda.test", is_lmtp=True)


def play(scene: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scene, 30))


def test_lmtp_answers_once_for_each_accepted_recipient() -> None:
    async def scene() -> None:
        async with running(LMTP) as site:
            client = await site.connect()
            await client.hear(b"220")
            await client.say(b"EHLO c\r\nLHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<x@d.test>\r\n")
            await client.say(b"RCPT TO:<no@d.test>\r\nRCPT TO:<y@d.test>\r\nDATA\r\n")
            for code in (b"500", b"250", b"250", b"250", b"550", b"250", b"354"):
                await client.hear(code)
            await client.say(b"x\r\n.\r\nQUIT\r\n")
            assert await client.hear_end() == b"250 2.1.5 recipient 0\r\n250 2.1.5 recipient 1\r\n221 2.0.0 Bye\r\n"

    play(scene())


def test_lmtp_refuses_faulty_content_once_for_each_recipient() -> None:
    async def scene() -> None:
        async with running(LMTP) as site:
            client = await site.connect()
            await client.hear(b"220")
            await client.say(b"LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<x@d.test>\r\nRCPT TO:<y@d.test>\r\nDATA\r\n")
            for code in (b"250", b"250", b"250", b"250", b"354"):
                await client.hear(code)
            await client.say(b"bare\n\r\n.\r\nQUIT\r\n")
            assert (await client.hear_end()).count(b"550 5.5.2") == 2
            assert site.record.aborted == 1

    play(scene())


def test_a_silent_client_is_told_and_left() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", command_seconds=0.05)) as site:
            client = await site.connect()
            await client.hear(b"220")
            await client.say(b"NOO")
            assert await client.hear_end() == b"421 4.4.2 timeout\r\n"
            await site.record.ended.wait()
            assert site.record.endings == ["timeout after CONNECT"]

    play(scene())


def test_a_slow_upload_lives_as_long_as_blocks_come() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", data_seconds=0.4)) as site:
            client = await site.connect()
            await client.begin_data()
            for _ in range(10):
                await client.say(b"slow\r\n")
                await client.hear_nothing(0.1)
            await client.say(b".\r\n")
            await client.hear(b"250")

    play(scene())


def test_a_stalled_upload_is_cut() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", data_seconds=0.05)) as site:
            client = await site.connect()
            await client.begin_data()
            await client.say(b"half a line")
            assert await client.hear_end() == b"421 4.4.2 timeout\r\n"
            await site.record.ended.wait()
            assert site.record.endings == ["timeout after DATA"]
            assert (site.record.aborted, site.record.messages) == (1, [])

    play(scene())


def test_a_client_that_is_gone_does_not_cancel_a_commit() -> None:
    async def scene() -> None:
        async with running(RULES) as site:
            site.record.gate.clear()
            client = await site.connect()
            await client.begin_data()
            await client.say(b"text\r\n.\r\n")
            await site.record.finishing.wait()
            client.writer.transport.abort()
            other = await site.connect()
            await other.hear(b"220")
            site.record.gate.set()
            await site.record.ended.wait()
            assert site.record.messages == [b"text\r\n"]
            assert site.record.aborted == 0

    play(scene())


def test_stopping_finishes_commits_and_sends_everybody_else_away() -> None:
    async def scene() -> None:
        async with running(RULES) as site:
            site.record.gate.clear()
            committing, uploading, idle = [await site.connect() for _ in range(3)]
            await committing.begin_data()
            await committing.say(b"text\r\n.\r\n")
            await site.record.finishing.wait()
            await uploading.begin_data()
            await uploading.say(b"half")
            await idle.hear(b"220")
            stopping = asyncio.ensure_future(site.server.stop())
            assert await idle.hear_end() == b"421 4.3.2 service is being restarted, try again at once\r\n"
            assert (await uploading.hear_end()).startswith(b"421 4.3.2")
            assert not stopping.done()
            site.record.gate.set()
            await stopping
            assert (await committing.hear_end()).startswith(b"250 2.0.0 Ok\r\n421 4.3.2")
            assert site.record.messages == [b"text\r\n"]

    play(scene())


def test_too_many_sessions_from_one_address_are_refused() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", client_session_limit=1)) as site:
            first = await site.connect()
            await first.hear(b"220")
            assert (await (await site.connect()).hear_end()).startswith(b"421 4.7.0")
            await first.say(b"QUIT\r\n")
            await first.hear_end()
            await (await site.connect()).hear(b"220")

    play(scene())


def test_too_many_sessions_in_all_are_refused() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", session_limit=1)) as site:
            await (await site.connect()).hear(b"220")
            assert (await (await site.connect()).hear_end()).startswith(b"421 4.3.2")

    play(scene())


def test_a_defect_is_reported_and_not_shown() -> None:
    async def scene() -> None:
        async with running(RULES, fails_at="mail") as site:
            client = await site.connect()
            await client.hear(b"220")
            await client.say(b"EHLO c\r\nMAIL FROM:<>\r\n")
            await client.hear(b"250")
            assert await client.hear_end() == b"421 4.3.0 temporary trouble here, try again later\r\n"
            assert [str(defect) for defect in site.record.defects] == ["secret cause"]

    play(scene())


def test_later_errors_are_answered_late() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", soft_error_limit=1, error_delay_seconds=0.1)) as site:
            client = await site.connect()
            await client.hear(b"220")
            clock = asyncio.get_running_loop().time
            started = clock()
            await client.say(b"A\r\nB\r\nC\r\nQUIT\r\n")
            await client.hear_end()
            assert clock() - started > 0.19

    play(scene())


def test_recipients_over_the_limit_are_no_errors_of_the_client() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", recipient_limit=2, hard_error_limit=3)) as site:
            client = await site.connect()
            await client.hear(b"220")
            await client.say(b"EHLO c\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<x@y.test>\r\n" * 10)
            for code in (b"250", b"250", b"250", b"250", *[b"452 4.5.3"] * 8):
                await client.hear(code)
            await client.say(b"NOOP\r\n")
            await client.hear(b"250")

    play(scene())


def test_junk_commands_become_errors_in_the_end() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", junk_limit=3, hard_error_limit=2, error_delay_seconds=0)) as site:
            client = await site.connect()
            await client.hear(b"220")
            await client.say(b"NOOP\r\n" * 10)
            assert (await client.hear_end()).endswith(b"421 4.7.0 too many errors\r\n")

    play(scene())


def test_overlong_command_lines_are_refused_in_step() -> None:
    async def scene() -> None:
        async with running(RULES) as site:
            client = await site.connect()
            await client.hear(b"220")
            await client.say(b"NOOP " + b"x" * 5000 + b"\r\nNOOP\r\n")
            await client.hear(b"500 5.5.2")
            await client.hear(b"250")
            await client.say(b"NOOP " + b"x" * 600_000)
            await client.say(b"\r\nNOOP\r\n")
            await client.hear(b"500 5.5.2")
            await client.hear(b"250")

    play(scene())


def test_a_client_that_does_not_read_is_held_back() -> None:
    async def scene() -> None:
        async with running(Rules("mx.test", junk_limit=10**9, command_seconds=0.5)) as site:
            client = await site.connect()
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no public way
            client.writer.write(b"NOOP\r\n" * 2_000_000)
            await site.record.ended.wait()
            assert site.record.endings[0].startswith("timeout after NOOP")
            client.writer.transport.abort()

    play(scene())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_content_is_the_same_however_it_is_cut(size: int) -> None:
    wire = b"..a\r\n\r\n..\r\n...\r\nend\r\n.\r\n"

    async def scene() -> None:
        async with running(RULES) as site:
            client = await site.connect()
            await client.begin_data()
            for start in range(0, len(wire), size):
                await client.say(wire[start : start + size])
            await client.hear(b"250")
            assert site.record.messages == [b".a\r\n\r\n.\r\n..\r\nend\r\n"]

    play(scene())


def test_large_content_comes_in_blocks_of_bounded_size() -> None:
    async def scene() -> None:
        async with running(RULES) as site:
            client = await site.connect()
            await client.begin_data()
            line = b"x" * 998 + b"\r\n"
            for _ in range(40):
                await client.say(line * 1000)
            await client.say(b".\r\n")
            await client.hear(b"250")
            assert len(site.record.messages[0]) == 40_000_000
            assert max(site.record.blocks) <= 600_000

    play(scene())
