"""Deliveries from the request to the outcomes, against servers that play dialogues."""

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from services.kernel.dns.answer import Answer, Found, Trouble
from services.kernel.mail.envelope import Body, Client, Recipient
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome
from services.kernel.routing.options import TlsOptions
from services.kernel.smtp.client import Verb
from services.kernel.smtp.tls import TlsLevel
from services.kernel.spool.format import Corrupt
from services.kernel.spool.reader import OpenContent
from services.kernel.wire.delivery import DeliveryRequest
from services.qmgr.config import QmgrSettings
from services.relay.config import RelaySettings
from tests.unit.kernel.smtp.peer import peer, play
from tests.unit.relay.site import CONTENT, HELLO, QUIT, TAKE, Site, lmtp, smtp, zone

FIRST, SECOND, THIRD = "127.0.0.1", "127.0.0.2", "127.0.0.3"


def words(outcome: Outcome) -> str:
    """``deferred 451 4.3.0 mx0.test RCPT``."""
    kind = type(outcome).__name__.lower()
    return f"{kind} {outcome.reply.code} {outcome.reply.enhanced} {outcome.remote.host} {outcome.remote.command}"


def test_message_is_delivered_and_says_where(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            (outcome,) = await site.deliver(smtp(server.port))
            site.pool.close()
            assert words(outcome) == "delivered 250 2.0.0 mx0.test end of DATA"
            assert (str(outcome.remote), outcome.remote.tls) == (f"mx0.test[127.0.0.1]:{server.port}", "")
            assert server.contents == [CONTENT]

    play(scene())


def test_second_message_goes_over_the_kept_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            for _ in range(2):
                (outcome,) = await site.deliver(smtp(server.port))
                assert isinstance(outcome, Delivered)
            site.pool.close()
            assert (server.connections, site.pool.opened, site.pool.reused) == (1, 1, 1)

    play(scene())


@pytest.mark.parametrize("end", ["! abort", "< MAIL .*\n! close", "< MAIL .*\n< RCPT .*\n< DATA\n> 421 4.4.2 idle too long\n! close"])
def test_kept_connection_that_was_closed_counts_for_nothing(tmp_path: Path, end: str) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + end, HELLO + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            for _ in range(2):
                (outcome,) = await site.deliver(smtp(server.port))
                assert isinstance(outcome, Delivered)
            site.pool.close()

    play(scene())


@pytest.mark.parametrize(
    "broken",
    [
        "! close",
        "> 554 5.7.1 not you\n! wait",
        "> 421 4.3.2 busy\n! wait",
        "> 220 mx\n< EHLO .*\n> 421 4.3.2 busy\n! wait",
        "> nonsense\n! wait",
        HELLO + "< MAIL .*\n! close",
        HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 451 4.3.0 not now\n> 503 no\n> 503 no\n< RSET\n> 250 ok\n! wait",
        HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 450 4.2.1 not now\n> 503 no\n< RSET\n> 250 ok\n< QUIT",
        HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 250 ok\n> 354 go\n= content\n> 451 4.3.0 not now\n< QUIT",
    ],
)
def test_temporary_trouble_leads_to_the_next_host(tmp_path: Path, broken: str) -> None:
    async def scene() -> None:
        async with peer(broken, host=FIRST) as first, peer(HELLO + TAKE + QUIT, host=SECOND, port=first.port) as second:
            site = Site(tmp_path, zone(FIRST, SECOND))
            (outcome,) = await site.deliver(smtp(first.port))
            site.pool.close()
            assert words(outcome) == "delivered 250 2.0.0 mx1.test end of DATA"
            assert (first.connections, second.connections) == (1, 1)
            first.faults.clear()

    play(scene())


def test_host_that_refuses_connections_is_passed_over(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + QUIT, host=SECOND) as server:
            site = Site(tmp_path, zone(FIRST, SECOND))
            (outcome,) = await site.deliver(smtp(server.port))
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_message_of_a_worse_host_does_not_keep_it_in_use(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + QUIT, host=SECOND) as server:
            site = Site(tmp_path, zone(FIRST, SECOND))
            await site.deliver(smtp(server.port))
            await server.finish()
            assert site.pool.take_for(smtp(server.port)) is None

    play(scene())


@pytest.mark.parametrize(
    ("dialogue", "expected"),
    [
        ("> 554 5.7.1 not you\n! wait", "deferred 450 4.7.1 mx0.test greeting"),
        ("> 220 mx\n< EHLO .*\n> 550 5.7.1 no\n< HELO .*\n> 550 5.7.1 no\n! wait", "bounced 550 5.7.1 mx0.test HELO"),
        (HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 550 5.7.1 no\n> 503 a\n> 503 b\n< RSET\n> 250 ok\n< QUIT", "bounced 550 5.7.1 mx0.test MAIL"),
        (HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 550 5.1.1 who\n> 503 b\n< RSET\n> 250 ok\n< QUIT", "bounced 550 5.1.1 mx0.test RCPT"),
        (HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 450 4.2.1 x\n> 503 b\n< RSET\n> 250 ok\n< QUIT", "deferred 450 4.2.1 mx0.test RCPT"),
        (
            HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 250 ok\n> 354 go\n= c\n> 554 5.6.0 spam\n< QUIT",
            "bounced 554 5.6.0 mx0.test end of DATA",
        ),
        (HELLO + "! close", "deferred 450 4.4.2 mx0.test MAIL"),
        ("! close", "deferred 450 4.4.2 mx0.test greeting"),
    ],
)
def test_trouble_at_the_last_host_is_the_outcome(tmp_path: Path, dialogue: str, expected: str) -> None:
    async def scene() -> None:
        async with peer(dialogue) as server:
            site = Site(tmp_path, zone(FIRST))
            (outcome,) = await site.deliver(smtp(server.port))
            site.pool.close()
            assert words(outcome) == expected
            await server.finish()
            server.faults.clear()

    play(scene())


def test_refused_recipient_is_bounced_without_asking_the_next_host(tmp_path: Path) -> None:
    async def scene() -> None:
        refuses = HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 550 5.1.1 who\n> 503 no\n< RSET\n> 250 ok\n< QUIT"
        async with peer(refuses, host=FIRST) as first, peer(host=SECOND, port=first.port) as second:
            site = Site(tmp_path, zone(FIRST, SECOND))
            (outcome,) = await site.deliver(smtp(first.port))
            site.pool.close()
            assert words(outcome) == "bounced 550 5.1.1 mx0.test RCPT"
            assert second.connections == 0

    play(scene())


def test_recipient_refused_by_last_mx_is_bounced(tmp_path: Path) -> None:
    async def scene() -> None:
        later = HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 450 4.2.1 later\n> 503 no\n< RSET\n> 250 ok\n< QUIT"
        never = HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 550 5.1.1 who\n> 503 no\n< RSET\n> 250 ok\n< QUIT"
        async with peer(later, host=FIRST) as first, peer(never, host=SECOND, port=first.port):
            site = Site(tmp_path, zone(FIRST, SECOND))
            (outcome,) = await site.deliver(smtp(first.port))
            site.pool.close()
            assert words(outcome) == "bounced 550 5.1.1 mx1.test RCPT"

    play(scene())


def test_connection_lost_after_the_final_dot_is_not_tried_elsewhere(tmp_path: Path) -> None:
    async def scene() -> None:
        lost = HELLO + "< MAIL .*\n< RCPT .*\n< DATA\n> 250 ok\n> 250 ok\n> 354 go\n= content\n! close"
        async with peer(lost, host=FIRST) as first, peer(host=SECOND, port=first.port) as second:
            site = Site(tmp_path, zone(FIRST, SECOND))
            (outcome,) = await site.deliver(smtp(first.port))
            assert words(outcome) == "deferred 450 4.4.2 mx0.test end of DATA"
            assert isinstance(outcome, Deferred)
            assert not outcome.site
            assert second.connections == 0

    play(scene())


def test_each_recipient_has_its_own_outcome(tmp_path: Path) -> None:
    async def scene() -> None:
        mixed = "< MAIL .*\n< RCPT .*\n< RCPT .*\n< RCPT .*\n< DATA\n"
        mixed += "> 250 ok\n> 250 ok\n> 550 5.1.1 who\n> 450 4.2.1 later\n> 354 go\n= c\n> 250 2.0.0 ok\n"
        rest = "< MAIL .*\n< RCPT TO:<z@d.test>\n< DATA\n> 250 ok\n> 250 ok\n> 354 go\n= c\n> 250 2.0.0 ok\n"
        async with peer(HELLO + mixed + QUIT, host=FIRST) as first, peer(HELLO + rest + QUIT, host=SECOND, port=first.port):
            site = Site(tmp_path, zone(FIRST, SECOND))
            outcomes = await site.deliver(smtp(first.port), "x@d.test", "y@d.test", "z@d.test")
            site.pool.close()
            assert [words(outcome) for outcome in outcomes] == [
                "delivered 250 2.0.0 mx0.test end of DATA",
                "bounced 550 5.1.1 mx0.test RCPT",
                "delivered 250 2.0.0 mx1.test end of DATA",
            ]

    play(scene())


def test_lmtp_answers_for_each_recipient_after_the_dot(tmp_path: Path) -> None:
    async def scene() -> None:
        dialogue = "< MAIL .*\n< RCPT .*\n< RCPT .*\n< RCPT .*\n< DATA\n> 250 a\n> 250 b\n> 250 c\n> 250 d\n> 354 go\n= c\n"
        verdicts = "> 250 2.0.0 stored\n> 552 5.2.2 full\n> 451 4.3.0 later\n"
        async with peer(HELLO + dialogue + verdicts + QUIT) as server:
            site = Site(tmp_path, {})
            outcomes = await site.deliver(lmtp(server.port), "x@d.test", "y@d.test", "z@d.test")
            site.pool.close()
            assert [type(outcome) for outcome in outcomes] == [Delivered, Bounced, Deferred]

    play(scene())


def test_lmtp_server_lost_between_its_replies_leaves_the_rest_unknown(tmp_path: Path) -> None:
    async def scene() -> None:
        dialogue = "< MAIL .*\n< RCPT .*\n< RCPT .*\n< DATA\n> 250 a\n> 250 b\n> 250 c\n> 354 go\n= c\n> 250 2.0.0 stored\n! close"
        async with peer(HELLO + dialogue) as server:
            site = Site(tmp_path, {})
            outcomes = await site.deliver(lmtp(server.port), "x@d.test", "y@d.test")
            assert [type(outcome) for outcome in outcomes] == [Delivered, Deferred]

    play(scene())


def test_mda_hears_of_trace_and_original_recipient(tmp_path: Path) -> None:
    async def scene() -> None:
        hello = "> 220 mda\n< LHLO me.test\n> 250-mda\n> 250-PIPELINING\n> 250-DSN\n> 250 XTRACE\n"
        take = r"< MAIL FROM:<a@b\.test> XTRACE=T1/Q1" + "\n" + r"< RCPT TO:<bob@d\.test> ORCPT=rfc822;info@d\.test" + "\n< DATA\n"
        async with peer(hello + take + "> 250 a\n> 250 b\n> 354 go\n= c\n> 250 2.0.0 stored\n" + QUIT) as server:
            site = Site(tmp_path, {})
            (outcome,) = await site.deliver(lmtp(server.port), recipients=[Recipient("bob@d.test", "info@d.test")])
            site.pool.close()
            assert isinstance(outcome, Delivered)
            assert not outcome.dsn_passed_on

    play(scene())


def test_mda_hears_of_the_file_that_a_message_is_for(tmp_path: Path) -> None:
    async def scene() -> None:
        hello = "> 220 mda\n< LHLO me.test\n> 250-mda\n> 250-PIPELINING\n> 250-XTRACE\n> 250 XMBOX\n"
        take = r"< MAIL FROM:<a@b\.test> XTRACE=T1/Q1 XMBOX=lists" + "\n< RCPT TO:.*\n< DATA\n"
        async with peer(hello + take + "> 250 a\n> 250 b\n> 354 go\n= c\n> 250 2.0.0 stored\n" + QUIT) as server:
            site = Site(tmp_path, {})
            (outcome,) = await site.deliver(structs.replace(lmtp(server.port), mbox="lists"), "x@d.test")
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_duty_to_report_goes_with_the_message_where_dsn_is_announced(tmp_path: Path) -> None:
    async def scene() -> None:
        hello = "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250-PIPELINING\n> 250-8BITMIME\n> 250 DSN\n"
        take = "< MAIL FROM:<a@b.test> BODY=8BITMIME RET=FULL ENVID=e1\n< RCPT TO:<c@d.test> NOTIFY=SUCCESS\n< DATA\n"
        async with peer(hello + take + "> 250 a\n> 250 b\n> 354 go\n= c\n> 250 2.0.0 ok\n" + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            recipient = Recipient("c@d.test", "c@d.test", notify="SUCCESS")
            (outcome,) = await site.deliver(smtp(server.port), recipients=[recipient], ret="FULL", envid="e1", body=Body.EIGHT_BIT_MIME)
            site.pool.close()
            assert isinstance(outcome, Delivered)
            assert outcome.dsn_passed_on

    play(scene())


def test_message_over_the_announced_size_is_bounced_before_it_is_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer("> 220 mx\n< EHLO .*\n> 250-mx\n> 250 SIZE 10\n" + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            (outcome,) = await site.deliver(smtp(server.port))
            site.pool.close()
            assert words(outcome) == "bounced 550 5.3.4 mx0.test "

    play(scene())


def test_utf_8_recipient_is_bounced_where_the_server_cannot_take_it_and_the_others_go(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            outcomes = await site.deliver(smtp(server.port), "jürgen@d.test", "c@d.test")
            site.pool.close()
            assert [words(outcome) for outcome in outcomes] == ["bounced 550 5.6.7 mx0.test ", "delivered 250 2.0.0 mx0.test end of DATA"]

    play(scene())


def test_utf_8_header_is_bounced_where_the_server_cannot_take_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + QUIT) as server:
            site = Site(tmp_path, zone(FIRST), "Subject: grün\r\n\r\nx\r\n".encode())
            (outcome,) = await site.deliver(smtp(server.port), smtputf8=True)
            site.pool.close()
            assert words(outcome) == "bounced 550 5.6.7 mx0.test "

    play(scene())


def test_required_tls_is_waited_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + "! wait") as server:
            site = Site(tmp_path, zone(FIRST))
            site.relay = RelaySettings(tls=TlsOptions(level=TlsLevel.ENCRYPT))
            (outcome,) = await site.deliver(smtp(server.port))
            assert words(outcome).startswith("deferred 450 4.7.4 mx0.test")

    play(scene())


def test_attempt_ends_after_the_limit_of_sessions(tmp_path: Path) -> None:
    async def scene() -> None:
        busy = "> 421 4.3.2 busy\n! wait"
        async with (
            peer(busy, host=FIRST) as first,
            peer(busy, host=SECOND, port=first.port) as second,
            peer(busy, host=THIRD, port=first.port) as third,
        ):
            site = Site(tmp_path, zone(FIRST, SECOND, THIRD))
            (outcome,) = await site.deliver(smtp(first.port))
            assert words(outcome) == "deferred 421 4.3.2 mx1.test greeting"
            assert [server.connections for server in (first, second, third)] == [1, 1, 0]

    play(scene())


def test_silent_hosts_are_each_given_their_time(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer("! wait", host=FIRST) as first, peer(HELLO + TAKE + QUIT, host=SECOND, port=first.port):
            site = Site(tmp_path, zone(FIRST, SECOND))
            site.seconds[Verb.GREETING] = 0.2
            (outcome,) = await site.deliver(smtp(first.port))
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_domain_that_does_not_exist_is_bounced(tmp_path: Path) -> None:
    async def scene() -> None:
        (outcome,) = await Site(tmp_path, {}).deliver(smtp(25))
        assert words(outcome) == "bounced 550 5.1.2 d.test "

    play(scene())


@pytest.mark.parametrize("trouble", [FileNotFoundError(2, "No such file"), Corrupt("unfinished")])
def test_message_that_cannot_be_opened_is_deferred_and_the_site_is_not_blamed(tmp_path: Path, trouble: Exception) -> None:
    async def scene() -> None:
        def fail(queue_id: str) -> OpenContent:
            raise trouble

        site = Site(tmp_path, zone(FIRST))
        site.opener = fail
        (outcome,) = await site.deliver(smtp(25))
        assert isinstance(outcome, Deferred)
        assert (outcome.reply.enhanced, outcome.site) == ("4.3.0", False)

    play(scene())


def test_cancelled_delivery_closes_its_connection_and_frees_its_place(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer(HELLO + "< MAIL .*\n! wait", HELLO + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            task = asyncio.create_task(site.deliver(smtp(server.port)))
            while not site.pool.opened:
                await asyncio.wait([task], timeout=0.01)
            task.cancel()
            await asyncio.wait([task])
            await server.finish()
            (outcome,) = await site.deliver(smtp(server.port))
            site.pool.close()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_mx_that_greets_by_our_own_name_is_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with peer("> 220 me.test\n< EHLO .*\n> 250-ME.test hello\n> 250 PIPELINING\n" + QUIT) as server:
            monkeypatch.setattr("services.relay.delivery.PORTS", {"smtp": server.port})
            site = Site(tmp_path, {("d.test", "MX"): Found(("10 mx0.test.",)), ("mx0.test", "A"): Found((FIRST,))})
            (outcome,) = await site.deliver(smtp(server.port))
            assert words(outcome) == "bounced 550 5.4.6 mx0.test "

    play(scene())


OURSELVES = "> 220 me.test\n< EHLO .*\n> 250-ME.test hello\n> 250 PIPELINING\n" + QUIT


@pytest.mark.parametrize(
    ("better", "expected"),
    [
        (Trouble("SERVFAIL"), "deferred 450 4.4.3  "),
        (Found((THIRD,)), "deferred 450 4.4.1 mx0.test connect"),
    ],
    ids=["unknown", "down"],
)
@pytest.mark.parametrize("is_ours", [True, False])
def test_ourselves_behind_a_better_mx_that_cannot_be_reached_is_no_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better: Answer[str], expected: str, is_ours: bool
) -> None:
    async def scene() -> None:
        async with peer(OURSELVES) as server:
            monkeypatch.setattr("services.relay.delivery.PORTS", {"smtp": server.port})
            names = {("d.test", "MX"): Found(("10 mx0.test.", "20 backup.test.", "30 mx3.test.")), ("mx0.test", "A"): better}
            site = Site(tmp_path, {**names, ("backup.test", "A"): Found((FIRST,)), ("mx3.test", "A"): Found((SECOND,))})
            (outcome,) = await site.deliver(smtp(server.port, is_ours=is_ours))
            assert words(outcome) == expected
            await server.finish()

    play(scene())


def test_primary_that_trusts_us_hears_whom_we_have_the_message_from(tmp_path: Path) -> None:
    hello = "> 220 mx\n< EHLO .*\n> 250-mx\n> 250-XFORWARD NAME ADDR HELO IDENT\n> 250 PIPELINING\n"
    told = "< XFORWARD NAME=\\[UNAVAILABLE\\] ADDR=IPV6:2001:db8::7 HELO=far.test IDENT=T1\n> 250 ok\n"

    async def scene() -> None:
        async with peer(hello + told + TAKE + told + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            client = Client("2001:db8::7", helo="far.test")
            for _ in range(2):
                (outcome,) = await site.deliver(smtp(server.port, is_ours=True, is_backup=True), client=client)
                assert isinstance(outcome, Delivered)
            site.pool.close()
            await server.finish()

    play(scene())


def test_nobody_else_hears_whom_we_have_a_message_from(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer("> 220 mx\n< EHLO .*\n> 250-mx\n> 250-XFORWARD ADDR\n> 250 PIPELINING\n" + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            (outcome,) = await site.deliver(smtp(server.port), client=Client("192.0.2.7"))
            site.pool.close()
            await server.finish()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_primary_that_wants_to_hear_what_we_do_not_know_is_told_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer("> 220 mx\n< EHLO .*\n> 250-mx\n> 250-XFORWARD WEATHER\n> 250 PIPELINING\n" + TAKE + QUIT) as server:
            site = Site(tmp_path, zone(FIRST))
            (outcome,) = await site.deliver(smtp(server.port, is_ours=True, is_backup=True), client=Client("192.0.2.7"))
            site.pool.close()
            await server.finish()
            assert isinstance(outcome, Delivered)

    play(scene())


def test_delivery_that_a_slow_server_draws_out_ends_before_qmgr_gives_it_up(tmp_path: Path) -> None:
    async def scene() -> None:
        async with peer("> 220 mx\n< EHLO .*\n> 250 mx\n< MAIL .*\n> 250 ok\n< RCPT .*\n> 250 ok\n< RCPT .*\n! wait") as server:
            site = Site(tmp_path, zone(FIRST))
            outcomes = await site.deliver(smtp(server.port), "c@d.test", "e@d.test", wait_seconds=0.36)
            assert [words(outcome) for outcome in outcomes] == ["deferred 450 4.4.2  "] * 2
            assert all(isinstance(outcome, Deferred) and outcome.site for outcome in outcomes)
            assert site.pool.opened == 1

    play(scene())


def test_delivery_ends_in_time_before_who_asked_gives_it_up() -> None:
    request = DeliveryRequest("Q1", "T1", "a@b.test", smtp(25), [], [], 0)
    assert request.wait_seconds == QmgrSettings.model_validate({}).delivery_limit_seconds
    assert request.work_seconds < request.wait_seconds - 60
