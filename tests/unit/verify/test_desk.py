"""What smtpd and the operator are told, and when relay is asked."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.mail.outcome import Outcome
from services.kernel.wire.verdict import Ask, Done, Expire, Known, List, Listing, Load, Probe, Show, Source, State
from tests.unit.verify.site import AWAY, DAY, HOUR, LATER, LIMITS, NO, SENDER, YES, Site, play

ALICE = "alice@primary.test"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize(("outcome", "state"), [(YES, "deliverable"), (NO, "undeliverable"), (LATER, "unknown"), (AWAY, "unknown")])
def test_answer_of_the_server_is_told_and_remembered(site: Site, outcome: Outcome, state: str) -> None:
    async def scene() -> None:
        site.relay.answers[ALICE] = outcome
        first = await site.verdict(Ask(ALICE))
        second = await site.verdict(Ask("ALICE@Primary.test"))
        assert first.state == second.state == state
        assert (first.is_cached, second.is_cached) == (False, True)
        assert first.reply == outcome.reply
        (request,) = site.relay.asked
        assert (request.sender, request.recipient, str(request.nexthop)) == (SENDER, ALICE, first.nexthop)
        assert request.nexthop.is_ours

    play(site, scene)


@pytest.mark.parametrize(
    ("address", "state", "source"),
    [
        ("here@example.test", State.DELIVERABLE, Source.SITE),
        ("here+x@example.test", State.DELIVERABLE, Source.SITE),
        ("nobody@example.test", State.UNDELIVERABLE, Source.SITE),
        ("both@example.test", State.DELIVERABLE, Source.SITE),
        ("x@shut.test", State.UNDELIVERABLE, Source.SITE),
        ("x@busy.test", State.UNKNOWN, Source.SITE),
        ("x@gone.test", State.DELIVERABLE, Source.SITE),
    ],
)
def test_what_is_decided_here_needs_no_probe(site: Site, address: str, state: State, source: Source) -> None:
    async def scene() -> None:
        verdict = await site.verdict(Ask(address))
        assert (verdict.state, verdict.source) == (state, source)
        assert site.relay.asked == []
        assert site.cache.size == 0

    play(site, scene)


def test_hosted_mailbox_that_is_elsewhere_is_asked_for_by_lmtp(site: Site) -> None:
    async def scene() -> None:
        site.relay.answers["far@example.test"] = NO
        assert await site.ask("far@example.test") == "undeliverable"
        assert str(site.relay.asked[0].nexthop) == "lmtp:[mda]:24"

    play(site, scene)


def test_alias_of_one_address_is_followed(site: Site) -> None:
    async def scene() -> None:
        verdict = await site.verdict(Ask("away@example.test"))
        assert verdict.address == ALICE
        assert site.relay.asked[0].recipient == "Alice@primary.test"

    play(site, scene)


def test_many_questions_for_one_address_are_one_probe(site: Site) -> None:
    async def scene() -> None:
        site.relay.gate.clear()
        asking = [asyncio.create_task(site.ask()) for _ in range(50)]
        await site.relay.heard(1)
        site.relay.gate.set()
        assert set(await asyncio.gather(*asking)) == {"deliverable"}
        assert len(site.relay.asked) == 1

    play(site, scene)


def test_asker_that_goes_away_does_not_end_the_probe_of_another(site: Site) -> None:
    async def scene() -> None:
        site.relay.gate.clear()
        first, second = asyncio.create_task(site.ask()), asyncio.create_task(site.ask())
        await site.relay.heard(1)
        first.cancel()
        site.relay.gate.set()
        assert await second == "deliverable"

    play(site, scene)


@pytest.mark.parametrize("outcome", [NO, LATER, AWAY])
def test_good_address_stays_good_through_a_failed_refresh_until_it_expires(site: Site, outcome: Outcome) -> None:
    async def scene() -> None:
        await site.ask()
        site.relay.answers[ALICE] = outcome
        site.now += 8 * DAY
        assert await site.ask() == "deliverable"
        await site.told(2)
        assert await site.ask() == "deliverable"
        assert len(site.relay.asked) == 2
        site.now += 24 * DAY
        site.monotonic += 60
        assert await site.ask() != "deliverable"

    play(site, scene)


def test_bad_address_is_refreshed_behind_the_old_answer(site: Site) -> None:
    async def scene() -> None:
        site.relay.answers[ALICE] = NO
        await site.ask()
        site.relay.answers[ALICE] = YES
        site.now += 3 * HOUR
        assert await site.ask() == "undeliverable"
        await site.told(2)
        assert await site.ask() == "deliverable"

    play(site, scene)


def test_bad_answers_are_not_remembered_where_the_operator_wants_none(tmp_path: Path) -> None:
    site = Site(tmp_path, keeps_negative=False)

    async def scene() -> None:
        site.relay.answers[ALICE] = NO
        assert await site.ask() == await site.ask() == "undeliverable"
        assert len(site.relay.asked) == 2

    play(site, scene)


def test_next_hop_that_is_down_is_left_alone_and_its_known_addresses_keep_their_answers(site: Site) -> None:
    async def scene() -> None:
        site.relay.answers = {"bad@primary.test": NO}
        assert [await site.ask("good@primary.test"), await site.ask("bad@primary.test")] == ["deliverable", "undeliverable"]
        site.relay.answers = {f"{name}@primary.test": AWAY for name in ("good", "bad", "new", "newer", "newest")}
        assert await site.ask("new@primary.test") == "unknown"
        assert await site.ask("newer@primary.test") == "unknown"
        assert len(site.relay.asked) == 3
        assert [await site.ask("good@primary.test"), await site.ask("bad@primary.test")] == ["deliverable", "undeliverable"]
        site.relay.answers.clear()
        site.monotonic += LIMITS.site_down
        assert await site.ask("newest@primary.test") == "deliverable"
        assert await site.ask("newer@primary.test") == "deliverable"

    play(site, scene)


def test_relay_that_is_away_is_unknown_and_not_remembered(site: Site) -> None:
    async def scene() -> None:
        site.relay.stop()
        verdict = await site.verdict(Ask(ALICE))
        assert verdict.state is State.UNKNOWN
        assert verdict.reply is not None
        assert "relay" in verdict.reply.text
        assert site.cache.size == 0

    play(site, scene)


def test_who_writes_to_the_sender_of_our_probes_is_not_verified(site: Site) -> None:
    async def scene() -> None:
        assert await site.ask("check@elsewhere.test", SENDER.upper()) == "deliverable"
        assert site.relay.asked == []

    play(site, scene)


def test_show_tells_what_is_known_and_probes_nothing(site: Site) -> None:
    async def scene() -> None:
        before = await site.verdict(Show(ALICE))
        assert (before.state, before.nexthop) == (State.UNKNOWN, "relay:primary.test")
        await site.ask()
        after = await site.verdict(Show(ALICE))
        assert (after.state, after.updated, after.expires) == (State.DELIVERABLE, site.now, site.now + 31 * DAY)
        assert len(site.relay.asked) == 1

    play(site, scene)


def test_probe_of_the_operator_replaces_also_a_good_answer(site: Site) -> None:
    async def scene() -> None:
        await site.ask()
        site.relay.answers[ALICE] = NO
        assert (await site.verdict(Probe(ALICE))).state is State.UNDELIVERABLE
        assert await site.ask() == "undeliverable"

    play(site, scene)


def test_loaded_addresses_are_known_and_expired_ones_are_not(site: Site) -> None:
    async def scene() -> None:
        loaded = [Known("Good@primary.test", State.DELIVERABLE), Known("bad@primary.test", State.UNDELIVERABLE)]
        assert await site.desk.answer(Load(loaded)) == Done(2)
        assert [await site.ask("good@primary.test"), await site.ask("bad@primary.test")] == ["deliverable", "undeliverable"]
        assert site.relay.asked == []
        listing = await site.desk.answer(List(domain="Primary.test"))
        assert isinstance(listing, Listing)
        assert [verdict.address for verdict in listing.verdicts] == ["bad@primary.test", "good@primary.test"]
        assert await site.desk.answer(Expire("Primary.test")) == Done(2)
        assert await site.ask("bad@primary.test") == "deliverable"

    play(site, scene)


def test_defect_is_an_answer_and_told(site: Site) -> None:
    async def scene() -> None:
        site.throttle.why_down = lambda nexthop: str(1 // 0)  # type: ignore[method-assign]  # the defect
        answer = await site.desk.answer(Ask(ALICE))
        assert type(answer).__name__ == "Failed"
        assert any("ZeroDivisionError" in told for told in site.troubles)

    play(site, scene)


def test_questions_are_counted_by_where_the_answer_was(site: Site) -> None:
    async def scene() -> None:
        for address in (ALICE, ALICE, "here@example.test"):
            await site.ask(address)
        words = ("probe", "cache", "site")
        assert [site.registry.get_sample_value("malleposte_verify_questions_total", {"answer": word}) for word in words] == [1, 1, 1]

    play(site, scene)


def test_what_a_clock_that_was_ahead_noted_lasts_no_longer(site: Site) -> None:
    async def scene() -> None:
        site.now += 30 * DAY
        site.relay.answers[ALICE] = LATER
        assert await site.ask(ALICE) == "unknown"
        site.now -= 30 * DAY
        assert await site.ask(ALICE) == "unknown"
        site.relay.answers[ALICE] = YES
        site.now += HOUR
        assert await site.ask(ALICE) == "deliverable"

    play(site, scene)
