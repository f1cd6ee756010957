"""Probes: the way of a message up to RCPT, and what its answers mean."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry

from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome
from services.kernel.wire.delivery import NextHop, ProbeRequest, ProbeResponse
from services.relay import desk
from services.relay.desk import Desk
from tests.unit.kernel.smtp.peer import peer, play
from tests.unit.relay.site import HELLO, QUIT, TAKE, Site, lmtp, smtp, zone

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
ASK = "< MAIL FROM:<probe@me.test>\n< RCPT TO:<c@d.test>\n"
YES = ASK + "> 250 2.1.0 ok | 250 2.1.5 ok\n"
NO = ASK + "> 250 2.1.0 ok | 550 5.1.1 nobody here\n"
RESET = "< RSET\n> 250 2.0.0 ok\n"


async def probe(site: Site, nexthop: NextHop) -> Outcome:
    return (await site.deliverer().probe(ProbeRequest(nexthop, "probe@me.test", "c@d.test"))).outcome


@pytest.mark.parametrize(("said", "expected"), [(YES, Delivered), (NO, Bounced), (NO.replace("550 5", "450 4"), Deferred)])
@pytest.mark.parametrize("hop", [smtp, lmtp])
def test_answer_to_rcpt_is_the_outcome(tmp_path: Path, said: str, expected: type[Outcome], hop: Callable[[int], NextHop]) -> None:
    async def scene() -> None:
        async with peer(HELLO + said + RESET + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            outcome = await probe(site, hop(server.port))
            site.pool.close()
            assert type(outcome) is expected
            assert outcome.remote.command == "RCPT"

    play(scene())


@pytest.mark.parametrize(
    ("announced", "said", "expected"),
    [("XMBOX", YES.replace("me.test>", "me.test> XMBOX=lists") + RESET, Delivered), ("DSN", "", Deferred)],
)
def test_probe_for_a_file_of_the_site_is_answered_by_who_writes_it(tmp_path: Path, announced: str, said: str, expected: type[Outcome]) -> None:
    async def scene() -> None:
        async with peer(HELLO.replace("250 PIPELINING", f"250-PIPELINING\n> 250 {announced}") + said + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            outcome = await probe(site, structs.replace(lmtp(server.port), mbox="lists"))
            site.pool.close()
            assert type(outcome) is expected

    play(scene())


def test_probes_and_messages_share_a_kept_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + YES + RESET + NO + RESET + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            await site.deliver(smtp(server.port))
            assert isinstance(await probe(site, smtp(server.port)), Delivered)
            assert isinstance(await probe(site, smtp(server.port)), Bounced)
            (outcome,) = await site.deliver(smtp(server.port))
            site.pool.close()
            assert isinstance(outcome, Delivered)
            assert server.connections == 1

    play(scene())


def test_kept_connection_that_was_closed_meanwhile_is_replaced(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + "< MAIL .*\n! close", HELLO + YES + RESET + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            await site.deliver(smtp(server.port))
            assert isinstance(await probe(site, smtp(server.port)), Delivered)
            site.pool.close()

    play(scene())


def test_sender_of_the_probe_that_is_refused_says_nothing_of_the_recipient(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + ASK + "> 550 5.7.1 not you | 503 5.5.1 no\n" + RESET + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            outcome = await probe(site, smtp(server.port))
            site.pool.close()
            assert isinstance(outcome, Deferred)
            assert "550 5.7.1 not you" in outcome.reply.text

    play(scene())


def test_next_host_is_asked_when_the_first_is_away(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + NO + RESET + QUIT, host=SECOND) as server:
            site = Site(tmp_path, zone(FIRST, SECOND))
            outcome = await probe(site, smtp(server.port))
            site.pool.close()
            assert isinstance(outcome, Bounced)

    play(scene())


def test_site_that_cannot_be_reached_is_not_found_out_and_marked_as_the_sites_trouble(tmp_path: Path) -> None:
    async def scene() -> None:
        outcome = await probe(Site(tmp_path, zone(FIRST)), smtp(1))
        assert isinstance(outcome, Deferred)
        assert outcome.site

    play(scene())


def test_domain_that_does_not_exist_is_no(tmp_path: Path) -> None:
    async def scene() -> None:
        assert isinstance(await probe(Site(tmp_path, {}), smtp(0)), Bounced)

    play(scene())


def test_probe_that_takes_too_long_gives_its_place_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "PROBE_SECONDS", 0.05)

    async def scene() -> None:
        async with peer("! wait") as server:
            site = Site(tmp_path, zone(FIRST))
            answer = await Desk(site.staff(), CollectorRegistry(), print).answer(ProbeRequest(smtp(server.port), "", "c@d.test"))
            assert isinstance(answer, ProbeResponse)
            assert isinstance(answer.outcome, Deferred)

    play(scene())


def test_defect_fails_one_probe_and_is_told(tmp_path: Path) -> None:
    told: list[str] = []

    async def scene() -> None:
        site = Site(tmp_path, {})
        site.pool.take_for = lambda nexthop: 1 // 0  # type: ignore[method-assign,assignment,return-value]  # the defect
        answer = await Desk(site.staff(), CollectorRegistry(), told.append).answer(ProbeRequest(smtp(0), "", "c@d.test"))
        assert isinstance(answer, ProbeResponse)
        assert isinstance(answer.outcome, Deferred)

    asyncio.run(scene())
    assert "ZeroDivisionError" in told[0]
