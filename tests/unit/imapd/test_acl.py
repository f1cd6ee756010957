"""SETACL and its kin on one's own folders: how they are said, and what they leave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mailbox.acl import ENTRIES
from services.kernel.mailbox.shares import Shares
from services.kernel.mailbox.trouble import MailboxTrouble
from tests.unit.imapd.site import ALICE, BOB, Running

ALL = b"lrwstipekxacd"
OWN = b" %b %b" % (ALICE.encode(), ALL)


def test_extension_is_advertised(imapd: Running) -> None:
    with imapd.signed_in() as client:
        told = client.ask("CAPABILITY")[0].split()
        assert {b"ACL", b"RIGHTS=kxte", b"LIST-MYRIGHTS"} <= set(told)


def test_owner_has_all_rights(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("MYRIGHTS inbox")[0] == b"* MYRIGHTS INBOX " + ALL
        assert client.ask("GETACL Sent")[0] == b"* ACL Sent" + OWN


def test_rights_are_given_added_and_taken(imapd: Running) -> None:
    with imapd.signed_in() as client:
        for command, told in (
            ("lrs", b" bob@example.test lrs"),
            ("+w", b" bob@example.test lrws"),
            ("-rs", b" bob@example.test lw"),
            ("c", b" bob@example.test kxc"),
            ("+d", b" bob@example.test tekxcd"),
            ("-e", b" bob@example.test tkxcd"),
            ('""', b""),
            ("+", b""),
            ("+l", b" bob@example.test l"),
            ("-l", b""),
        ):
            assert client.ask(f"SETACL INBOX Bob@Example.test {command}")[-1].startswith(b"OK")
            assert client.ask("GETACL INBOX")[0] == b"* ACL INBOX" + told + OWN
        client.ask(f"SETACL INBOX {BOB} lr")
        assert client.ask(f"DELETEACL INBOX {BOB}")[-1].startswith(b"OK")
        assert client.ask(f"DELETEACL INBOX {BOB}")[-1].startswith(b"OK")
        assert client.ask("GETACL INBOX")[0] == b"* ACL INBOX" + OWN


def test_identifiers_of_every_kind_are_told_as_they_were_said(imapd: Running) -> None:
    with imapd.signed_in() as client:
        for identifier in ("anyone", "authenticated", f"-{BOB}", "-anyone", '"\\"a b\\"@example.test"', "{17+}\r\nb\u00fcb@example.test"):
            assert client.ask(f"SETACL INBOX {identifier} l")[-1].startswith(b"OK")
        told = b' anyone l authenticated l -bob@example.test l -anyone l "\\"a b\\"@example.test" l {17}\r\nb\xc3\xbcb@example.test l'
        assert client.ask("GETACL INBOX")[0] == b"* ACL INBOX" + told + OWN
    text = (imapd.root / "mail/example.test/alice/Maildir/dovecot-acl").read_text()
    assert text.splitlines()[:3] == ["anyone l", "authenticated l", "-user=bob@example.test l"]


def test_owner_keeps_what_he_cannot_take_from_himself(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask(f'SETACL Sent {ALICE} ""')[-1].startswith(b"OK")
        assert client.ask("MYRIGHTS Sent")[0] == b"* MYRIGHTS Sent la"
        assert client.ask("SETACL Sent owner +r")[-1].startswith(b"OK")
        assert client.ask("GETACL Sent")[0] == b"* ACL Sent alice@example.test lra"
        assert client.ask(f"SETACL Sent -{ALICE} ra")[-1].startswith(b"OK")
        assert client.ask("MYRIGHTS Sent")[0] == b"* MYRIGHTS Sent la"
        assert client.ask("SELECT Sent")[-1].startswith(b"NO [NOPERM]")
    assert "owner lra" in (imapd.root / "mail/example.test/alice/Maildir/.Sent/dovecot-acl").read_text()


def test_each_change_is_an_event_that_says_who_made_it_and_whose_rights_they_are(imapd: Running) -> None:
    with imapd.signed_in() as client:
        for command in (f"SETACL Sent {BOB} lr", f"SETACL Sent {BOB} +l", f"SETACL Sent {BOB} +wa", "SETACL Sent bob l", "SETACL Nowhere anyone l"):
            client.ask(command)
    with imapd.signed_in(BOB) as client:
        client.ask(f"SETACL user/{ALICE}/Sent -{BOB} w")
        client.ask(f"DELETEACL user/{ALICE}/Sent -{BOB}")
        client.ask(f"DELETEACL user/{ALICE}/Sent -{BOB}")
        client.ask(f"SETACL user/{ALICE}/Sent {ALICE} lra")
        client.ask(f"SETACL user/{ALICE}/Drafts {BOB} lra")
    told = [(event["login"], event["stage"], event["reason"]) for event in imapd.events("shared")]
    assert told == [
        (ALICE, "SETACL", "bob@example.test: none -> lr"),
        (ALICE, "SETACL", "bob@example.test: lr -> lrwa"),
        (BOB, "SETACL", "-bob@example.test: none -> w"),
        (BOB, "DELETEACL", "-bob@example.test: w -> none"),
        (BOB, "SETACL", "alice@example.test: lrwstipekxa -> lra"),
    ]
    assert {(event["recipient"], event["folder"], event["client"]) for event in imapd.events("shared")} == {(ALICE, "Sent", "127.0.0.1")}


def test_change_is_an_event_though_what_follows_it_fails(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MailboxTrouble("disk full")

    with imapd.signed_in() as client:
        with monkeypatch.context() as broken:
            broken.setattr(Shares, "note", fail)
            assert client.ask(f"SETACL Sent {BOB} lr")[-1].startswith(b"NO [UNAVAILABLE]")
        assert client.ask(f"SETACL Sent {BOB} lr")[-1] == b"OK Done"
    assert [event["reason"] for event in imapd.events("shared")] == ["bob@example.test: none -> lr"]


def test_list_rights(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("LISTRIGHTS INBOX bob@example.test")[0] == b'* LISTRIGHTS INBOX bob@example.test "" l r w s t i p e k x a c d'
        assert client.ask(f"LISTRIGHTS INBOX {ALICE}")[0] == b"* LISTRIGHTS INBOX alice@example.test la r w s t i p e k x c d"


@pytest.mark.parametrize(
    "identifier", ["bob", "-", "--anyone", '""', "@example.test", "bob@", '"$staff"', '"bob@example.test\x01"', "b" * 400 + "@x.test"], ids=str
)
def test_identifier_that_can_be_nobody_is_refused(imapd: Running, identifier: str) -> None:
    with imapd.signed_in() as client:
        for command in (f"SETACL INBOX {identifier} l", f"LISTRIGHTS INBOX {identifier}"):
            assert client.ask(command)[-1].startswith(b"NO [CANNOT]")
    assert not (imapd.root / "mail/example.test/alice/Maildir/dovecot-acl").exists()


@pytest.mark.parametrize(
    "command",
    ["SETACL INBOX anyone lq", "SETACL INBOX anyone L", "SETACL INBOX anyone ++l", "SETACL INBOX anyone", "SETACL INBOX", "GETACL", "MYRIGHTS a b"],
)
def test_command_that_cannot_be_read_is_bad(imapd: Running, command: str) -> None:
    with imapd.signed_in() as client:
        assert client.ask(command)[-1].startswith(b"BAD")


def test_folder_that_is_not_there_has_no_rights(imapd: Running) -> None:
    with imapd.signed_in() as client:
        for command in ("GETACL None", "SETACL None anyone l", "DELETEACL None anyone", "LISTRIGHTS None anyone", "MYRIGHTS None"):
            assert client.ask(command)[-1].startswith(b"NO [NONEXISTENT]")


def test_number_of_identifiers_is_bounded(imapd: Running) -> None:
    path = imapd.root / "mail/example.test/alice/Maildir/.Sent/dovecot-acl"
    with imapd.signed_in() as client:
        path.write_text("".join(f"user=u{number}@example.test l\n" for number in range(ENTRIES)))
        assert client.ask(f"SETACL Sent {BOB} l")[-1].startswith(b"NO [LIMIT]")
        assert client.ask("DELETEACL Sent u0@example.test")[-1].startswith(b"OK")
        assert client.ask(f"SETACL Sent {BOB} l")[-1].startswith(b"OK")


def test_acl_of_dovecot_is_used_and_groups_can_be_taken_away(imapd: Running) -> None:
    path = imapd.root / "mail/example.test/alice/Maildir/.Sent/dovecot-acl"
    with imapd.signed_in() as client:
        path.write_text("group=staff lr\n-group-override=x l\nuser=bob@example.test lr :write-seen\n")
        assert client.ask("GETACL Sent")[0] == b"* ACL Sent $staff lr -!$x l bob@example.test lrs" + OWN
        assert client.ask('DELETEACL Sent "$staff"')[-1].startswith(b"OK")
        assert client.ask('DELETEACL Sent "-!$x"')[-1].startswith(b"OK")
        assert path.read_text() == "user=bob@example.test lrs\n"


def test_acl_that_cannot_be_read_is_told_and_left_alone(imapd: Running) -> None:
    path = imapd.root / "mail/example.test/alice/Maildir/.Sent/dovecot-acl"
    with imapd.signed_in() as client:
        path.write_text("anyone lr\nnonsense\n")
        for command in ("GETACL Sent", f"SETACL Sent {BOB} l", "DELETEACL Sent anyone"):
            assert client.ask(command)[-1].startswith(b"NO [CONTACTADMIN]")
        assert client.ask("SELECT Sent")[-1].startswith(b"OK [READ-WRITE]")
        assert path.read_text() == "anyone lr\nnonsense\n"


def test_rights_are_listed_with_folders(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask(f"SETACL Sent {ALICE} lr")
        told = client.ask('LIST "" (INBOX Sent) RETURN (MYRIGHTS)')
        assert [reply for reply in told if b"MYRIGHTS" in reply] == [b"* MYRIGHTS INBOX " + ALL, b"* MYRIGHTS Sent lra"]


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Running]:
    """A site on which nobody shares with all."""
    running = Running(tmp_path, share_with_anyone=False)
    yield running
    running.stop()


@pytest.mark.parametrize("identifier", ["anyone", "authenticated"])
def test_site_that_does_not_allow_it_refuses_rights_for_all(strict: Running, identifier: str) -> None:
    with strict.signed_in() as client:
        assert client.ask(f"SETACL INBOX {identifier} lr")[-1].startswith(b"NO [NOPERM] Rights for all users")
        assert client.ask(f"SETACL INBOX -{identifier} r")[-1].startswith(b"OK")
        assert client.ask(f"DELETEACL INBOX {identifier}")[-1].startswith(b"OK")
