"""The mailbox store against a model of dictionaries: flags, UIDs, modseqs, the feed of changes, and what a lost index brings back."""

import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.kernel.mailbox import filename, names
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import FlagChange, FlagWord, Origin
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import BadFolderName

FOLDERS = ("INBOX", "Work")
FLAGS = ("\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "Mine", "$Forwarded")
flag_sets = st.frozensets(st.sampled_from(FLAGS), max_size=3)
uid_sets = st.frozensets(st.integers(1, 12), max_size=5)
folder_names = st.sampled_from(FOLDERS)


class View:
    """A client's picture of a folder, kept by the feed of changes alone."""

    def __init__(self) -> None:
        self.modseq = 0
        self.messages: dict[int, frozenset[str]] = {}

    def update(self, folder: Folder) -> None:
        changes = folder.changes(self.modseq)
        vanished = changes.vanished if changes.vanished is not None else set(self.messages).difference(folder.uids())
        for uid in vanished:
            self.messages.pop(uid, None)
        self.messages.update({message.uid: message.flags for message in changes.changed})
        assert changes.status.highestmodseq >= self.modseq
        assert all(message.modseq <= changes.status.highestmodseq for message in changes.changed)
        self.modseq = changes.status.highestmodseq


class Mailbox(RuleBasedStateMachine):
    """Two processes work on one mailbox by turns; the model says what both must see."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.stores = [MailStore(MailboxSettings(root=Path(self.place.name))) for _ in range(2)]
        self.model: dict[str, dict[int, tuple[frozenset[str], bytes]]] = {name: {} for name in FOLDERS}
        self.highest = dict.fromkeys(FOLDERS, 0)
        self.views = {name: View() for name in FOLDERS}
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.stores[0].user("a@b.test").create("Work")

    def folder(self, name: str) -> Folder:
        self.stores.reverse()
        return self.stores[0].user("a@b.test").folder(name)

    def learn(self, name: str, uid: int, flags: frozenset[str], content: bytes) -> None:
        assert uid > self.highest[name]
        self.highest[name] = uid
        self.model[name][uid] = (flags, content)

    @rule(name=folder_names, flags=flag_sets)
    def append(self, name: str, flags: frozenset[str]) -> None:
        self.count += 1
        draft = self.stores[0].draft()
        draft.write(f"Subject: {self.count}\r\n\r\n".encode())
        appended = self.folder(name).append(draft, Origin(flags))
        self.learn(name, appended.uid, flags, f"Subject: {self.count}\r\n\r\n".encode())

    @rule(name=folder_names, uids=uid_sets, word=st.sampled_from(FlagWord), flags=flag_sets)
    def store_flags(self, name: str, uids: frozenset[int], word: FlagWord, flags: frozenset[str]) -> None:
        stored = self.folder(name).store_flags(uids, FlagChange(word, flags))
        mailbox = self.model[name]
        for uid in uids.intersection(mailbox):
            before, content = mailbox[uid]
            after = {FlagWord.ADD: before | flags, FlagWord.REMOVE: before - flags, FlagWord.REPLACE: flags}[word]
            mailbox[uid] = (after, content)
        assert {message.uid: message.flags for message in stored.messages} == {uid: mailbox[uid][0] for uid in uids.intersection(mailbox)}

    @rule(name=folder_names, uids=st.none() | uid_sets)
    def expunge(self, name: str, uids: frozenset[int] | None) -> None:
        mailbox = self.model[name]
        expected = [uid for uid in sorted(mailbox) if "\\Deleted" in mailbox[uid][0] and (uids is None or uid in uids)]
        assert self.folder(name).expunge(uids) == expected
        for uid in expected:
            del mailbox[uid]

    @rule(source=folder_names, goal=folder_names, uids=uid_sets, moves=st.booleans())
    def copy_or_move(self, source: str, goal: str, uids: frozenset[int], moves: bool) -> None:
        origin, into = self.folder(source), self.stores[0].user("a@b.test").folder(goal)
        pairs = (origin.move if moves else origin.copy)(uids, into).uids
        assert [old for old, _ in pairs] == sorted(uids.intersection(self.model[source]))
        for old, new in pairs:
            flags, content = self.model[source].pop(old) if moves else self.model[source][old]
            self.learn(goal, new, flags, content)

    @rule(name=folder_names)
    def look(self, name: str) -> None:
        self.views[name].update(self.folder(name))

    @rule()
    def lose_the_index(self) -> None:
        (path,) = Path(self.place.name).rglob("malleposte.index")
        path.unlink()

    @invariant()
    def store_and_model_agree(self) -> None:
        for name in FOLDERS:
            folder = self.folder(name)
            messages = folder.messages()
            assert {message.uid: message.flags for message in messages} == {uid: flags for uid, (flags, _) in self.model[name].items()}
            assert all(folder.content(uid) == content for uid, (_, content) in self.model[name].items())
            status = folder.status()
            assert (status.messages, status.uidnext > self.highest[name]) == (len(messages), True)
            assert status.unseen == sum("\\Seen" not in message.flags for message in messages)

    @invariant()
    def view_that_catches_up_is_right(self) -> None:
        for name in FOLDERS:
            view = View()
            view.modseq, view.messages = self.views[name].modseq, dict(self.views[name].messages)
            view.update(self.folder(name))
            assert view.messages == {uid: flags for uid, (flags, _) in self.model[name].items()}

    @invariant()
    def folder_that_is_opened_again_is_seen_as_it_is(self) -> None:
        folder = self.folder(FOLDERS[0])
        columns = folder.snapshot(0).messages
        assert [columns.message(place) for place in range(len(columns))] == folder.messages()

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.place.cleanup()


TestMailbox = Mailbox.TestCase
TestMailbox.settings = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(st.text())
def test_name_that_may_be_a_folder_has_a_directory_that_leads_back(text: str) -> None:
    try:
        name = names.check(text)
    except BadFolderName:
        return
    if name != names.INBOX:
        directory = names.directory(name)
        assert names.from_directory(directory) == name
        assert "/" not in directory and len(directory.encode()) < 255


@given(st.text())
def test_any_text_is_modified_utf7_or_refused(text: str) -> None:
    try:
        name = names.decode(text)
    except ValueError:
        return
    assert names.encode(name) == text


@given(st.text(alphabet=st.characters(exclude_characters="/\0")))
def test_any_file_name_is_read(text: str) -> None:
    found = filename.parse(text)
    adopted = filename.parse(filename.adopt(found, 10, 11, 7))
    assert (adopted.size, adopted.served, adopted.uid) == (10, 11, 7)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\r\n", b"\n\r", b"\r\r\n"]), max_size=20))
def test_content_in_any_blocks_counts_the_same_bare_line_feeds(blocks: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        draft = Draft(Path(place))
        for block in blocks:
            draft.write(block)
    content = b"".join(blocks)
    assert draft.bare_lf == len(re.findall(rb"(?<!\r)\n", content))
