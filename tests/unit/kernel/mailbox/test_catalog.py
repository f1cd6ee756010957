"""The catalogue gives back what it was given, for as long as the message is there."""

from collections.abc import Callable

import pytest

from services.kernel.mailbox.catalog.records import FIELDS, MOST_CHARACTERS, MOST_FIELD_CHARACTERS, Heading, Words
from services.kernel.mailbox.catalog.shelf import Candidates, Hits
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Origin
from services.kernel.mailbox.trouble import MailboxTrouble
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, Machine

MakeDraft = Callable[[bytes], Draft]
EVERY = range(1, 10)


def heading(subject: str | None = "PLAN", sent: int | None = 1000, day: int | None = 5) -> Heading:
    fields = tuple(subject if name == "subject" else None for name in FIELDS)
    return Heading(sent, day, subject or "", False, "ANN", "BOB", "", "ANN LEE", "BOB@B", bytes(8), fields)


def hits(*uids: int, known: tuple[int, ...]) -> Hits:
    return Hits(frozenset(uids), frozenset(known))


def texts_with(folder: Folder, text: str, *, in_header: bool = True) -> set[int]:
    """The messages whose words hold a text: what the index says, confirmed."""
    shelf = folder.shelf()
    found = shelf.candidates(text, EVERY)
    return set(shelf.confirm(text, found.fitting, in_header=in_header, in_body=True).fitting)


def test_fields_and_dates_are_found(inbox: Folder) -> None:
    shelf = inbox.shelf()
    shelf.keep({1: heading(), 2: heading(None, None, None), 3: heading("A PLANE", 2000, 7)}, {})
    assert shelf.with_field("subject", "PLAN", EVERY) == hits(1, 3, known=(1, 2, 3))
    assert shelf.with_field("subject", "LANE", (1, 3, 4)) == hits(3, known=(1, 3))
    assert shelf.with_field("subject", "", EVERY) == hits(1, 3, known=(1, 2, 3))
    assert shelf.sent_between(5, 6, EVERY) == hits(1, known=(1, 2, 3))
    assert {uid: facts.sent for uid, facts in shelf.sort_facts(EVERY).items()} == {1: 1000, 2: None, 3: 2000}


def test_folder_that_nothing_is_known_of(inbox: Folder) -> None:
    shelf = inbox.shelf()
    assert shelf.with_field("to", "X", EVERY) == shelf.sent_between(1, 2, EVERY) == Hits()
    assert shelf.candidates("ABC", EVERY) == Candidates()
    assert (shelf.headings(), shelf.words(), shelf.sort_facts(EVERY)) == (frozenset(), frozenset(), {})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ABCD", {1}),
        ("ABC", {1, 2}),
        ("BC", {1, 2}),
        ("D", {1, 2}),
        ("Z", {2}),
        ("ABD", set()),
        ('"', {2}),
        ("東京", {3}),
        ("京", {3}),
        ("SUBJECT", {1, 2}),
        ("Q", set()),
        ("", {1, 2, 3}),
    ],
)
def test_words_are_found_in_part(inbox: Folder, text: str, found: set[int]) -> None:
    inbox.shelf().keep({}, {1: Words("SUBJECT: X", "ABCD"), 2: Words("SUBJECT: Y", 'BCD" ABC ABZ'), 3: Words("", "東京")})
    assert texts_with(inbox, text) == found


def test_long_text_holds_all_that_is_looked_for(inbox: Folder) -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 500)))
    inbox.shelf().keep({}, {1: Words("", "x" + text), 2: Words("", text[:-1])})
    assert texts_with(inbox, text) == {1}


def test_index_narrows_down(inbox: Folder) -> None:
    shelf = inbox.shelf()
    shelf.keep({}, {1: Words("HEAD", "BODY"), 2: Words("BODY", ""), 3: Words("", "HEAD")})
    assert shelf.candidates("BODY", EVERY) == Candidates(frozenset({1, 2}), frozenset({1, 2, 3}))
    assert shelf.candidates("NONE", EVERY).fitting == set()
    assert shelf.confirm("BODY", (1, 2), in_header=False, in_body=True) == hits(1, known=(1, 2))


def test_message_of_which_a_part_is_kept_is_known_only_where_that_suffices(inbox: Folder) -> None:
    shelf = inbox.shelf()
    shelf.keep({}, {1: Words("", "START" + "x" * MOST_CHARACTERS + "END")})
    assert shelf.candidates("END", EVERY).fitting == {1}
    assert shelf.confirm("END", (1,), in_header=True, in_body=True) == Hits()
    assert shelf.confirm("START", (1,), in_header=True, in_body=True) == hits(1, known=(1,))


def test_heading_with_a_field_beyond_all_measure_is_not_kept(inbox: Folder) -> None:
    inbox.shelf().keep({1: heading("x" * (MOST_FIELD_CHARACTERS + 1))}, {})
    assert inbox.shelf().headings() == set()


def test_what_is_known_stays(inbox: Folder) -> None:
    shelf = inbox.shelf()
    shelf.keep({1: heading("ONE")}, {1: Words("", "FIRST")})
    shelf.keep({1: heading("TWO")}, {1: Words("", "SECOND")})
    assert shelf.with_field("subject", "ONE", EVERY).fitting == {1}
    assert (texts_with(inbox, "FIRST"), texts_with(inbox, "SECOND")) == ({1}, set())


def test_forgotten_message_leaves_nothing_behind(inbox: Folder) -> None:
    shelf = inbox.shelf()
    shelf.keep({1: heading(), 2: heading()}, {1: Words("SECRET", "SECRET"), 2: Words("OTHER", "OTHER")})
    shelf.forget([1])
    assert shelf.headings() == shelf.words() == {2}
    assert [texts_with(inbox, text) for text in ("SECRET", "OTHER")] == [set(), {2}]
    shelf.keep({}, {1: Words("SECOND", "SECOND")})
    assert (texts_with(inbox, "SECRET"), texts_with(inbox, "SEC")) == (set(), {1})


def test_folders_are_told_apart_and_may_be_renamed(alice: UserMail) -> None:
    for name in ("A", "B"):
        alice.create(name)
        alice.folder(name).shelf().keep({1: heading(name)}, {1: Words("", f"WORDS OF {name}")})
    alice.rename("A", "C")
    assert texts_with(alice.folder("C"), "WORDS OF A") == {1}
    assert texts_with(alice.folder("B"), "WORDS OF A") == set()


def test_folder_made_anew_knows_nothing_of_the_old_one(alice: UserMail) -> None:
    alice.create("A")
    alice.folder("A").shelf().keep({1: heading()}, {1: Words("", "OLD")})
    alice.delete("A")
    alice.create("A")
    assert alice.folder("A").shelf().headings() == set()
    assert texts_with(alice.folder("A"), "OLD") == set()


def test_folders_that_are_gone_are_cleared_in_steps(alice: UserMail) -> None:
    for name in ("A", "B"):
        alice.create(name)
        alice.folder(name).shelf().keep({uid: heading() for uid in EVERY}, {uid: Words("", "TEXT") for uid in EVERY})
    alice.delete("A")
    steps = 0
    while not alice.tidy_catalog(4):
        steps += 1
    assert steps == 4  # 4 + 4 + 1 messages, then the folder
    assert texts_with(alice.folder("B"), "TEXT") == set(EVERY)


def test_catalogue_of_a_lost_index_is_begun_anew(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(b"a: b\r\n\r\n"), Origin())
    inbox.shelf().keep({1: heading()}, {1: Words("", "TEXT")})
    (machine.maildir / "malleposte.index").unlink()
    inbox.status()
    assert inbox.shelf().headings() == set()
    assert texts_with(inbox, "TEXT") == set()
    inbox.shelf().keep({1: heading()}, {1: Words("", "TEXT")})
    assert texts_with(inbox, "TEXT") == {1}


@pytest.mark.parametrize("damage", [b"no database" * 1000, b"SQLite format 3\0" + bytes(4096)])
def test_damaged_catalogue_is_begun_anew(machine: Machine, inbox: Folder, damage: bytes) -> None:
    inbox.shelf().keep({1: heading()}, {})
    machine.close()
    for suffix in ("-wal", "-shm"):
        (machine.maildir / f"malleposte.catalog{suffix}").unlink(missing_ok=True)
    (machine.maildir / "malleposte.catalog").write_bytes(damage)
    again = machine.process().user(ADDRESS).folder("INBOX")
    with pytest.raises(MailboxTrouble):
        again.shelf().headings()
    assert again.shelf().headings() == set()


def test_catalogue_of_another_version_is_begun_anew(machine: Machine, inbox: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.shelf().keep({1: heading()}, {1: Words("", "TEXT")})
    machine.close()
    monkeypatch.setattr("services.kernel.mailbox.catalog.file.VERSION", 99)
    again = machine.process().user(ADDRESS).folder("INBOX")
    with pytest.raises(MailboxTrouble):
        again.shelf().headings()
    monkeypatch.undo()
    assert again.shelf().headings() == set()
    assert texts_with(again, "TEXT") == set()


def test_two_processes_share_it(machine: Machine, inbox: Folder) -> None:
    other = machine.process().user(ADDRESS).folder("INBOX")
    inbox.shelf().keep({1: heading()}, {1: Words("", "TEXT")})
    other.shelf().keep({1: heading(), 2: heading()}, {1: Words("", "TEXT"), 2: Words("", "TEXT")})
    assert texts_with(inbox, "TEXT") == {1, 2}
    inbox.shelf().forget([1])
    assert texts_with(other, "TEXT") == {2}
