"""malle mailbox, against a running mda and, for accounts elsewhere, a running imapd."""

import contextlib
import imaplib
import io
import mailbox
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mailbox import attributes
from tests.unit.admin.conftest import Malle
from tests.unit.imapd.site import ALICE, PASSWORD
from tests.unit.imapd.site import Running as RunningImapd
from tests.unit.mda.conftest import Running

BOB = "bob@example.test"
MESSAGE = b"From: Ann <ann@world.test>\r\nSubject: %d\r\n\r\nhello\r\n"


@pytest.fixture
def mda(folder: Path, malle: Malle) -> Iterator[Running]:
    """Its mailboxes, directory and socket are where the command line looks."""
    configuration = (folder / "malleposte.yaml").read_text()
    (folder / "mail").mkdir()
    assert malle("init").status == 0
    for address in (ALICE, BOB):
        assert malle("account", "add", address, "--password-stdin", stdin=f"{PASSWORD}\n").status == 0
    running = Running(folder)
    running.start()
    (folder / "malleposte.yaml").write_text(configuration)
    yield running
    running.stop()


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningImapd]:
    """An account at another server."""
    running = RunningImapd(tmp_path_factory.mktemp("elsewhere"))
    yield running
    running.stop()


def sign_in(server: RunningImapd) -> imaplib.IMAP4_SSL:
    session = imaplib.IMAP4_SSL("localhost", server.tls_port, ssl_context=server.client_tls)
    session.login(ALICE, PASSWORD)
    return session


def subjects(path: Path) -> list[str]:
    with contextlib.closing(mailbox.mbox(path)) as box:
        return [str(message["Subject"]) for message in box]


def test_mbox_goes_in_once_and_comes_out_the_same(malle: Malle, mda: Running, tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "in.mbox")
    for number in range(5):
        message = mailbox.mboxMessage(MESSAGE % number)
        message.set_flags("R")
        box.add(message)
    box.close()
    first = malle("mailbox", "import", ALICE, str(tmp_path / "in.mbox"), "--folder", "Old")
    assert (first.status, first.out.splitlines()[-1]) == (0, "Old: 5 messages moved in under new UIDs, 0 were there already")
    again = malle("mailbox", "import", ALICE, str(tmp_path / "in.mbox"), "--folder", "Old")
    assert "0 messages moved in" in again.out and "5 were there already" in again.out
    assert malle("mailbox", "export", ALICE, "--folder", "Old", "-o", str(tmp_path / "out.mbox")).status == 0
    assert subjects(tmp_path / "out.mbox") == ["0", "1", "2", "3", "4"]
    assert "Old" in malle("mailbox", "list", ALICE).out


def test_messages_that_do_not_keep_their_uids_are_counted_apart(malle: Malle, mda: Running, folder: Path) -> None:
    (folder / "old" / "cur").mkdir(parents=True)
    (folder / "old" / "new").mkdir()
    (folder / "old" / "dovecot-uidlist").write_text("3 V1500000000 N44\n7 :1.a\n43 :2.b\n")
    for number, name in enumerate(("cur/1.a:2,", "cur/2.b:2,", "new/3.c")):
        (folder / "old" / name).write_bytes(MESSAGE % number)
    moved = malle("mailbox", "import", ALICE, str(folder / "old"))
    assert moved.out.splitlines()[-1] == "INBOX: 2 messages moved in with their UIDs, 1 under new ones, 0 were there already"


def test_flags_go_out_and_come_in_again_whatever_a_message_says_of_itself(malle: Malle, mda: Running, folder: Path) -> None:
    (folder / "old" / "cur").mkdir(parents=True)
    (folder / "old" / "dovecot-keywords").write_text("0 Work\n")
    claims = b"Status: RO\nX-Status: DAF\nX-Keywords: Junk\n"
    for name in ("1.a:2,", "2.b:2,Sa", "3.c:2,FR"):
        (folder / "old" / "cur" / name).write_bytes(claims + MESSAGE % int(name[0]))
    assert malle("mailbox", "import", ALICE, str(folder / "old")).status == 0
    assert malle("mailbox", "export", ALICE, "-o", str(folder / "out.mbox")).status == 0
    assert malle("mailbox", "import", BOB, str(folder / "out.mbox")).status == 0
    flags = {"1": frozenset[str](), "2": frozenset({"\\Seen", "Work"}), "3": frozenset({"\\Flagged", "\\Answered"})}
    for address in (ALICE, BOB):
        found = mda.folder(address, "INBOX")
        assert {content.partition(b"Subject: ")[2][:1].decode(): words for content, words in found} == flags


def test_backup_is_restored_with_uids_flags_folders_annotations_and_rules(malle: Malle, mda: Running, folder: Path) -> None:
    old = folder / "old"
    (old / "Maildir" / "cur").mkdir(parents=True)
    (old / "Maildir" / "dovecot-uidlist").write_text("3 V1500000000 N44\n7 :1.a\n43 :2.b\n")
    (old / "Maildir" / "dovecot-keywords").write_text("0 Work\n")
    for name in ("1.a:2,Sa", "2.b:2,F"):
        (old / "Maildir" / "cur" / name).write_bytes(MESSAGE % 1)
    (old / "sieve").mkdir()
    (old / "sieve" / "work.sieve").write_text("keep;")
    (old / ".dovecot.sieve").symlink_to("/var/vmail/old/alice/sieve/work.sieve")
    moved = malle("mailbox", "import", ALICE, str(old))
    assert moved.out.splitlines()[-1] == "INBOX: 2 messages moved in with their UIDs, 0 were there already"
    mailboxes = folder / "mail" / "example.test"
    (mailboxes / "alice" / "Maildir" / attributes.NAME).write_text(attributes.form({"/private/comment": b"mine"}))
    assert malle("mailbox", "acl", ALICE, "INBOX", "carol@example.test", "lrs").status == 0
    assert malle("mailbox", "backup", ALICE, "-o", str(old / "alice.tar.gz")).status == 0
    with tarfile.open(old / "alice.tar.gz") as archive:
        assert archive.getmember("Maildir/dovecot-keywords").mtime > 0, "Dovecot passes over one without a time"
    restored = malle("mailbox", "restore", BOB, str(old / "alice.tar.gz"))
    assert "INBOX: 2 messages moved in with their UIDs" in restored.out
    bobs = folder / "mail/example.test/bob"
    assert ((bobs / ".dovecot.sieve").read_text(), (bobs / ".dovecot.sieve").readlink()) == ("keep;", Path("sieve/work.sieve"))
    listed = {line.split()[0]: line.split()[1:] for line in malle("mailbox", "list", BOB).out.splitlines()[1:]}
    assert (listed["INBOX"][0], listed["INBOX"][-2:]) == ("2", ["1500000000", "44"])
    assert malle("mailbox", "list", ALICE, "--json").out == malle("mailbox", "list", BOB, "--json").out
    assert attributes.read(mailboxes / "bob" / "Maildir" / attributes.NAME) == {"/private/comment": b"mine"}
    assert malle("mailbox", "acl", BOB, "INBOX").out.splitlines()[1:] == ["carol@example.test  lrs"]


def test_acl_of_a_folder_is_shown_and_set(malle: Malle, mda: Running, folder: Path) -> None:
    assert malle("mailbox", "list", ALICE).status == 0  # the special folders are there from now on
    for words in (["carol@example.test", "lr"], [BOB, "lrc"], [ALICE, "lrw"], [BOB, ""], ["--", f"-{BOB}", "r"]):
        separator, rest = (words[:1], words[1:]) if words[0] == "--" else ([], words)
        assert malle("mailbox", "acl", *separator, ALICE, "Sent", *rest).status == 0
    shown = malle("mailbox", "acl", ALICE, "Sent").out.splitlines()
    assert [line.split() for line in shown] == [["IDENTIFIER", "RIGHTS"], ["carol@example.test", "lr"], [ALICE, "lrw"], [f"-{BOB}", "r"]]
    path = folder / "mail/example.test/alice/Maildir/.Sent/dovecot-acl"
    assert path.read_text() == f"user=carol@example.test lr\nowner lrw\n-user={BOB} r\n"
    for words in (["bob", "l"], [BOB, "lq"]):
        assert "expected" in malle("mailbox", "acl", ALICE, "Sent", *words).err
    assert "mailbox.share_with_anyone" in malle("mailbox", "acl", ALICE, "Sent", "anyone", "l").err
    told = [(event["stage"], event["recipient"], event["folder"], event["reason"]) for event in mda.events("shared")]
    assert told[:2] == [
        ("malle mailbox acl", ALICE, "Sent", "carol@example.test: none -> lr"),
        ("malle mailbox acl", ALICE, "Sent", f"{BOB}: none -> lrkx"),
    ]
    assert len(told) == 5
    path.write_text("nonsense\n")
    assert "dovecot-acl:1" in malle("mailbox", "acl", ALICE, "Sent").err
    longer = "".join(f"user={number}@example.test c\n" for number in range(10_000, 12_500))  # than it was, with what c stands for
    (path.parents[1] / ".Drafts/dovecot-acl").write_text(longer)
    backup = malle("mailbox", "backup", ALICE, "-o", str(folder / "alice.tar.gz"))
    assert backup.status == 0 and "dovecot-acl:1" in backup.err
    assert [line.split(":")[0] for line in backup.err.splitlines()[:-1]] == ["Drafts", "Sent"]


def test_restore_says_whose_rights_it_leaves_out(malle: Malle, mda: Running, folder: Path) -> None:
    backup = folder / "alice.tar.gz"
    assert malle("mailbox", "acl", ALICE, "INBOX", BOB, "lr").status == 0
    assert malle("mailbox", "backup", ALICE, "-o", str(backup)).status == 0
    assert "rights" not in malle("mailbox", "restore", ALICE, str(backup)).err
    assert malle("mailbox", "acl", ALICE, "INBOX", BOB, "").status == 0
    assert "INBOX: its rights for others were left out" in malle("mailbox", "restore", ALICE, str(backup)).err
    assert malle("mailbox", "acl", ALICE, "INBOX").out.splitlines()[1:] == []


def test_active_script_that_nobody_manages_moves_in_and_is_in_a_backup(malle: Malle, mda: Running, folder: Path) -> None:
    old = folder / "old"
    (old / "Maildir" / "cur").mkdir(parents=True)
    (old / "sieve").mkdir()
    (old / "sieve" / "dovecot.orig.sieve").write_text("stop;")
    (old / ".dovecot.sieve").write_text("keep;")
    assert malle("mailbox", "import", ALICE, str(old)).status == 0
    alices, bobs = (folder / "mail" / "example.test" / name for name in ("alice", "bob"))
    assert (alices / ".dovecot.sieve").read_text() == "keep;"
    (alices / ".dovecot.sieve").unlink()
    (alices / ".dovecot.sieve").write_text("discard;")
    assert malle("mailbox", "backup", ALICE, "-o", str(old / "alice.tar.gz")).status == 0
    assert malle("mailbox", "restore", BOB, str(old / "alice.tar.gz")).status == 0
    assert ((bobs / ".dovecot.sieve").read_text(), (bobs / ".dovecot.sieve").readlink()) == ("discard;", Path("sieve/dovecot.orig.sieve"))


def test_script_that_cannot_be_here_is_told_and_the_mail_moves_in(malle: Malle, mda: Running, folder: Path) -> None:
    old = folder / "old"
    (old / "cur").mkdir(parents=True)
    (old / "cur" / "1.a:2,S").write_bytes(MESSAGE % 1)
    (old / "sieve").mkdir()
    for name in ("a\x7fb", "good", ".hidden"):
        (old / "sieve" / f"{name}.sieve").write_text("keep;")
    (old / "sieve" / "large.sieve").write_text("#" * ((1 << 20) + 1))
    moved = malle("mailbox", "import", ALICE, str(old))
    assert (moved.status, "INBOX: 1 message moved in" in moved.out) == (1, True)
    assert "large.sieve: a script may have 1048576 octets: the script was left out" in moved.err
    assert moved.err.count("the script was left out") == 2
    assert [path.name for path in (folder / "mail/example.test/alice/sieve").glob("*.sieve")] == ["good.sieve"]


def test_archive_of_a_maildir_from_standard_input(malle: Malle, mda: Running) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w|") as tar:
        for path in ("./cur/1.a:2,S", "./.Sent/cur/2.b:2,S", "./.Sent/maildirfolder", "./dovecot.index.log", "../../etc/cur/3.c"):
            member = tarfile.TarInfo(path)
            member.size = len(MESSAGE % 1)
            tar.addfile(member, io.BytesIO(MESSAGE % 1))
    finished = malle("mailbox", "import", ALICE, "-", stdin=archive.getvalue().decode("utf-8", "surrogateescape"))
    assert (finished.status, "no file of a Maildir" in finished.err) == (1, True)
    assert "../../etc" in finished.err


def test_account_elsewhere_is_fetched_with_uids_and_what_came_later(
    malle: Malle, mda: Running, elsewhere: RunningImapd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sign_in(elsewhere) as session:
        session.create("Work.2026")
        for number in range(120):
            session.append("Work.2026", "(\\Seen Urgent)" if number % 2 else "()", '" 3-Feb-2025 10:00:00 +0000"', MESSAGE % number)
        session.select("Work.2026")
        session.uid("STORE", "1:10", "+FLAGS", "(\\Deleted)")
        session.expunge()
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    words = ("mailbox", "import", ALICE, f"imaps://{ALICE.replace('@', '%40')}@localhost:{elsewhere.tls_port}", "--password-file")
    trusted = (*words, str(tmp_path / "password"), "--ca-file", str(elsewhere.root / "ca.pem"))
    first = malle(*trusted)
    assert (first.status, "Work.2026: 110 of 110" in first.err) == (0, True)
    elsewhere.deliver(ALICE, MESSAGE % 999)
    second = malle(*trusted)
    assert "INBOX: 1 of 1" in second.err and "Work.2026: 110 messages, 0 to fetch" in second.err
    listed = {line.split()[0]: line.split()[1:] for line in malle("mailbox", "list", ALICE).out.splitlines()[1:]}
    assert (listed["Work.2026"][0], listed["Work.2026"][1], listed["Work.2026"][-1]) == ("110", "55", "121")
    assert malle("mailbox", "export", ALICE, "--folder", "Work.2026", "-o", str(tmp_path / "out.mbox")).status == 0
    assert subjects(tmp_path / "out.mbox") == [str(number) for number in range(10, 120)]
    assert b"X-Keywords: Urgent" in (tmp_path / "out.mbox").read_bytes()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("imap://nobody", "write imaps://login@host"),
        ("imaps://a:secret@localhost", "a password in the address"),
        ("/nowhere/at.all", "No such file"),
    ],
)
def test_source_that_is_none_is_named(malle: Malle, mda: Running, source: str, words: str) -> None:
    finished = malle("mailbox", "import", ALICE, source)
    assert (finished.status, words in finished.err) == (1, True)


def test_stranger_and_folder_that_is_not_there(malle: Malle, mda: Running) -> None:
    assert "there is no account" in malle("mailbox", "list", "nobody@example.test").err
    assert "there is no folder Nope" in malle("mailbox", "export", ALICE, "--folder", "Nope", "-o", "/dev/null").err


def test_check_says_what_was_different(malle: Malle, mda: Running, folder: Path) -> None:
    assert malle("mailbox", "list", ALICE).status == 0
    (folder / "mail/example.test/alice/Maildir/new/1.stranger").write_bytes(MESSAGE % 1)
    finished = malle("mailbox", "check", "--all")
    assert f"{ALICE}: INBOX: 1 message, 1 were not in the index" in finished.out
    assert f"{ALICE}: INBOX: 1 message, index and files agree" in malle("mailbox", "check", ALICE).out
