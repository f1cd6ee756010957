"""One mbox file: locks in both directions, what is refused, and that it is as before when something goes wrong."""

import contextlib
import errno
import mailbox
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.trouble import MailboxTrouble, OverQuota
from services.mda.mbox.file import Held, Mbox, Spoilt, opened

FIRST = b"From a@b.test Tue Nov 14 22:13:20 2023\nSubject: first\n\nbody\n\n"
SECOND = b"From c@d.test Tue Nov 14 22:13:21 2023\nSubject: second\n\nbody\n\n"


class FullDisk(Disk):
    """Takes half of a write and then no more."""

    def write(self, file: int, blocks: list[bytes]) -> None:
        if data := b"".join(blocks):
            os.write(file, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")


class BrokenDisk(Disk):
    """Has lost what it was to sync."""

    def sync(self, file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")


class HalfBrokenDisk(Disk):
    """Syncs files, and no directory."""

    def sync_directory(self, path: str | Path, *, whole: bool = False) -> None:
        raise OSError(errno.EIO, "Input/output error")


def box_at(
    path: Path, disk: Disk | None = None, clock: Callable[[], float] = time.time, tell: Callable[[str], None] = print
) -> contextlib.AbstractContextManager[Mbox]:
    return opened(path, disk or Disk(), 500, clock, tell)


def append(path: Path, *messages: bytes, disk: Disk | None = None) -> None:
    with box_at(path, disk) as box:
        for message in messages:
            box.add([message], 0)


def append_twice(path: Path, between: Callable[[], object]) -> None:
    with box_at(path) as box:
        box.add([SECOND], 0)
        between()
        box.add([SECOND], 0)


def subjects(path: Path) -> list[str]:
    with contextlib.closing(mailbox.mbox(path, create=False)) as found:
        return [message["Subject"] for message in found]


@contextlib.contextmanager
def another_program(source: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Python in a process of its own that ran ``source`` and waits."""
    script = f"import fcntl, os, sys; path = sys.argv[1]\n{source}\nprint(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        yield process
        process.stdin.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    append(tmp_path / "mbox", FIRST)
    return tmp_path / "mbox"


def test_new_file_is_for_its_owner_alone_and_no_lock_stays(path: Path) -> None:
    append(path, SECOND)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == FIRST + SECOND
    assert [entry.name for entry in path.parent.iterdir()] == ["mbox"]


@pytest.mark.parametrize(
    "lock",
    ["file = open(path, 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX)", "file = open(path, 'rb'); fcntl.lockf(file, fcntl.LOCK_SH)"],
)
def test_lock_of_the_kernel_that_another_program_has_is_respected(path: Path, lock: str) -> None:
    with another_program(lock, path):
        with pytest.raises(Held, match="locked by another program"):
            append(path, SECOND)
        assert not path.with_name("mbox.lock").exists()
    append(path, SECOND)
    assert subjects(path) == ["first", "second"]


def test_dot_lock_that_another_program_has_is_respected(path: Path) -> None:
    lock = path.with_name("mbox.lock")
    lock.touch()
    with pytest.raises(Held, match=r"mbox\.lock is there"):
        append(path, SECOND)
    assert lock.exists() and path.read_bytes() == FIRST
    lock.unlink()
    append(path, SECOND)


def test_both_locks_keep_other_programs_out(path: Path) -> None:
    attempt = "file = open(path, 'r+b')\ntry: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\nexcept OSError: os.write(2, b'held')"
    command = [sys.executable, "-c", f"import fcntl, os, sys; path = sys.argv[1]\n{attempt}", str(path)]
    with box_at(path):
        assert subprocess.run(command, check=True, capture_output=True).stderr == b"held"
        with pytest.raises(FileExistsError):
            os.open(path.with_name("mbox.lock"), os.O_CREAT | os.O_EXCL)
    assert subprocess.run(command, check=True, capture_output=True).stderr == b""


def test_pythons_own_mailbox_module_and_ours_wait_for_each_other(path: Path) -> None:
    with contextlib.closing(mailbox.mbox(path, create=False)) as theirs:
        with box_at(path), pytest.raises(mailbox.ExternalClashError):
            theirs.lock()
        theirs.lock()
        with pytest.raises(Held):
            append(path, SECOND)


def test_dot_lock_is_removed_when_it_is_stale_and_not_before(path: Path) -> None:
    lock = path.with_name("mbox.lock")
    lock.touch()
    now = lock.stat().st_mtime + 500
    with pytest.raises(Held), box_at(path, clock=lambda: now):
        pass
    assert lock.exists()
    with box_at(path, clock=lambda: now + 1) as box:
        box.add([SECOND], 0)
    assert subjects(path) == ["first", "second"] and not lock.exists()


def test_lock_that_somebody_made_in_place_of_ours_stays(path: Path) -> None:
    lock = path.with_name("mbox.lock")
    with box_at(path):
        lock.unlink()
        lock.touch()  # which may have the inode of ours, when nobody has that open
    assert lock.exists()


def test_file_that_was_put_in_place_of_the_locked_one_is_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def slow_open(name: Path, flags: int, mode: int = 0o777) -> int:
        file = real(name, flags, mode)
        if name == path:
            path.with_name("new").write_bytes(b"")
            path.with_name("new").rename(path)
        return file

    monkeypatch.setattr(os, "open", slow_open)
    with pytest.raises(Held, match="has become another file"):
        append(path, SECOND)
    monkeypatch.undo()
    assert path.read_bytes() == b""


def make_symlink(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def make_hard_link(path: Path) -> None:
    path.with_name("elsewhere").hardlink_to(path)


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("change", [make_symlink, make_dangling_link, make_hard_link, make_pipe, make_directory])
def test_what_is_no_file_of_its_own_is_refused_and_left_alone(path: Path, change: Callable[[Path], None]) -> None:
    change(path)
    with pytest.raises(MailboxTrouble, match=r"is no regular file|has 2 names"):
        append(path, SECOND)
    assert sorted(entry.name for entry in path.parent.iterdir() if entry.name != "elsewhere") == ["mbox"]
    if path.with_name("elsewhere").exists():
        assert path.with_name("elsewhere").read_bytes() == FIRST


def test_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(MailboxTrouble, match=f"belongs to the user {owner}, not to mda"):
        append(path, SECOND)


def test_message_that_does_not_fit_on_the_disk_leaves_the_file_as_it_was(path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        append(path, SECOND, disk=FullDisk())
    assert path.read_bytes() == FIRST
    append(path, SECOND)
    assert subjects(path) == ["first", "second"]


def test_limit_of_the_kernel_leaves_the_file_as_it_was(path: Path) -> None:
    limit = len(FIRST) + 10
    source = f"""
import resource
from pathlib import Path
from services.kernel.mailbox.disk import Disk
from services.mda.mbox.file import opened
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
with opened(Path({str(path)!r}), Disk(), 500, lambda: 0.0, print) as box:
    box.add([{SECOND!r}], 0)
"""
    failed = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False)
    assert b"File too large" in failed.stderr
    assert path.read_bytes() == FIRST


def test_messages_that_do_not_reach_stable_storage_are_taken_back(path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"):
        append(path, SECOND, SECOND, disk=BrokenDisk())
    assert path.read_bytes() == FIRST


def test_whatever_goes_wrong_before_the_end_takes_all_messages_back(path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        append_twice(path, lambda: 1 / 0)
    assert path.read_bytes() == FIRST


def test_new_file_whose_name_does_not_reach_stable_storage_is_empty_again(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"):
        append(tmp_path / "mbox", FIRST, disk=HalfBrokenDisk())
    assert (tmp_path / "mbox").read_bytes() == b""


@pytest.mark.parametrize("broken", ["close", "lstat", "unlink"])
def test_trouble_in_unlocking_is_told_and_the_messages_are_stored(path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    told: list[str] = []
    with box_at(path, tell=told.append) as box:
        box.add([SECOND], 0)
        monkeypatch.setattr(os if broken == "close" else Path, broken, fail)
    monkeypatch.undo()
    assert "Input/output error" in told[0]
    assert path.read_bytes() == FIRST + SECOND


def test_nothing_is_added_behind_what_cannot_be_cut(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_file: int, _length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", fail)
    with pytest.raises(Spoilt, match="cannot be cut"):
        append(path, SECOND, disk=FullDisk())


@pytest.mark.parametrize("length", [0, len(FIRST + SECOND) + 100])
def test_file_that_a_program_changed_in_spite_of_the_locks_is_left_to_it(path: Path, length: int) -> None:
    """It may have added a message, or taken all away: a cut would lose the one and put NULs in place of the other."""
    with pytest.raises(Spoilt, match="changed by a program that has no lock"):
        append_twice(path, lambda: os.truncate(path, length))
    assert path.stat().st_size == length


def test_message_over_the_limit_is_taken_back_and_those_beside_it_stay(path: Path) -> None:
    third = FIRST.replace(b"first", b"third")
    with box_at(path) as box:
        box.add([SECOND], len(FIRST + SECOND))
        with pytest.raises(OverQuota):
            box.add([SECOND[:10], SECOND[10:]], len(FIRST + SECOND) + 20)
        box.add([third], 0)
        assert box.size_bytes == path.stat().st_size
    assert path.read_bytes() == FIRST + SECOND + third


@pytest.mark.parametrize("octets", [0, 1, len(SECOND) // 2, len(SECOND)])
def test_crash_between_write_and_answer_loses_nothing_of_others(path: Path, octets: int) -> None:
    """The dot lock stays, and what was written by then; the attempt that follows is whole, and so is the mail of before."""
    source = f"""
import os, signal
from pathlib import Path
from services.kernel.mailbox.disk import Disk
from services.mda.mbox.file import opened
with opened(Path({str(path)!r}), Disk(), 500, lambda: 0.0, print) as box:
    box.add([{SECOND[:octets]!r}], 0)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == -signal.SIGKILL
    with pytest.raises(Held):
        append(path, SECOND)
    with box_at(path, clock=lambda: time.time() + 501) as box:
        box.add([SECOND], 0)
    assert path.read_bytes().startswith(FIRST) and path.read_bytes().endswith(b"\n\n" + SECOND)
    assert (subjects(path)[0], subjects(path)[-1]) == ("first", "second")


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_message_begins_after_an_empty_line_whatever_the_file_ends_with(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(FIRST.rstrip() + end)
    append(path, SECOND, SECOND)
    assert path.read_bytes() == FIRST + SECOND + SECOND


def test_programs_still_see_that_mail_is_new(path: Path) -> None:
    """They take mail for new when the file was changed after it was read: a delivery does not count as reading."""
    os.utime(path, (1_000_000_000, 1_000_000_000))
    append(path, SECOND)
    assert path.stat().st_atime == 1_000_000_000 < path.stat().st_mtime
