"""Mail is sorted by Sieve scripts: the site's, the user's, and what goes back into the queue."""

import shutil
import smtplib
import threading
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.store import MailStore
from services.kernel.sieve.delivery import Delivery, Result
from services.kernel.sieve.running import run
from services.mda import filing, sorting
from tests.unit.mda.conftest import Running

ALICE, BOB = "alice@example.test", "bob@example.test"
MESSAGE = (
    b"Received: from world.test by mx.example.test; Sat, 28 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <one@world.test>\r\nFrom: Carol <carol@world.test>\r\nTo: alice@example.test\r\nSubject: hello\r\n\r\nbody\r\n"
)
TRACE = " XTRACE=0BCDFGHJKLMN01/0BCDFGHJKLMN02"


def deliver(mda: Running, content: bytes = MESSAGE, sender: str = "carol@world.test", recipient: str = ALICE, options: str = "") -> tuple[int, str]:
    """One message; the reply for its recipient."""
    with smtplib.LMTP("127.0.0.1", mda.port) as client:
        client.ehlo("relay.test")
        client.docmd(f"MAIL FROM:<{sender}>{options}")
        assert client.docmd(f"RCPT TO:<{recipient}>")[0] == 250
        assert client.docmd("DATA")[0] == 354
        client.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        code, text = client.getreply()
    return code, text.decode()


def subjects(contents: list[bytes]) -> list[str]:
    return [str(message_from_bytes(content)["Subject"]) for content in contents]


# Folders


def test_fileinto_with_flags_makes_the_folder_that_is_to_be_made(mda: Running) -> None:
    mda.script(ALICE, 'require ["fileinto", "mailbox", "imap4flags"]; fileinto :create :flags ["\\\\Seen", "work"] "Lists/dev";')
    assert deliver(mda)[0] == 250
    ((content, flags),) = mda.folder(ALICE, "Lists.dev")
    assert content.endswith(MESSAGE) and flags == {"\\Seen", "work"}
    assert mda.inbox(ALICE) == []
    (stored,) = mda.events("stored")
    assert (stored["folder"], stored["uid"], stored["bytes"]) == ("Lists.dev", 1, len(content))


def test_folder_that_is_missing_is_inbox_and_the_user_hears_of_it(mda: Running) -> None:
    mda.script(ALICE, 'require "fileinto"; fileinto "Nowhere"; keep;')
    assert deliver(mda)[0] == 250
    assert len(mda.inbox(ALICE)) == 1  # of fileinto and keep one copy
    assert "there is no folder 'Nowhere'" in mda.log(ALICE)
    assert [event["stage"] for event in mda.events("trouble")] == ["sieve"]


def test_special_use_names_a_folder_whatever_it_is_called(mda: Running) -> None:
    mda.script(ALICE, 'require ["fileinto", "special-use"]; fileinto :specialuse "\\\\Junk" "Spam";')
    deliver(mda)
    assert len(mda.folder(ALICE, "Junk")) == 1


def test_script_asks_for_folders_and_their_annotations(mda: Running) -> None:
    source = """require ["mailbox", "mboxmetadata", "fileinto"];
        if allof (mailboxexists "Archive", not mailboxexists "Nowhere", metadata "Archive" "/private/comment" "yes") { fileinto "Archive"; }"""
    mda.script(ALICE, source)
    deliver(mda)
    store = MailStore(MailboxSettings(root=mda.root / "mail"))
    store.user(ALICE).annotate("Archive", {"/private/comment": b"yes"})
    store.close()
    deliver(mda)
    assert (len(mda.inbox(ALICE)), len(mda.folder(ALICE, "Archive"))) == (1, 1)


def test_copy_keeps_the_message_in_inbox_too(mda: Running) -> None:
    mda.script(ALICE, 'require ["fileinto", "copy"]; fileinto :copy "Archive";')
    deliver(mda)
    assert (len(mda.inbox(ALICE)), len(mda.folder(ALICE, "Archive"))) == (1, 1)


def test_discarded_message_leaves_an_event_and_nothing_else(mda: Running) -> None:
    mda.script(ALICE, "discard;")
    assert deliver(mda)[0] == 250
    assert mda.inbox(ALICE) == []
    (event,) = mda.events("discarded")
    assert (event["recipient"], event["message_id"]) == (ALICE, "<one@world.test>")


def test_edited_header_is_what_is_stored_and_the_body_stays(mda: Running) -> None:
    mda.script(ALICE, 'require "editheader"; addheader "X-Sorted" "yes"; deleteheader "Subject";')
    deliver(mda)
    (content,) = mda.inbox(ALICE)
    message = message_from_bytes(content)
    assert (message["X-Sorted"], message["Subject"], message["Delivered-To"]) == ("yes", None, ALICE)
    assert content.endswith(b"\r\n\r\nbody\r\n")


def test_other_recipients_have_their_own_rules(mda: Running) -> None:
    mda.script(ALICE, "discard;")
    assert deliver(mda, recipient=BOB)[0] == 250
    assert len(mda.inbox(BOB)) == 1


def test_changed_script_holds_for_the_next_message(mda: Running) -> None:
    mda.script(ALICE, "discard;")
    deliver(mda)
    mda.script(ALICE, "keep;")
    deliver(mda)
    assert len(mda.inbox(ALICE)) == 1


# Failures


def test_script_that_does_not_compile_keeps_the_message(mda: Running) -> None:
    mda.script(ALICE, "discard;\nnonsense;")
    assert deliver(mda)[0] == 250
    assert len(mda.inbox(ALICE)) == 1
    assert "line 2, column 1" in mda.log(ALICE)


def test_script_that_fails_when_it_runs_keeps_the_message(mda: Running) -> None:
    mda.script(ALICE, 'require "include"; redirect "dave@world.test"; include :personal "missing";')
    assert deliver(mda)[0] == 250
    assert (len(mda.inbox(ALICE)), mda.queued()) == (1, [])
    assert "missing" in mda.log(ALICE)


def test_log_of_a_user_stays_small(mda: Running) -> None:
    mda.script(ALICE, "nonsense;" + "\n" * 20)
    path = mda.root / "mail" / "example.test" / "alice"
    (path / ".dovecot.sieve.log").write_text("x" * 32_760)
    deliver(mda)
    deliver(mda)
    assert sorted(file.name for file in path.glob(".dovecot.sieve.log*")) == [".dovecot.sieve.log", ".dovecot.sieve.log.0"]


def test_full_mailbox_refuses_what_rules_would_store_but_not_what_they_discard(mda: Running) -> None:
    mda.script("full@example.test", 'if header :contains "subject" "hello" { keep; } else { discard; }')
    assert deliver(mda, recipient="full@example.test")[0] == 552
    assert deliver(mda, MESSAGE.replace(b"hello", b"other"), recipient="full@example.test")[0] == 250


def test_octets_that_are_no_text_in_a_scripts_error_hurt_neither_this_user_nor_another(mda: Running) -> None:
    mda.script(ALICE, 'require ["ihave", "encoded-character"]; error "${hex:80}";')
    mda.script(BOB, "keep;")
    with smtplib.LMTP("127.0.0.1", mda.port) as client:
        client.ehlo("relay.test")
        for command in ("MAIL FROM:<carol@world.test>", f"RCPT TO:<{ALICE}>", f"RCPT TO:<{BOB}>", "DATA"):
            client.docmd(command)
        client.send(MESSAGE + b".\r\n")
        assert [client.getreply()[0], client.getreply()[0]] == [250, 250]
    assert [content.endswith(MESSAGE) for content in (*mda.inbox(ALICE), *mda.inbox(BOB))] == [True, True]
    assert "the message was kept in INBOX: main: line 1: ?" in mda.log(ALICE)
    assert [event["recipient"] for event in mda.events("trouble")] == [ALICE]


def test_large_messages_have_one_thread_of_their_own(mda: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def note_and_run(*arguments: Any) -> Result:
        threads.append(threading.current_thread().name)
        return run(*arguments)

    monkeypatch.setattr(sorting, "run", note_and_run)
    monkeypatch.setattr(sorting, "LARGE_BYTES", 1000)
    mda.script(ALICE, "keep;")
    for size in (0, 1000, 1000):
        deliver(mda, MESSAGE + b"x" * size + b"\r\n")
    assert [name.startswith("sieve-large") for name in threads] == [False, True, True]
    assert threads[1] == threads[2]


def test_rules_of_one_user_never_have_all_threads(mda: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    is_done, waited = threading.Event(), list[bool]()

    def run_when_bob_is_done(stages: Any, delivery: Delivery, *rest: Any) -> Result:
        if delivery.envelope.recipient == BOB:
            is_done.set()
        else:
            waited.append(is_done.wait(20))
        return run(stages, delivery, *rest)

    monkeypatch.setattr(sorting, "run", run_when_bob_is_done)
    for address in (ALICE, BOB):
        mda.script(address, "keep;")
    with smtplib.LMTP("127.0.0.1", mda.port) as client:
        client.ehlo("relay.test")
        client.docmd("MAIL FROM:<carol@world.test>")
        for address in (ALICE, ALICE.replace("@", "+x@"), BOB):
            client.docmd(f"RCPT TO:<{address}>")
        client.docmd("DATA")
        client.send(MESSAGE + b".\r\n")
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 250]
    assert waited == [True, True]


# The site's scripts


def test_scripts_of_the_site_run_before_and_after_the_users(mda: Running, root: Path) -> None:
    (root / "before" / "10-spam.sieve").write_text('require "fileinto"; if header :contains "subject" "spam" { fileinto "Junk"; stop; }')
    (root / "after" / "10-archive.sieve").write_text('require ["fileinto", "copy"]; fileinto :copy "Archive";')
    mda.script(ALICE, 'if header :contains "subject" "drop" { discard; }')
    for word in (b"spam", b"drop", b"rest"):
        deliver(mda, MESSAGE.replace(b"hello", word))
    assert subjects([content for content, _ in mda.folder(ALICE, "Junk")]) == ["spam"]
    assert subjects([content for content, _ in mda.folder(ALICE, "Archive")]) == ["rest"]
    assert subjects(mda.inbox(ALICE)) == ["rest"]


def test_users_without_a_script_have_the_sites(mda: Running, root: Path) -> None:
    (root / "before" / "all.sieve").write_text('require "fileinto"; fileinto "Archive";')
    deliver(mda, recipient=BOB)
    assert (mda.inbox(BOB), len(mda.folder(BOB, "Archive"))) == ([], 1)


def test_script_of_the_site_that_does_not_compile_is_told_and_left_out(mda: Running, root: Path) -> None:
    (root / "before" / "broken.sieve").write_text("nonsense;")
    mda.script(ALICE, 'require "fileinto"; fileinto "Archive";')
    deliver(mda)
    deliver(mda)
    assert len(mda.folder(ALICE, "Archive")) == 2
    (told,) = mda.events("trouble")
    assert "broken.sieve" in told["reason"] and "line 1" in told["reason"]


def test_included_script_of_the_site_and_of_the_user(mda: Running, root: Path) -> None:
    (root / "global" / "lists.sieve").write_text('require "fileinto"; if header :contains "subject" "list" { fileinto "Archive"; stop; }')
    mda.script(ALICE, 'require "include"; include :global "lists"; discard;')
    deliver(mda, MESSAGE.replace(b"hello", b"list"))
    deliver(mda)
    assert (len(mda.folder(ALICE, "Archive")), mda.inbox(ALICE)) == (1, [])


def test_included_script_whose_name_no_file_can_have_is_not_there(mda: Running) -> None:
    name = "\U0001f600" * 100
    mda.script(ALICE, f'require "include"; include :global :optional "{name}"; discard;')
    assert deliver(mda)[0] == 250
    assert mda.inbox(ALICE) == []


# Redirection


def test_redirected_message_is_in_the_queue_before_the_answer(mda: Running) -> None:
    mda.script(ALICE, 'redirect "dave@world.test";')
    assert deliver(mda, options=TRACE)[0] == 250
    assert mda.inbox(ALICE) == []
    ((file, content),) = mda.queued()
    assert (file.envelope.sender, file.envelope.trace_id) == ("carol@world.test", "0BCDFGHJKLMN01")
    assert [(each.address, each.notify) for each in file.recipients] == [("dave@world.test", "")]
    assert content.startswith(b"Received: ") and b"\r\nX-Sieve-Redirected-From: alice@example.test\r\n" in content
    assert content.endswith(MESSAGE)
    (event,) = mda.events("redirected")
    assert (event["queue_id"], event["caused_by"], event["recipient"]) == (file.envelope.queue_id, "0BCDFGHJKLMN02", "dave@world.test")


def test_redirected_message_has_the_edited_header_without_the_fields_of_delivery(mda: Running) -> None:
    mda.script(ALICE, 'require "editheader"; addheader "X-Sorted" "yes"; redirect "dave@world.test";')
    deliver(mda)
    ((_, content),) = mda.queued()
    message = message_from_bytes(content)
    assert (message["X-Sorted"], message["Delivered-To"], message["Return-Path"]) == ("yes", None, None)
    assert content.endswith(b"\r\n\r\nbody\r\n")


def test_delivery_that_is_tried_again_redirects_no_second_time(mda: Running) -> None:
    mda.script(ALICE, 'require "copy"; redirect :copy "dave@world.test";')
    deliver(mda, options=TRACE)
    deliver(mda, options=TRACE)
    assert len(mda.queued()) == 1
    deliver(mda, options=TRACE.replace("02", "03"))
    assert len(mda.queued()) == 2


def test_message_that_comes_back_is_kept(mda: Running) -> None:
    mda.script(ALICE, 'redirect "dave@world.test";')
    deliver(mda)
    ((_, content),) = mda.queued()
    assert deliver(mda, content)[0] == 250
    assert (len(mda.inbox(ALICE)), len(mda.queued())) == (1, 1)
    assert "redirected by this user before" in mda.log(ALICE)


def test_message_that_runs_in_circles_is_kept(mda: Running) -> None:
    mda.script(ALICE, 'redirect "dave@world.test";')
    deliver(mda, MESSAGE.partition(b"\r\n")[0] * 0 + (MESSAGE.partition(b"\r\n")[0] + b"\r\n") * 51 + MESSAGE)
    assert (len(mda.inbox(ALICE)), mda.queued()) == (1, [])


def test_header_too_long_to_tell_where_the_message_has_been_is_not_redirected(mda: Running) -> None:
    mda.script(ALICE, 'redirect "dave@world.test";')
    assert deliver(mda, b"X-Padding: much\r\n" * 30_000 + b"X-Sieve-Redirected-From: alice@example.test\r\n" + MESSAGE)[0] == 250
    assert (len(mda.inbox(ALICE)), mda.queued()) == (1, [])
    assert "too long to tell where it has been" in mda.log(ALICE)


def test_redirection_to_nobody_keeps_the_message(mda: Running) -> None:
    mda.script(ALICE, 'redirect "nobody@example.test";')
    deliver(mda)
    assert (len(mda.inbox(ALICE)), mda.queued()) == (1, [])
    assert "550 5.1.1" in mda.log(ALICE)


def test_null_sender_stays(mda: Running) -> None:
    mda.script(ALICE, 'redirect "dave@world.test";')
    deliver(mda, sender="")
    ((file, _),) = mda.queued()
    assert file.envelope.sender == ""


def test_queue_that_fails_is_temporary_and_nothing_is_stored(mda: Running, root: Path) -> None:
    mda.script(ALICE, 'require "copy"; redirect :copy "dave@world.test";')
    shutil.rmtree(root / "queue")
    assert deliver(mda)[0] == 451
    assert mda.inbox(ALICE) == []
    for directory in ("incoming", "active", "deferred", "hold", "corrupt", "history"):
        (root / "queue" / directory).mkdir(parents=True)
    assert deliver(mda)[0] == 250
    assert (len(mda.inbox(ALICE)), len(mda.queued())) == (1, 1)


# Refusals


def test_rejected_message_is_refused_in_the_protocol_with_the_users_words(mda: Running) -> None:
    mda.script(ALICE, 'require "reject"; reject "Not now.\r\n\r\nWrite to Bob.";')
    assert deliver(mda) == (550, "5.7.1 Not now.\n5.7.1 Write to Bob.")
    assert (mda.inbox(ALICE), mda.queued()) == ([], [])
    assert [event["recipient"] for event in mda.events("rejected") if event["stage"] == "sieve"] == [ALICE]


def test_copy_that_the_site_makes_is_made_of_a_refused_message_too(mda: Running, root: Path) -> None:
    (root / "before" / "archive.sieve").write_text('require ["fileinto", "copy"]; fileinto :copy "Archive";')
    mda.script(ALICE, 'require "reject"; reject "No.";')
    assert deliver(mda)[0] == 550
    assert (len(mda.folder(ALICE, "Archive")), mda.inbox(ALICE), mda.events("discarded")) == (1, [], [])


# Answers

VACATION = 'require "vacation"; vacation :days 1 :subject "Away" "Back on Monday.";'


def test_vacation_answers_once_and_keeps_the_message(mda: Running) -> None:
    mda.script(ALICE, VACATION)
    deliver(mda, options=TRACE)
    deliver(mda)
    assert len(mda.inbox(ALICE)) == 2
    ((file, content),) = mda.queued()
    answer = message_from_bytes(content)
    assert (file.envelope.sender, file.envelope.trace_id, file.recipients[0].address) == ("", "0BCDFGHJKLMN01", "carol@world.test")
    assert (answer["From"], answer["To"], answer["Subject"]) == (ALICE, '"Carol" <carol@world.test>', "Away")
    assert (answer["In-Reply-To"], answer["References"]) == ("<one@world.test>", "<one@world.test>")
    assert answer["Auto-Submitted"].startswith("auto-replied")
    assert answer["Message-ID"] and answer["Date"]
    assert str(answer.get_payload()).strip() == "Back on Monday."
    assert len(mda.events("answered")) == 1


def test_vacation_answers_each_sender(mda: Running) -> None:
    mda.script(ALICE, VACATION)
    for name in ("carol", "dave", "Carol"):
        deliver(mda, sender=f"{name}@world.test")
    assert [file.recipients[0].address.lower() for file, _ in mda.queued()] == ["carol@world.test", "dave@world.test"]


@pytest.mark.parametrize(
    ("field", "sender"),
    [
        (b"List-Id: <list.world.test>", "carol@world.test"),
        (b"Precedence: bulk", "carol@world.test"),
        (b"Auto-Submitted: auto-generated", "carol@world.test"),
        (b"X-Nothing: at all", ""),
        (b"X-Nothing: at all", "mailer-daemon@world.test"),
        (b"X-Nothing: at all", "owner-list@world.test"),
        (b"X-Nothing: at all", ALICE),
    ],
)
def test_vacation_answers_no_list_and_no_machine(mda: Running, field: bytes, sender: str) -> None:
    mda.script(ALICE, VACATION)
    deliver(mda, field + b"\r\n" + MESSAGE, sender)
    assert (len(mda.inbox(ALICE)), mda.queued()) == (1, [])


def test_vacation_answers_only_mail_to_the_user_himself(mda: Running) -> None:
    mda.script(ALICE, VACATION)
    deliver(mda, MESSAGE.replace(b"To: alice@example.test", b"To: everybody@world.test"))
    assert mda.queued() == []


def test_answer_that_cannot_be_queued_is_told_and_tried_with_the_next_message(mda: Running, root: Path) -> None:
    mda.script(ALICE, VACATION)
    (root / "queue" / "incoming").rmdir()
    assert deliver(mda)[0] == 250
    assert [event["stage"] for event in mda.events("trouble")] == ["answer"]
    (root / "queue" / "incoming").mkdir()
    deliver(mda)
    assert (len(mda.inbox(ALICE)), len(mda.queued())) == (2, 1)


def test_notification_tells_of_the_message_and_not_of_another_notification(mda: Running) -> None:
    mda.script(ALICE, 'require "enotify"; notify :message "Mail!" "mailto:phone@world.test";')
    deliver(mda)
    ((file, content),) = mda.queued()
    notification = message_from_bytes(content)
    assert (file.envelope.sender, file.recipients[0].address, notification["Subject"]) == (ALICE, "phone@world.test", "Mail!")
    assert notification["Auto-Submitted"] == f'auto-notified; owner-email="{ALICE}"'
    assert notification["Received"].startswith("from world.test")
    deliver(mda, content)
    assert (len(mda.inbox(ALICE)), len(mda.queued())) == (2, 1)


def test_copy_of_an_answer_is_filed(mda: Running) -> None:
    mda.script(ALICE, 'require ["vacation", "fcc"]; vacation :fcc "Sent" "Away";')
    deliver(mda)
    ((content, _),) = mda.folder(ALICE, "Sent")
    assert content == mda.queued()[0][1]


def test_copy_of_an_answer_that_cannot_be_filed_is_told_and_sends_no_second_answer(mda: Running) -> None:
    mda.script(ALICE, 'require ["vacation", "fcc"]; vacation :fcc "Sent" "Away";')
    deliver(mda)
    new = mda.root / "mail" / "example.test" / "alice" / "Maildir" / ".Sent" / "new"
    shutil.rmtree(new)
    new.write_bytes(b"")
    for _ in range(2):
        assert deliver(mda, sender="dave@world.test")[0] == 250
    assert [file.recipients[0].address for file, _ in mda.queued()] == ["carol@world.test", "dave@world.test"]
    assert [event["stage"] for event in mda.events("trouble")] == ["answer"]


def test_defect_behind_the_sending_of_an_answer_sends_no_second_one(mda: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> str:
        raise RuntimeError("a defect")

    monkeypatch.setattr(filing.Filing, "file_own", fail)
    mda.script(ALICE, 'require ["vacation", "fcc"]; vacation :fcc "Sent" "Away";')
    for _ in range(2):
        assert deliver(mda)[0] == 250
    assert len(mda.queued()) == 1


def test_notification_that_nobody_gets_leaves_no_copy(mda: Running) -> None:
    mda.script(ALICE, 'require ["enotify", "fcc"]; notify :fcc "INBOX" "mailto:nobody@example.test";')
    deliver(mda)
    assert (len(mda.inbox(ALICE)), mda.queued()) == (1, [])


# Duplicates


def test_second_copy_of_a_message_is_found(mda: Running) -> None:
    mda.script(ALICE, 'require ["duplicate", "fileinto"]; if duplicate { fileinto "Archive"; }')
    for _ in range(3):
        deliver(mda)
    deliver(mda, MESSAGE.replace(b"<one@", b"<two@"))
    assert (len(mda.inbox(ALICE)), len(mda.folder(ALICE, "Archive"))) == (2, 2)


def test_message_that_could_not_be_stored_is_no_duplicate_of_itself(mda: Running, root: Path) -> None:
    mda.script(ALICE, 'require "duplicate"; if duplicate { discard; }')
    maildir = root / "mail" / "example.test" / "alice" / "Maildir"
    deliver(mda, MESSAGE.replace(b"<one@", b"<two@"))
    (maildir / "tmp").rmdir()
    assert deliver(mda)[0] == 451
    (maildir / "tmp").mkdir()
    assert deliver(mda)[0] == 250
    assert len(mda.inbox(ALICE)) == 2


def test_memory_that_is_damaged_is_put_aside(mda: Running, root: Path) -> None:
    mda.script(ALICE, VACATION)
    (root / "mail" / "example.test" / "alice" / "malleposte.sieve").write_bytes(b"no database at all, and long enough" * 100)
    deliver(mda)
    assert len(mda.queued()) == 1


def test_message_that_cannot_be_remembered_is_delivered_all_the_same(mda: Running, root: Path) -> None:
    mda.script(ALICE, 'require "duplicate"; if duplicate { discard; }')
    (root / "mail" / "example.test" / "alice" / "malleposte.sieve").symlink_to(root / "nowhere" / "memory")
    for _ in range(2):
        assert deliver(mda)[0] == 250
    assert len(mda.inbox(ALICE)) == 2
    assert [event["stage"] for event in mda.events("trouble")] == ["sieve", "sieve"]
