from pathlib import Path

import pytest

from services.kernel.mail.outcome import Bounced, Deferred, Remote
from services.kernel.mail.reply import Reply
from services.kernel.mail.transcript import Transcript
from services.kernel.spool.format import Corrupt, Status, Unfinished
from services.kernel.spool.history import DIALOGUES_BYTES, Attempt, last_words
from services.kernel.spool.reader import open_content
from services.kernel.spool.store import QueueLocked, QueueStore, State
from tests.unit.kernel.spool.messages import ARRIVED, CONTENT, envelope, make_volume, name, put, recipients

REFUSED = Bounced(Reply(550, "5.1.1", "no such user"), Remote("mx.world.test"))
BUSY = Deferred(Reply(450, "4.2.1", "busy"), Remote("mx.world.test"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


@pytest.fixture
def store(root: Path) -> QueueStore:
    return QueueStore(root)


def activate(root: Path, store: QueueStore, *addresses: str) -> str:
    queue_id = put(root, envelope(), recipients(*addresses))
    store.move(queue_id, State.INCOMING, State.ACTIVE)
    return queue_id


def test_second_qmgr_is_kept_out(root: Path, store: QueueStore) -> None:
    store.lock()
    with pytest.raises(QueueLocked):
        QueueStore(root).lock()


def test_volume_is_free_again_after_unlock(root: Path, store: QueueStore) -> None:
    store.lock()
    store.unlock()
    QueueStore(root).lock()


def test_message_is_found_where_it_was_moved(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    assert store.find(queue_id) is State.ACTIVE


def test_what_is_no_queue_id_is_never_found(root: Path, store: QueueStore) -> None:
    assert store.find("../lock") is None


def test_marks_are_read_back(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store, "a@b.test", "c@d.test")
    store.mark(queue_id, bytes([Status.DELIVERED, Status.PENDING]))
    assert list(store.load(State.ACTIVE, queue_id).statuses) == [Status.DELIVERED, Status.PENDING]


def test_table_longer_than_the_first_read_is_loaded(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store, *(f"user{number}@world.test" for number in range(1000)))
    assert len(store.load(State.ACTIVE, queue_id).recipients) == 1000


def test_deferred_message_is_listed_with_the_time_of_its_next_attempt(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    store.defer(queue_id, ARRIVED + 300)
    assert list(store.deferred()) == [(queue_id, ARRIVED + 300)]


def test_deferred_message_without_a_history_is_due_at_once(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    store.move(queue_id, State.ACTIVE, State.DEFERRED)
    assert list(store.deferred()) == [(queue_id, 0.0)]


def test_removed_message_leaves_no_history(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    store.add_history(queue_id, [Attempt(1.0, [0], BUSY)])
    store.remove(queue_id, State.ACTIVE)
    assert list((root / "history").iterdir()) == []


def test_sweep_removes_histories_without_a_message_only(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    for known in (queue_id, name(77)):
        store.add_history(known, [Attempt(1.0, [0], BUSY)])
    store.sweep(store.strays())
    assert [path.name for path in (root / "history").iterdir()] == [queue_id]


def test_message_that_has_moved_keeps_its_history(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    store.add_history(queue_id, [Attempt(1.0, [0], BUSY)])
    store.sweep([queue_id])
    assert len(store.read_history(queue_id)) == 1


def test_history_that_went_with_its_message_since_is_no_trouble(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    store.add_history(queue_id, [Attempt(1.0, [0], BUSY)])
    store.remove(queue_id, State.ACTIVE)
    store.sweep([queue_id])
    assert store.strays() == []


def test_last_words_about_a_recipient_survive_a_torn_line(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    store.add_history(queue_id, [Attempt(1.0, [0, 1], BUSY), Attempt(2.0, [1], REFUSED)])
    with (root / "history" / queue_id).open("ab") as file:
        file.write(b'{"time":3.0,"numb')
    words = last_words(store.read_history(queue_id))
    assert (words[0].outcome, words[1].outcome) == (BUSY, REFUSED)


def test_expiry_does_not_hide_what_the_next_hop_said(root: Path, store: QueueStore) -> None:
    words = last_words([Attempt(1.0, [0], BUSY), Attempt(2.0, [0, 1], REFUSED, is_expiry=True)])
    assert (words[0].outcome, words[1].outcome) == (BUSY, REFUSED)


def test_scan_leaves_a_file_alone_that_was_just_written(root: Path, store: QueueStore) -> None:
    queue_id = put(root, envelope(), recipients())
    written = (root / "incoming" / queue_id).stat().st_mtime
    assert store.settled(written) == []
    assert [entry.name for entry in store.settled(written + 5)] == [queue_id]


def test_relay_reads_the_content_of_an_active_message(root: Path, store: QueueStore) -> None:
    queue_id = activate(root, store)
    content = open_content(root, queue_id)
    with open(content.fd, "rb") as file:
        file.seek(content.offset)
        assert file.read() == CONTENT
    assert content.size == len(CONTENT)


def test_relay_does_not_find_what_is_not_active(root: Path) -> None:
    queue_id = put(root, envelope(), recipients())
    with pytest.raises(FileNotFoundError):
        open_content(root, queue_id)


@pytest.mark.parametrize("damage", [b"", b"junk"])
def test_relay_refuses_a_damaged_file(root: Path, store: QueueStore, damage: bytes) -> None:
    queue_id = activate(root, store)
    (root / "active" / queue_id).write_bytes(damage)
    with pytest.raises(Corrupt):
        open_content(root, queue_id)


def test_relay_refuses_a_name_that_is_no_queue_id(root: Path) -> None:
    with pytest.raises(Corrupt):
        open_content(root, "../lock")


def test_empty_file_is_unfinished(root: Path, store: QueueStore) -> None:
    (root / "incoming" / name(1)).touch()
    with pytest.raises(Unfinished):
        store.load(State.INCOMING, name(1))


def said(number: int) -> Attempt:
    return Attempt(float(number), [0], BUSY, "smtp:d.test", transcripts=[Transcript("mx", ["C: " + "x" * 1000, f"S: 450 {number}"])])


def test_newest_dialogues_are_kept_within_a_bound(root: Path, store: QueueStore) -> None:
    queue_id = put(root, envelope(), recipients())
    for number in range(200):
        store.add_history(queue_id, [said(number)])
    found = store.read_dialogues(queue_id)
    assert (found[-1].time, found[-1].server, found[-1].lines[1]) == (199.0, "mx", "S: 450 199")
    assert len(found) >= 20
    assert sum(path.stat().st_size for path in (root / "history").glob("*.dialogues")) <= 3 * DIALOGUES_BYTES
    assert [attempt.transcripts for attempt in store.read_history(queue_id)] == [[]] * 200


def test_dialogues_go_with_their_message(root: Path, store: QueueStore) -> None:
    queue_id = put(root, envelope(), recipients())
    store.add_history(queue_id, [said(1)])
    store.sweep(store.strays())
    assert len(list((root / "history").iterdir())) == 2
    store.remove(queue_id, State.INCOMING)
    assert list((root / "history").iterdir()) == []


def test_dialogues_without_a_message_are_swept(root: Path, store: QueueStore) -> None:
    store.add_history(name(7), [said(1)])
    store.sweep(store.strays())
    assert list((root / "history").iterdir()) == []
