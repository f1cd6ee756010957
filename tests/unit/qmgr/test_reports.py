"""Reports to senders: who gets one, what it says, and that it is never repeated or answered."""

import email
from pathlib import Path

import pytest
from msgspec import structs

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.outcome import Delivered
from services.kernel.mail.queueid import is_queue_id
from services.kernel.mail.reply import Reply
from services.kernel.routing import Destination, RouteRefused
from services.kernel.spool.store import State
from services.kernel.wire.events import Kind
from tests.unit.kernel.spool.messages import ARRIVED, envelope, make_volume, name, put, recipients
from tests.unit.qmgr.rig import BUSY, DELIVERED, REFUSED, Rig, always, never, play

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


def reports(rig: Rig) -> list[str]:
    return [event.queue_id for event in rig.recorder.events if event.kind is Kind.REPORTED]


def test_refused_recipient_is_reported_to_the_sender(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("bob@world.test", "carol@world.test"))

    rig = play(root, always(DELIVERED, REFUSED), scenario)
    (report,) = reports(rig)
    state = rig.state(report)
    assert state is State.INCOMING
    file = rig.store.load(state, report)
    assert (file.envelope.sender, file.envelope.is_bounce, file.envelope.trace_id) == ("", True, name(1))
    assert file.recipients == [Recipient("alice@example.test", "alice@example.test", notify="NEVER")]
    assert "carol@world.test" in rig.report()
    assert "Final-Recipient: rfc822; bob@world.test" not in rig.report()


def test_report_carries_the_whole_message_and_a_status_for_programs(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())

    rig = play(root, always(REFUSED), scenario)
    report = email.message_from_string(rig.report())
    assert [part.get_content_type() for part in report.get_payload()] == ["text/plain", "message/delivery-status", "message/rfc822"]  # type: ignore[union-attr]  # a multipart
    assert "Diagnostic-Code: smtp; 550 5.1.1 no such user" in rig.report()
    assert "Remote-MTA: dns; mx.world.test" in rig.report()
    assert "hello" in rig.report()


def test_sender_who_asked_for_headers_only_gets_no_more(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(ret="HDRS"), recipients())

    rig = play(root, always(REFUSED), scenario)
    assert "text/rfc822-headers" in rig.report()
    assert "hello" not in rig.report()


def test_large_message_is_returned_without_its_body(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = put(root, envelope(), recipients(), b"Subject: large\r\n\r\n" + b"bulk\r\n" * 20_000)
        rig.admission.hint([queue_id])
        await rig.quiet()

    rig = play(root, always(REFUSED), scenario)
    assert "Subject: large" in rig.report()
    assert "bulk" not in rig.report()


@pytest.mark.parametrize(
    ("about", "to"),
    [
        (envelope(sender=""), recipients()),
        (envelope(is_bounce=True), recipients()),
        (envelope(), recipients(notify="NEVER")),
        (envelope(), recipients(notify="SUCCESS,DELAY")),
    ],
    ids=["null-sender", "own-report", "never", "not-failure"],
)
def test_no_report_where_none_is_due(root: Path, about: Envelope, to: list[Recipient]) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(about, to)

    rig = play(root, always(REFUSED), scenario)
    assert reports(rig) == []
    assert rig.recorder.kinds() == [Kind.QUEUED, Kind.BOUNCED, Kind.REMOVED]


@pytest.mark.parametrize(("outcome", "action"), [(structs.replace(DELIVERED, is_final=True), "delivered"), (DELIVERED, "relayed")])
def test_success_is_reported_when_asked_for(root: Path, outcome: Delivered, action: str) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients(notify="SUCCESS"))

    rig = play(root, always(outcome), scenario)
    assert f"Action: {action}" in rig.report()
    assert "Status: 2.0.0" in rig.report()


def test_delay_is_told_once_and_the_message_stays(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = await rig.send(envelope(), recipients("bob@world.test"))
        rig.world.answers["alice@example.test"] = Destination("smtp", "smtp", "nowhere.test")
        await rig.pass_time(4 * HOUR)
        await rig.pass_time(2 * HOUR)
        await rig.pass_time(2 * HOUR)
        assert rig.state(queue_id) is State.DEFERRED

    rig = play(root, always(BUSY), scenario)
    assert rig.recorder.kinds().count(Kind.DELAYED) == 1
    assert "Action: delayed" in rig.report()
    assert "Will-Retry-Until: " in rig.report()


def test_no_delay_is_told_to_who_did_not_want_it(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients(notify="FAILURE"))
        await rig.pass_time(5 * HOUR)

    assert Kind.DELAYED not in play(root, always(BUSY), scenario).recorder.kinds()


def test_delay_does_not_hide_a_later_failure(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())
        await rig.pass_time(5 * HOUR)
        rig.deliver = always(REFUSED)
        await rig.pass_time(2 * HOUR)

    rig = play(root, always(BUSY), scenario)
    assert [kind for kind in rig.recorder.kinds() if kind in (Kind.DELAYED, Kind.REPORTED)] == [Kind.DELAYED, Kind.REPORTED]


def test_report_goes_to_where_the_senders_alias_leads(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.world.aliases["alice@example.test"] = ("anna@world.test", "ann@other.test")
        await rig.send(envelope(), recipients())

    rig = play(root, always(REFUSED), scenario)
    file = rig.store.load(State.INCOMING, reports(rig)[0])
    assert [recipient.address for recipient in file.recipients] == ["anna@world.test", "ann@other.test"]


def test_report_is_made_later_when_the_sender_cannot_be_looked_up_now(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        queue_id = put(root, envelope(), recipients())
        rig.admission.hint([queue_id])
        await rig.quiet()
        rig.world.has_trouble = True
        rig.land([REFUSED])
        await rig.quiet()
        assert rig.state(queue_id) is State.DEFERRED
        assert reports(rig) == []
        rig.world.has_trouble = False
        await rig.pass_time(10)
        assert rig.state(queue_id) is None

    assert len(reports(play(root, never, scenario))) == 1


def test_each_round_reports_only_its_own_failures(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients("a@world.test", "b@world.test"))
        rig.deliver = always(REFUSED)
        await rig.pass_time(301)

    rig = play(root, always(REFUSED, BUSY), scenario)
    first, second = reports(rig)
    contents = [rig.store.read_content(State.INCOMING, report, 0, 10_000) for report in (first, second)]
    assert [b"a@world.test" in content for content in contents] == [True, False]
    assert [b"b@world.test" in content for content in contents] == [False, True]


def test_report_has_a_queue_id_of_the_time_of_its_message(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(), recipients())

    (report,) = reports(play(root, always(REFUSED), scenario))
    assert is_queue_id(report)
    assert report[:9] == name(1)[:9]


def test_report_is_delivered_at_once(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.active.on_reports = rig.admission.hint
        rig.world.answers["bob@world.test"] = RouteRefused(Reply(550, "5.1.2", "no such place"))
        await rig.send(envelope(), recipients())

    rig = play(root, always(DELIVERED), scenario)
    assert [job.message.envelope.sender for job in rig.jobs] == [""]
    assert rig.ids(State.INCOMING) == []


def test_report_that_cannot_be_delivered_expires_silently(root: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.send(envelope(is_bounce=True, sender=""), recipients())
        rig.now = ARRIVED + 6 * DAY
        await rig.pass_time(1)

    rig = play(root, always(BUSY), scenario)
    assert rig.recorder.kinds()[-2:] == [Kind.EXPIRED, Kind.REMOVED]
