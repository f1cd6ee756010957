import email
from email.message import Message

import pytest

from services.kernel.mail.dsn import Action, Original, RecipientReport, Report, build, is_eight_bit
from services.kernel.mail.reply import Reply

CONTENT = b"Subject: lunch\r\nMessage-ID: <m@test>\r\n\r\nAt noon?\r\n"
REFUSED = RecipientReport(
    Action.FAILED, "bob@world.test", Reply(550, "5.1.1", "no such\nuser"), "rfc822;bob+x@world.test", "mx.world.test", last_attempt=2e9
)


def report(*recipients: RecipientReport, content: bytes = CONTENT, is_whole: bool = True, smtputf8: bool = False, now: float = 2e9) -> Report:
    original = Original(content, is_whole, 1.9e9, envid="QQ314159", message_id="<m@test>")
    return Report("mail.example.test", "REPORT1", "alice@example.test", now, recipients or (REFUSED,), original, smtputf8)


def parse(made: Report) -> Message:
    return email.message_from_bytes(build(made))


def part(made: Report, number: int) -> str:
    pieces = build(made).split(b"\r\n--")
    return pieces[number].partition(b"\r\n\r\n")[2].decode()


def test_header_says_what_it_is_and_that_nobody_wrote_it() -> None:
    message = parse(report())
    assert message["From"] == "Mail Delivery System <MAILER-DAEMON@mail.example.test>"
    assert (message["To"], message["Auto-Submitted"], message["References"]) == ("<alice@example.test>", "auto-replied", "<m@test>")
    assert message["Content-Type"].startswith("multipart/report; report-type=delivery-status;")


def test_parts_are_words_status_and_original() -> None:
    payload = parse(report()).get_payload()
    assert [piece.get_content_type() for piece in payload] == ["text/plain", "message/delivery-status", "message/rfc822"]  # type: ignore[union-attr]  # a multipart


def test_status_part_has_the_fields_of_rfc_3464() -> None:
    assert part(report(), 2) == (
        "Original-Envelope-Id: QQ314159\r\n"
        "Reporting-MTA: dns; mail.example.test\r\n"
        "Arrival-Date: Sun, 17 Mar 2030 17:46:40 +0000\r\n"
        "\r\n"
        "Original-Recipient: rfc822; bob+x@world.test\r\n"
        "Final-Recipient: rfc822; bob@world.test\r\n"
        "Action: failed\r\n"
        "Status: 5.1.1\r\n"
        "Remote-MTA: dns; mx.world.test\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
        "Last-Attempt-Date: Wed, 18 May 2033 03:33:20 +0000\r\n"
    )


@pytest.mark.parametrize(("smtputf8", "encoding"), [(False, "quoted-printable"), (True, "8bit")])
def test_words_of_any_language_reach_the_sender(smtputf8: bool, encoding: str) -> None:
    words = "Désolé, je ne lis plus ce courrier \u2014 " + "è" * 40
    made = report(RecipientReport(Action.FAILED, "bob@world.test", Reply(550, "5.7.1", words)), smtputf8=smtputf8)
    text = parse(made).get_payload(0)
    assert isinstance(text, Message) and text["Content-Transfer-Encoding"] == encoding
    assert " ".join(words.split()) in " ".join(text.get_payload(decode=True).decode().split())  # type: ignore[union-attr]  # bytes
    assert build(made).isascii() is not smtputf8


def test_each_recipient_has_a_group_of_fields() -> None:
    other = RecipientReport(Action.FAILED, "carol@other.test", Reply(554, "5.4.6", "loop"))
    assert part(report(REFUSED, other), 2).count("Final-Recipient:") == 2


def test_original_is_returned_byte_for_byte() -> None:
    assert part(report(), 3) == CONTENT.decode()


def test_header_alone_has_a_type_of_its_own() -> None:
    message = parse(report(content=b"Subject: lunch\r\n", is_whole=False))
    assert [piece.get_content_type() for piece in message.get_payload()][2] == "text/rfc822-headers"  # type: ignore[union-attr]  # a multipart


@pytest.mark.parametrize(
    ("action", "enhanced", "status"),
    [
        (Action.FAILED, "4.4.1", "5.4.1"),
        (Action.FAILED, "", "5.0.0"),
        (Action.FAILED, "nonsense", "5.0.0"),
        (Action.DELAYED, "4.2.2", "4.2.2"),
        (Action.RELAYED, "", "2.0.0"),
    ],
)
def test_status_has_the_class_of_the_action(action: Action, enhanced: str, status: str) -> None:
    made = report(RecipientReport(action, "bob@world.test", Reply(450, enhanced, "words")))
    assert f"Status: {status}\r\n" in part(made, 2)


def test_our_own_words_are_not_given_as_a_peers() -> None:
    made = report(RecipientReport(Action.FAILED, "bob@world.test", Reply(550, "5.1.2", "no such domain")))
    assert "Diagnostic-Code: x-malleposte; no such domain" in part(made, 2)
    assert "Remote-MTA" not in part(made, 2)


def test_delay_says_until_when_it_is_tried() -> None:
    made = report(RecipientReport(Action.DELAYED, "bob@world.test", Reply(450, "4.2.1", "busy"), retry_until=2e9))
    assert "Will-Retry-Until: Wed, 18 May 2033 03:33:20 +0000" in part(made, 2)
    assert "still being tried" in part(made, 1)


def test_hostile_reply_cannot_add_a_field() -> None:
    made = report(RecipientReport(Action.FAILED, "bob@world.test", Reply(550, "5.0.0", "no\r\nAction: delivered"), remote_mta="mx\r\nX: y"))
    assert "\r\nAction: delivered" not in part(made, 2)
    assert "\r\nX: y" not in part(made, 2)


def test_long_reply_is_folded() -> None:
    made = report(RecipientReport(Action.FAILED, "bob@world.test", Reply(550, "5.0.0", "word " * 150), remote_mta="mx"))
    assert max(len(line) for line in part(made, 2).split("\r\n")) <= 78


def test_eight_bit_original_makes_an_eight_bit_report() -> None:
    made = report(content="Subject: déjeuner\r\n\r\n".encode())
    assert parse(made)["Content-Transfer-Encoding"] == "8bit"
    assert is_eight_bit(build(made))
    assert not is_eight_bit(build(report()))


def test_internationalised_mail_gets_an_internationalised_report() -> None:
    made = report(RecipientReport(Action.FAILED, "jösé@world.test", Reply(550, "5.1.1", "nö")), smtputf8=True)
    payload = parse(made).get_payload()
    assert [piece.get_content_type() for piece in payload] == ["text/plain", "message/global-delivery-status", "message/global"]  # type: ignore[union-attr]  # a multipart
    assert "Final-Recipient: utf-8; jösé@world.test" in part(made, 2)


def test_boundary_never_occurs_in_the_original() -> None:
    first = parse(report()).get_boundary()
    second = parse(report(content=f"Subject: x\r\n\r\n--{first}--\r\n".encode())).get_boundary()
    assert first != second


def test_what_became_of_each_recipient_is_said_to_people() -> None:
    reached = RecipientReport(Action.DELIVERED, "here@example.test", Reply(250, "2.0.0", "stored"))
    relayed = RecipientReport(Action.RELAYED, "there@world.test", Reply(250, "2.0.0", "taken"))
    words = " ".join(part(report(relayed, reached), 1).split())
    assert words.index("reached the recipients below") < words.index("here@example.test") < words.index("sends no further reports")
    assert words.index("sends no further reports") < words.index("there@world.test")
