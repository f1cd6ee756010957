"""The ACL of a folder: its file, and what it comes to."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from services.kernel.mailbox import acl, names
from services.kernel.mailbox.acl import ALL, ENTRIES, Acl, Right
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.moving import move_in
from services.kernel.mailbox.records import Figures, Origin
from services.kernel.mailbox.trouble import BadAcl, NoSuchFolder, NotForAnyone, TooManyEntries
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, BreakingDisk, Killed, Machine

BOB = "bob@example.test"
CAROL = "carol@example.test"


def written(tmp_path: Path, text: str) -> Acl:
    path = tmp_path / acl.NAME
    path.write_text(text)
    return acl.read(path)


@pytest.mark.parametrize(
    ("text", "bob", "owner"),
    [
        ("", "", "lrwstipekxa"),
        ("anyone lr", "lr", "lrwstipekxa"),
        ("authenticated lr", "lr", "lrwstipekxa"),
        ("anyone lr\nauthenticated lw", "lw", "lrwstipekxa"),
        ("anyone lrw\nuser=bob@example.test l", "l", "lrwstipekxa"),
        ("user=Bob@Example.test lr", "lr", "lrwstipekxa"),
        ("user=bob@example.test lr\nuser=bob@example.test s", "lrs", "lrwstipekxa"),
        ("anyone lrs\n-user=bob@example.test rs", "l", "lrwstipekxa"),
        ("anyone lrs\n-anyone s", "lr", "lrwtipekxa"),
        ("anyone lrs\n-anyone s\n-user=bob@example.test r", "ls", "lrwtipekxa"),
        ("owner lr", "", "lra"),
        ("owner lr\nuser=alice@example.test lw", "", "lwa"),
        ("-owner wla", "", "lrstipekxa"),
        ("group=staff lr\ngroup-override=staff lr", "", "lrwstipekxa"),
        ("user=bob@example.test l :read write-seen", "lrs", "lrwstipekxa"),
        ('"user=bob@example.test" lr\r\n# a comment\n\n', "lr", "lrwstipekxa"),
        ("user=bob@example.test cd", "tekx", "lrwstipekxa"),
        ("user=bob@example.test.evil.test lr\nuser=bob lr", "", "lrwstipekxa"),
    ],
)
def test_rights_are_those_of_the_most_specific_lines(tmp_path: Path, text: str, bob: str, owner: str) -> None:
    found = written(tmp_path, text)
    assert acl.form(found.rights(BOB, is_owner=False)) == bob
    assert acl.form(found.rights(ADDRESS, is_owner=True)) == owner


@pytest.mark.parametrize(
    "text",
    ["user=bob lq", "user=bob lr\nnobody lr", "user= lr", '"user=bob lr', "user=bob l r", "user=bob l :every", "user=b\x01b l", "#" * 70_000],
)
def test_file_that_cannot_be_read_says_where(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadAcl, match=acl.NAME):
        written(tmp_path, text)


def test_file_with_other_bytes_than_utf8_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / acl.NAME).write_bytes(b"user=b\xffb lr\n")
    with pytest.raises(BadAcl, match=":1"):
        acl.read(tmp_path / acl.NAME)


def test_what_is_no_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / acl.NAME).mkdir()
    with pytest.raises(BadAcl, match=acl.NAME):
        acl.read(tmp_path / acl.NAME)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    names = ("user=bob@example.test", '-user="b o\\b"@example.test', "owner", "anyone", "-authenticated", "user=büb@example.test", "#user=x")
    before = Acl({name: frozenset({Right.READ, Right.ADMIN}) for name in names if acl.is_identifier(name)})
    assert len(before.entries) == 6
    assert written(tmp_path, before.text()) == before


def test_old_rights_are_told_beside_those_they_became() -> None:
    assert acl.told(ALL) == "lrwstipekxacd"
    assert acl.told(acl.parse("lk")) == "lkc"
    assert acl.told(acl.parse("ce")) == "ekxcd"


def test_entries_are_bounded() -> None:
    found = Acl()
    for number in range(ENTRIES):
        found = found.changed(f"user=u{number}@example.test", ALL)
    with pytest.raises(TooManyEntries):
        found.changed("anyone", ALL)
    assert len(found.changed("user=u0@example.test", acl.NONE).entries) == ENTRIES - 1


def test_acl_that_could_not_be_read_again_is_not_written(machine: Machine, alice: UserMail) -> None:
    lines = [f"user={number:0250}@{'x' * 58}.test lrwstipekxa\n" for number in range(acl.FILE_BYTES // 332)]
    (machine.maildir / "dovecot-acl").write_text("".join(lines))
    with pytest.raises(TooManyEntries, match="bytes"):
        give(alice, "INBOX", f"user={'a' * 250}@{'x' * 58}.test", "lrwstipekxa")
    assert len(alice.acl("INBOX").entries) == len(lines) < ENTRIES


# In a mailbox.


def give(user: UserMail, folder: str, identifier: str, letters: str) -> None:
    user.change_acl(folder, identifier, lambda _: acl.parse(letters))


def test_acl_is_kept_as_dovecot_keeps_it(machine: Machine, alice: UserMail) -> None:
    alice.create("Work")
    give(alice, "Work", f"user={BOB}", "lr")
    give(alice, "inbox", "anyone", "l")
    assert (machine.maildir / ".Work/dovecot-acl").read_text() == f"user={BOB} lr\n"
    assert (machine.maildir / "dovecot-acl").read_text() == "anyone l\n"
    assert machine.process().user(ADDRESS).rights("Work", BOB) == acl.parse("lr")
    assert alice.rights("INBOX", BOB) == acl.parse("l") and alice.rights("INBOX", ADDRESS) == ALL


def test_file_that_cannot_be_read_gives_nobody_a_right_and_stays(machine: Machine, alice: UserMail) -> None:
    (machine.maildir / "dovecot-acl").write_text("anyone lr\nuser=bob nonsense\n")
    assert alice.rights("INBOX", BOB) == acl.NONE and alice.rights("INBOX", ADDRESS) == ALL
    with pytest.raises(BadAcl, match="dovecot-acl:2"):
        give(alice, "INBOX", "anyone", "l")
    assert "nonsense" in (machine.maildir / "dovecot-acl").read_text()


@pytest.mark.parametrize("identifier", ["anyone", "authenticated"])
def test_rights_for_all_are_given_only_where_the_site_allows_it(machine: Machine, alice: UserMail, identifier: str) -> None:
    give(alice, "INBOX", identifier, "lr")
    strict = machine.process(share_with_anyone=False).user(ADDRESS)
    with pytest.raises(NotForAnyone, match="share_with_anyone"):
        give(strict, "INBOX", identifier, "lrs")
    assert strict.rights("INBOX", BOB) == acl.parse("lr"), "what was given counts"
    give(strict, "INBOX", f"-{identifier}", "r")
    give(strict, "INBOX", identifier, "l")
    give(strict, "INBOX", identifier, "")
    with pytest.raises(NotForAnyone):
        give(strict, "INBOX", identifier, "l")


@pytest.mark.parametrize("name", ["None", "../alice", "..", ".", "a/b", "Work/../..", ""])
def test_no_acl_is_beyond_a_folder(alice: UserMail, name: str) -> None:
    for ask in (alice.acl, lambda name: alice.rights(name, BOB), lambda name: give(alice, name, "anyone", "l")):
        with pytest.raises(NoSuchFolder):
            ask(name)


def test_new_folder_has_the_acl_of_the_one_above(alice: UserMail) -> None:
    alice.create("Work")
    give(alice, "Work", f"user={BOB}", "lr")
    alice.create("Work.2026.May")
    alice.create("Other")
    assert alice.rights("Work.2026.May", BOB) == acl.parse("lr")
    assert alice.rights("Other", BOB) == acl.NONE


def test_acl_goes_with_the_folder(alice: UserMail) -> None:
    alice.create("Work")
    give(alice, "Work", f"user={BOB}", "lr")
    alice.rename("Work", "Play")
    alice.create("Work")
    assert (alice.rights("Play", BOB), alice.rights("Work", BOB)) == (acl.parse("lr"), acl.NONE)


def test_folder_that_is_renamed_meanwhile_is_surveyed_under_its_new_name(machine: Machine, alice: UserMail, monkeypatch: pytest.MonkeyPatch) -> None:
    survey = UserMail.survey

    def survey_before_rename(user: UserMail) -> dict[str, Figures]:
        found = survey(user)
        alice.rename("Work", "Play")
        return found

    alice.create("Work")
    give(alice, "Work", f"user={BOB}", "lr")
    monkeypatch.setattr(UserMail, "survey", survey_before_rename)
    found = machine.process().user(ADDRESS).survey_for(BOB)
    assert {name: acl.form(rights) for name, (_, rights) in found.items()} == {"INBOX": "", "Play": "lr"}


def test_crash_leaves_the_old_acl_or_the_new_one(machine: Machine, alice: UserMail) -> None:
    give(alice, "INBOX", "anyone", "l")
    for step in range(5):
        disk = BreakingDisk()
        user = machine.process(disk).user(ADDRESS)
        disk.dies_at = disk.steps + step
        with contextlib.suppress(Killed):
            give(user, "INBOX", "anyone", "lr")
        assert acl.form(alice.rights("INBOX", BOB)) in ("l", "lr")
    assert acl.form(alice.rights("INBOX", BOB)) == "lr"


def put_tree(machine: Machine, **texts: str) -> Path:
    """A tree of empty folders with these ACLs."""
    tree = machine.maildir / "tmp/moving-x"
    for name, text in texts.items():
        directory = tree / names.directory(name)
        for part in ("cur", "new", "tmp"):
            os.makedirs(directory / part, exist_ok=True)
        (directory / acl.NAME).write_text(text)
    return tree


def test_acl_moves_in_with_a_tree_as_a_whole(machine: Machine, alice: UserMail) -> None:
    alice.folders()
    moved = move_in(alice, put_tree(machine, INBOX=f"user={BOB} lr\n", Sent=f"user={BOB} l\n", Work=f"anyone lr\nuser={BOB}\n", Bad="nonsense\n"))
    assert [acl.form(alice.rights(name, BOB)) for name in ("INBOX", "Sent", "Work", "Bad")] == ["lr", "l", "", ""]
    assert alice.rights("Work", CAROL) == acl.parse("lr")
    assert machine.process().shares.has(ADDRESS, BOB)
    assert [folder.folder for folder in moved.folders if folder.lost_acl] == ["Bad"]


@pytest.mark.parametrize("before", ["", f"user={CAROL} l\n"])
def test_rights_that_were_taken_away_do_not_move_in_again(machine: Machine, alice: UserMail, before: str) -> None:
    alice.create("Work")
    give(alice, "Work", f"user={BOB}", "lr")
    give(alice, "Work", f"user={BOB}", "")
    (machine.maildir / ".Work/dovecot-acl").write_text(before)
    moved = move_in(alice, put_tree(machine, Work=f"user={BOB} lr\n"))
    assert alice.rights("Work", BOB) == acl.NONE and moved.folders[0].lost_acl == "the folder was here with other rights"
    assert (machine.maildir / ".Work/dovecot-acl").read_text() == before


def test_folder_that_its_owner_made_anew_takes_no_rights(machine: Machine, alice: UserMail) -> None:
    alice.create("Work")
    moved = move_in(alice, put_tree(machine, Work=f"user={BOB} lr\n"))
    assert alice.rights("Work", BOB) == acl.NONE and moved.folders[0].lost_acl


def test_folder_with_mail_that_was_never_shared_takes_no_rights(machine: Machine, alice: UserMail, draft: Callable[[bytes], Draft]) -> None:
    alice.folder("INBOX").append(draft(b"x\r\n"), Origin())
    moved = move_in(alice, put_tree(machine, INBOX=f"user={BOB} lr\n"))
    assert alice.rights("INBOX", BOB) == acl.NONE and moved.folders[0].lost_acl


@pytest.mark.parametrize("sign", ["", "-"])
def test_lines_for_the_owners_address_are_those_of_owner(machine: Machine, alice: UserMail, sign: str) -> None:
    (machine.maildir / "dovecot-acl").write_text(f"{sign}user={ADDRESS} r\n")
    assert alice.acl("INBOX").entries == {f"{sign}owner": acl.parse("r")}
    give(alice, "INBOX", f"{sign}owner", "")
    assert alice.rights("INBOX", ADDRESS) == ALL
