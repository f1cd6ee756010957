"""Answers and notifications as messages."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default

import pytest

from services.kernel.sieve.actions import Notify, Vacation
from services.mda.answers import FIELD_CHARACTERS, REFERENCES_CHARACTERS, Occasion, answer, notification

HEAD = b"Received: from a\r\n\tby b\r\nReceived: from c by d\r\nFrom: x@world.test\r\nSubject: s\r\n"
OCCASION = Occasion("alice@example.test", "mail.example.test", "0BCDFGHJKLMN02", 1_700_000_000.0, "bob@world.test", HEAD)


def test_answer_says_what_it_answers() -> None:
    action = Vacation("Away.", "Out", "bob@world.test", message_id="<3@x>", references="<1@x> <2@x>")
    message = message_from_bytes(answer(action, OCCASION))
    assert (message["In-Reply-To"], message["References"]) == ("<3@x>", "<1@x> <2@x> <3@x>")
    assert message["Message-ID"] == "<0BCDFGHJKLMN02@mail.example.test>"


def test_answer_comes_from_the_address_that_was_written_to() -> None:
    action = Vacation("Away.", "Out", "bob@world.test", addressee="sales@example.test")
    assert message_from_bytes(answer(action, OCCASION))["From"] == "sales@example.test"


def test_sender_is_named_as_he_names_himself() -> None:
    action = Vacation("Away.", "Out", "bob@world.test", to='"Bob, é" <bob@world.test>')
    message = message_from_bytes(answer(action, OCCASION), policy=default)
    assert [(each.display_name, each.addr_spec) for each in message["To"].addresses] == [("Bob, é", "bob@world.test")]


def test_words_outside_ascii_arrive() -> None:
    action = Vacation("Bin am Löwengraben.\n", "Grüße ☀", "bob@world.test", sender="Jörg <alice@example.test>")
    content = answer(action, OCCASION)
    message = message_from_bytes(content)
    assert content.partition(b"\r\n\r\n")[0].isascii()
    assert str(make_header(decode_header(message["Subject"]))) == "Grüße ☀"
    assert message.get_payload(decode=True) == "Bin am Löwengraben.\r\n".encode()


def test_entity_brings_its_content_and_no_other_field() -> None:
    reason = "Content-Type: text/html;\n charset=utf-8\nBcc: everybody@world.test\nX-Own: 1\n\n<b>ö</b>"
    message = message_from_bytes(answer(Vacation(reason, "Out", "bob@world.test", is_mime=True), OCCASION))
    assert (message.get_content_type(), message["Bcc"], message["X-Own"]) == ("text/html", None, None)
    assert message.get_payload(decode=True) == "<b>ö</b>\r\n".encode()


@pytest.mark.parametrize("subject", ["x\r\nBcc: all@world.test", "x\nBcc: all@world.test", "x" * 10_000, "\udcff"])
def test_no_value_becomes_a_field_of_its_own(subject: str) -> None:
    message = message_from_bytes(answer(Vacation("Away.", subject, "bob@world.test"), OCCASION))
    assert message["Bcc"] is None and len(str(make_header(decode_header(message["Subject"])))) <= FIELD_CHARACTERS


def test_long_list_of_references_loses_its_oldest() -> None:
    action = Vacation("Away.", "Out", "bob@world.test", message_id="<last@x>", references=" ".join(f"<{number}@x>" for number in range(1000)))
    references = message_from_bytes(answer(action, OCCASION))["References"].split()
    assert references[-2:] == ["<999@x>", "<last@x>"] and sum(map(len, references)) <= REFERENCES_CHARACTERS


def test_notification_carries_the_trace_of_the_message() -> None:
    content = notification(Notify(("phone@world.test", "pager@world.test"), importance=1, message="Mail!"), OCCASION)
    message = message_from_bytes(content)
    assert content.startswith(b"Received: from a\r\n\tby b\r\nReceived: from c by d\r\n")
    assert (message["To"], message["Importance"]) == ("phone@world.test, pager@world.test", "high")


def test_fields_of_the_uri_stand_beside_our_own() -> None:
    action = Notify(("phone@world.test",), fields=(("Subject", "From the URI"), ("X-Kind", "mail"), ("Auto-Submitted", "no")), body="text")
    message = message_from_bytes(notification(action, OCCASION))
    assert (message["Subject"], message["X-Kind"]) == ("From the URI", "mail")
    assert message["Auto-Submitted"].startswith("auto-notified")
