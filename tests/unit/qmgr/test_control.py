"""What the operator asks and wants done."""

from pathlib import Path
from typing import TypeVar

import pytest

from services.kernel.mail.outcome import Outcome
from services.kernel.mail.transcript import Transcript
from services.kernel.spool.store import QueueStore, State
from services.kernel.wire import control
from services.kernel.wire.control import Response, Selection
from services.kernel.wire.events import Kind
from services.qmgr.schedule import Job
from tests.unit.kernel.spool.messages import CONTENT, envelope, make_volume, name, recipients
from tests.unit.qmgr.rig import BUSY, DELIVERED, DOWN, REFUSED, Rig, always, never, play

Wanted = TypeVar("Wanted", bound=Response)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


async def ask(rig: Rig, request: control.Request, wanted: type[Wanted]) -> Wanted:
    answer = await rig.control.answer(request)
    assert isinstance(answer, wanted), answer
    return answer


async def send_three(rig: Rig) -> None:
    """One each to the world, to another domain and from another sender; all stay in the queue."""
    await rig.send(envelope(1), recipients("bob@world.test"))
    await rig.send(envelope(2), recipients("dora@other.test"))
    await rig.send(envelope(3, sender="eve@example.test"), recipients("bob@world.test"))


def test_ping_is_answered(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await ask(rig, control.Ping(), control.Pong)

    play(root, always(DELIVERED), scenario)


def test_list_shows_where_a_message_goes_and_why_it_waits(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())
        (entry,) = (await ask(rig, control.List(), control.Listing)).entries
        assert (entry.queue_id, entry.state, entry.sender, entry.size_bytes) == (name(1), "deferred", "alice@example.test", len(CONTENT))
        assert entry.recipients == [control.RecipientEntry("bob@world.test", "smtp:world.test", "450 4.2.1 mailbox busy")]
        assert entry.next_attempt == rig.parts.plan.time(name(1))

    play(root, always(BUSY), scenario)


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (Selection(), [1, 2, 3]),
        (Selection(ids=[name(2)]), [2]),
        (Selection(sender="EVE@"), [3]),
        (Selection(recipient="bob"), [1, 3]),
        (Selection(recipient="bob", sender="alice"), [1]),
        (Selection(reason="busy"), [1, 2, 3]),
        (Selection(reason="disk"), []),
        (Selection(site="other.test"), [2]),
        (Selection(states=["hold"]), []),
        (Selection(states=["deferred"]), [1, 2, 3]),
        (Selection(older_than_seconds=3600), []),
        (Selection(ids=["../lock"]), []),
    ],
)
def test_all_given_facts_must_match(root: Path, selection: Selection, numbers: list[int]) -> None:
    async def scenario(rig: Rig) -> None:
        await send_three(rig)
        listing = await ask(rig, control.List(selection), control.Listing)
        assert [entry.queue_id for entry in listing.entries] == [name(number) for number in numbers]

    play(root, always(BUSY), scenario)


def test_long_list_comes_in_pages(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PAGE_ENTRIES", 2)

    async def scenario(rig: Rig) -> None:
        await send_three(rig)
        first = await ask(rig, control.List(), control.Listing)
        second = await ask(rig, control.List(after=first.entries[-1].queue_id), control.Listing)
        assert [(len(page.entries), page.more) for page in (first, second)] == [(2, True), (1, False)]

    play(root, always(BUSY), scenario)


def test_pages_of_a_list_read_the_directories_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PAGE_ENTRIES", 1)
    looks: list[State] = []
    read = QueueStore.ids

    def watched(store: QueueStore, state: State) -> list[str]:
        looks.append(state)
        return read(store, state)

    monkeypatch.setattr(QueueStore, "ids", watched)

    async def scenario(rig: Rig) -> None:
        await send_three(rig)
        looks.clear()
        page = await ask(rig, control.List(), control.Listing)
        seen, before = [page.entries[0].queue_id], len(looks)
        while page.more:
            page = await ask(rig, control.List(after=seen[-1]), control.Listing)
            seen.append(page.entries[0].queue_id)
        assert (seen, len(looks)) == ([name(1), name(2), name(3)], before)
        assert len((await ask(rig, control.List(Selection(sender="alice")), control.Listing)).entries) == 1
        assert len(looks) > before

    play(root, always(BUSY), scenario)


def test_show_tells_what_is_done_what_is_not_and_what_was_tried(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("a@world.test", "b@world.test", "c@world.test"))
        shown = await ask(rig, control.Show(name(1)), control.Shown)
        assert [recipient.address for recipient in shown.pending] == ["c@world.test"]
        assert [(recipient.address, word) for recipient, word in shown.done] == [("a@world.test", "delivered"), ("b@world.test", "failed")]
        assert [(line.recipient, line.outcome) for line in shown.history] == [("b@world.test", "bounced"), ("c@world.test", "deferred")]

    play(root, always(DELIVERED, REFUSED, BUSY), scenario)


def test_show_has_the_dialogues_of_what_failed(root: Path) -> None:
    def deliver(job: Job) -> list[Outcome]:
        job.transcripts = [Transcript("mx.world.test[192.0.2.1]:25", ["C: RCPT TO:<a@world.test>", "S: 450 4.2.1 busy"])]
        return [BUSY]

    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("a@world.test"))
        (said,) = (await ask(rig, control.Show(name(1)), control.Shown)).dialogues
        assert (said.server, said.lines[-1]) == ("mx.world.test[192.0.2.1]:25", "S: 450 4.2.1 busy")

    play(root, deliver, scenario)


def test_cat_gives_the_content_in_blocks_until_an_empty_one(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())
        assert (await ask(rig, control.Cat(name(1)), control.Content)).block == CONTENT
        assert (await ask(rig, control.Cat(name(1), len(CONTENT)), control.Content)).block == b""

    play(root, always(BUSY), scenario)


@pytest.mark.parametrize("request_", [control.Show(name(9)), control.Cat(name(9)), control.Show("../lock")])
def test_question_about_no_message_is_answered_in_words(root: Path, request_: control.Request) -> None:
    async def scenario(rig: Rig) -> None:
        assert "no message" in (await ask(rig, request_, control.Failed)).reason

    play(root, always(DELIVERED), scenario)


def test_held_message_is_not_tried_until_it_is_released(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await send_three(rig)
        assert (await ask(rig, control.Hold(Selection(recipient="bob")), control.Done)).count == 2
        rig.deliver = always(DELIVERED)
        await rig.pass_time(9999)
        assert rig.ids(State.HOLD) == [name(1), name(3)]
        assert (await ask(rig, control.Release(Selection(ids=[name(1)])), control.Done)).count == 1
        await rig.quiet()
        assert rig.ids(State.HOLD) == [name(3)]
        assert rig.state(name(1)) is None

    rig = play(root, always(BUSY), scenario)
    assert [kind for kind in rig.recorder.kinds(name(1)) if kind in (Kind.HELD, Kind.RELEASED)] == [Kind.HELD, Kind.RELEASED]


def test_message_under_way_is_held_when_its_delivery_has_ended(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("a@world.test", "b@other.test"))
        assert (await ask(rig, control.Hold(Selection()), control.Done)).count == 1
        rig.land([DELIVERED])
        rig.land([BUSY])
        await rig.quiet()
        assert rig.ids(State.HOLD) == [name(1)]

    play(root, never, scenario)


def test_waiting_deliveries_of_a_held_message_are_withdrawn(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients(*(f"{number}@world.test" for number in range(100))))
        await ask(rig, control.Hold(Selection()), control.Done)
        rig.land([DELIVERED] * 50)
        await rig.quiet()
        assert rig.ids(State.HOLD) == [name(1)]
        assert len(rig.jobs) == 1

    play(root, never, scenario, initial_destination_concurrency=1)


def test_deleted_message_is_gone_without_a_report(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await send_three(rig)
        assert (await ask(rig, control.Delete(Selection(sender="alice")), control.Done)).count == 2
        assert rig.ids(State.DEFERRED) == [name(3)]

    rig = play(root, always(BUSY), scenario)
    assert Kind.REPORTED not in rig.recorder.kinds()
    assert Kind.DELETED in rig.recorder.kinds(name(1))


def test_message_under_way_is_deleted_when_its_delivery_has_ended(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())
        await ask(rig, control.Delete(Selection(ids=[name(1)])), control.Done)
        rig.land([REFUSED])
        await rig.quiet()
        assert rig.state(name(1)) is None

    assert Kind.REPORTED not in play(root, never, scenario).recorder.kinds()


def test_requeued_message_is_routed_and_tried_at_once(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())
        rig.deliver = always(DELIVERED)
        assert (await ask(rig, control.Requeue(Selection(ids=[name(1)])), control.Done)).count == 1
        await rig.quiet()
        assert rig.state(name(1)) is None

    play(root, always(BUSY), scenario)


def test_flush_tries_all_deferred_mail_and_dead_destinations_at_once(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await send_three(rig)
        rig.deliver = always(DELIVERED)
        assert (await ask(rig, control.Flush(), control.Done)).count == 3
        await rig.quiet()
        assert rig.ids(State.DEFERRED) == []

    play(root, always(DOWN), scenario, initial_destination_concurrency=1)


def test_flush_of_a_selection_leaves_the_rest(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await send_three(rig)
        rig.deliver = always(DELIVERED)
        assert (await ask(rig, control.Flush(Selection(site="other.test")), control.Done)).count == 1
        await rig.quiet()
        assert rig.ids(State.DEFERRED) == [name(1), name(3)]

    play(root, always(BUSY), scenario)


def test_stat_counts_messages_and_names_sites(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await send_three(rig)
        stats = await ask(rig, control.Stat(), control.Stats)
        assert (stats.states["deferred"], stats.states["hold"]) == (3, 0)
        assert {site.nexthop for site in stats.sites if site.dead_until} == {"smtp:world.test", "smtp:other.test"}
        assert stats.oldest_seconds["deferred"] == pytest.approx(1.0, abs=0.1)

    play(root, always(DOWN), scenario, initial_destination_concurrency=1)


def test_corrupt_file_is_listed_and_deleted_only_by_name(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        (root / "corrupt" / name(1)).write_bytes(b"junk")
        listing = await ask(rig, control.List(), control.Listing)
        assert [(entry.queue_id, entry.state) for entry in listing.entries] == [(name(1), "corrupt")]
        assert (await ask(rig, control.Delete(Selection()), control.Done)).count == 0
        assert (await ask(rig, control.Delete(Selection(ids=[name(1)])), control.Done)).count == 1

    play(root, always(DELIVERED), scenario)
