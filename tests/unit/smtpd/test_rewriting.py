"""Addresses rewritten and copies added as a message comes in."""

import smtplib
from collections.abc import Callable, Iterator

import pytest

from tests.unit.smtpd.site import PASSWORD, Queued, Running, Site

MESSAGE = (
    b"From: Alice <alice@example.test>\r\nTo: bob@example.test,\r\n Carol <carol@world.test>\r\nSubject: hello\r\n\r\n"
    b"To: alice@example.test\r\n"
)
Start = Callable[..., Running]


@pytest.fixture
def start(site: Site) -> Iterator[Start]:
    """Start a role with a section ``routing``; it is stopped in the end."""
    running = list[Running]()

    def begin(role: str, routing: str) -> Running:
        site.routing = routing
        running.append(site.start(role))
        return running[-1]

    yield begin
    for each in running:
        each.stop()


def submit(submission: Running, recipients: list[str], sender: str = "alice@example.test", **options: list[str]) -> Queued:
    with smtplib.SMTP_SSL("127.0.0.1", submission.tls_port, context=submission.site.client_tls, timeout=10) as client:
        client.login("alice@example.test", PASSWORD)
        client.sendmail(sender, recipients, MESSAGE, **options)
    return submission.site.queued()[-1]


def receive(mx: Running, recipients: list[str], sender: str = "carol@world.test") -> Queued:
    with smtplib.SMTP("127.0.0.1", mx.port, timeout=10) as client:
        client.sendmail(sender, recipients, MESSAGE)
    return mx.site.queued()[-1]


def test_canonical_maps_change_envelope_and_header_of_a_users_message(start: Start) -> None:
    submission = start("submission", 'canonical_maps: ["inline:{ alice@example.test=a.liddell@world.test, carol@world.test=c@world.test }"]')
    message = submit(submission, ["bob@example.test", "carol@world.test"])
    assert message.envelope.sender == "a.liddell@world.test"
    assert [(each.address, each.original) for each in message.recipients] == [
        ("bob@example.test", "bob@example.test"),
        ("c@world.test", "carol@world.test"),
    ]
    assert message.content.endswith(
        b"From: Alice <a.liddell@world.test>\r\nTo: bob@example.test,\r\n Carol <c@world.test>\r\nSubject: hello\r\n\r\nTo: alice@example.test\r\n"
    )


def test_header_of_a_strangers_message_is_never_rewritten(start: Start) -> None:
    mx = start("mx", 'canonical_maps: ["inline:{ carol@world.test=c@world.test, bob@example.test=alice@example.test }"]')
    message = receive(mx, ["bob@example.test"])
    assert message.envelope.sender == "c@world.test"
    assert [each.address for each in message.recipients] == ["alice@example.test"]
    assert message.content.endswith(MESSAGE)


def test_original_recipient_and_orcpt_stay_what_the_client_gave(start: Start) -> None:
    submission = start("submission", 'recipient_canonical_maps: ["inline:{ carol@world.test=c@world.test }"]')
    message = submit(submission, ["carol@world.test"], rcpt_options=["ORCPT=rfc822;caro@home.test"])
    (recipient,) = message.recipients
    assert (recipient.address, recipient.original, recipient.orcpt) == ("c@world.test", "carol@world.test", "rfc822;caro@home.test")


def test_copies_are_recipients_of_whom_nobody_is_told(start: Start) -> None:
    copies = 'always_bcc: archive@world.test, sender_bcc_maps: ["inline:{ carol@world.test=bob@example.test }"]'
    mx = start("mx", copies + ', recipient_bcc_maps: ["inline:{ alice@example.test=team@example.test }"]')
    message = receive(mx, ["alice+x@example.test"])
    assert [(each.address, each.original, each.notify) for each in message.recipients] == [
        ("alice+x@example.test", "alice+x@example.test", ""),
        ("archive@world.test", "archive@world.test", "NEVER"),
        ("bob@example.test", "bob@example.test", "NEVER"),
        ("alice@example.test", "team@example.test", "NEVER"),
    ]
    assert message.content.endswith(MESSAGE)
    assert b"archive" not in message.content


def test_copy_of_one_message_does_not_stick_to_the_next(start: Start) -> None:
    mx = start("mx", 'recipient_bcc_maps: ["inline:{ alice@example.test=archive@world.test }"]')
    with smtplib.SMTP("127.0.0.1", mx.port, timeout=10) as client:
        client.sendmail("carol@world.test", ["alice@example.test"], MESSAGE)
        client.sendmail("carol@world.test", ["bob@example.test"], MESSAGE)
    assert sorted(len(message.recipients) for message in mx.site.queued()) == [1, 2]


def test_recipient_that_gets_a_copy_besides_is_one_recipient(start: Start) -> None:
    message = receive(start("mx", "always_bcc: bob@example.test"), ["bob@example.test"])
    assert [(each.address, each.notify) for each in message.recipients] == [("bob@example.test", "")]


def test_masquerading_hides_hosts_from_the_world(start: Start) -> None:
    submission = start("submission", 'masquerade_domains: [example.test], canonical_maps: ["inline:{ alice@example.test=alice@pc7.example.test }"]')
    message = submit(submission, ["bob@example.test"])
    assert message.envelope.sender == "alice@example.test"
    assert b"From: Alice <alice@example.test>" in message.content


@pytest.mark.parametrize("setting", ["canonical_maps", "sender_bcc_maps"])
def test_sender_that_cannot_be_looked_up_is_put_off(start: Start, setting: str) -> None:
    mx = start("mx", f'{setting}: ["hash:/nonexistent"]')
    with smtplib.SMTP("127.0.0.1", mx.port, timeout=10) as client:
        client.ehlo()
        assert client.mail("carol@world.test")[0] == 451
        assert client.mail("")[0] == 250


def test_header_that_cannot_be_looked_up_is_put_off(start: Start) -> None:
    submission = start("submission", 'canonical_maps: ["hash:/nonexistent"], canonical_classes: [header_sender]')
    with pytest.raises(smtplib.SMTPDataError) as refused:
        submit(submission, ["bob@example.test"])
    assert refused.value.smtp_code == 451
    assert submission.site.queued() == []


def test_list_with_an_owner_is_a_message_of_its_own(start: Start, site: Site) -> None:
    (site.root / "aliases").write_text("list: one@world.test, two@world.test\nowner-list: alice@example.test\n")
    mx = start("mx", f'alias_maps: ["hash:{site.root}/aliases"]')
    with smtplib.SMTP("127.0.0.1", mx.port, timeout=10) as client:
        client.ehlo()
        options = ["RET=HDRS", "ENVID=xyz"]
        client.sendmail("carol@world.test", ["list@mail.example.test", "bob@example.test"], MESSAGE, options, ["NOTIFY=SUCCESS,FAILURE"])
    by_sender = {message.envelope.sender: message for message in mx.site.queued()}
    assert set(by_sender) == {"carol@world.test", "owner-list@mail.example.test"}
    own, of_list = by_sender["carol@world.test"], by_sender["owner-list@mail.example.test"]
    assert [each.address for each in own.recipients] == ["bob@example.test"]
    assert (own.envelope.envid, own.recipients[0].notify) == ("xyz", "SUCCESS,FAILURE")
    assert [each.address for each in of_list.recipients] == ["one@world.test", "two@world.test"]
    assert (of_list.envelope.envid, of_list.envelope.ret, of_list.recipients[0].notify) == ("", "", "FAILURE")
    assert own.envelope.queue_id != of_list.envelope.queue_id
    assert own.envelope.trace_id == of_list.envelope.trace_id
    assert own.content.endswith(MESSAGE) and of_list.content.endswith(MESSAGE)
