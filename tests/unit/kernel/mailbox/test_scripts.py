"""Sieve scripts beside the Maildir: as Dovecot lays them out, whole or not at all."""

from pathlib import Path

import pytest

from services.kernel.mailbox.scripts import (
    LARGEST_BYTES,
    BadScriptName,
    NoSuchScript,
    ScriptExists,
    ScriptIsActive,
    ScriptLimits,
    ScriptQuota,
    Scripts,
)
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble
from tests.unit.kernel.mailbox.conftest import ADDRESS, BreakingDisk, Killed, Machine

LIMITS = ScriptLimits(3, 100, 150)


@pytest.fixture
def scripts(store: MailStore) -> Scripts:
    return store.scripts("Alice@Example.test", LIMITS)


@pytest.fixture
def home(machine: Machine) -> Path:
    return machine.maildir.parent


def source_of_active(scripts: Scripts) -> bytes:
    active = scripts.active()
    return active.path.read_bytes() if active else b""


def test_user_without_scripts_has_none_and_nothing_is_made(scripts: Scripts, home: Path) -> None:
    assert (scripts.active(), scripts.names(), scripts.active_name()) == (None, [], "")
    assert not home.exists()


def test_layout_is_dovecots(scripts: Scripts, home: Path) -> None:
    scripts.write("Löwe 1", b"keep;")
    scripts.activate("Löwe 1")
    assert (home / "sieve" / "Löwe 1.sieve").read_bytes() == b"keep;"
    assert (home / ".dovecot.sieve").readlink() == Path("sieve/Löwe 1.sieve")
    assert (scripts.names(), scripts.active_name(), scripts.read("Löwe 1")) == (["Löwe 1"], "Löwe 1", b"keep;")


def test_link_that_was_made_where_the_home_had_another_path_is_understood(scripts: Scripts, home: Path) -> None:
    scripts.write("main", b"keep;")
    (home / ".dovecot.sieve").symlink_to("/var/vmail/alice/sieve/main.sieve")
    assert (scripts.active_name(), source_of_active(scripts)) == ("main", b"keep;")


def test_link_out_of_the_home_is_no_script(scripts: Scripts, home: Path) -> None:
    scripts.write("main", b"keep;")
    (home / ".dovecot.sieve").symlink_to("/etc/passwd")
    assert scripts.active() is None


def test_active_script_that_nobody_manages_runs_and_is_kept_when_another_is_activated(scripts: Scripts, home: Path) -> None:
    scripts.write("new", b"discard;")
    (home / ".dovecot.sieve").write_bytes(b"keep;")
    assert (scripts.active_name(), source_of_active(scripts)) == ("", b"keep;")
    scripts.activate("new")
    assert (scripts.names(), source_of_active(scripts)) == (["dovecot.orig", "new"], b"discard;")
    assert scripts.read("dovecot.orig") == b"keep;"


def test_active_script_has_another_version_after_each_change(scripts: Scripts) -> None:
    versions = set()
    for source in (b"keep;", b"stop;"):
        scripts.write("main", source)
        scripts.activate("main")
        active = scripts.active()
        assert active is not None
        versions.add(active.version)
    assert len(versions) == 2


def test_active_script_cannot_be_deleted_but_deactivated(scripts: Scripts) -> None:
    scripts.write("main", b"keep;")
    scripts.activate("main")
    with pytest.raises(ScriptIsActive):
        scripts.delete("main")
    scripts.activate("")
    scripts.activate("")
    scripts.delete("main")
    assert scripts.names() == []


def test_rename_takes_the_activity_along_and_overwrites_nothing(scripts: Scripts) -> None:
    scripts.write("a", b"keep;")
    scripts.write("b", b"stop;")
    scripts.activate("a")
    with pytest.raises(ScriptExists):
        scripts.rename("a", "b")
    with pytest.raises(NoSuchScript):
        scripts.rename("c", "d")
    scripts.rename("a", "c")
    assert (scripts.names(), scripts.active_name(), source_of_active(scripts)) == (["b", "c"], "c", b"keep;")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../a", "a\nb", "a\x00b", "a\u2028b", "a\x9fb", "x" * 250, "\ud800"])
def test_name_that_cannot_be_is_refused_and_never_found(scripts: Scripts, name: str) -> None:
    with pytest.raises(BadScriptName):
        scripts.write(name, b"keep;")
    scripts.write("good", b"keep;")
    with pytest.raises(BadScriptName):
        scripts.rename("good", name)
    for step in (scripts.read, scripts.delete):
        with pytest.raises(NoSuchScript):
            step(name)


def test_missing_script_is_said_to_be_missing(scripts: Scripts) -> None:
    for step in (scripts.read, scripts.delete, scripts.activate):
        with pytest.raises(NoSuchScript):
            step("main")


def test_limits_hold_for_one_script_for_all_and_for_their_number(scripts: Scripts) -> None:
    with pytest.raises(ScriptQuota) as large:
        scripts.write("a", b"x" * 101)
    scripts.write("a", b"x" * 100)
    with pytest.raises(ScriptQuota) as sum_of_all:
        scripts.write("b", b"x" * 51)
    scripts.write("a", b"x" * 10)  # in its own place
    scripts.write("b", b"x" * 51)
    scripts.write("c", b"")
    with pytest.raises(ScriptQuota) as many:
        scripts.write("d", b"")
    assert [fault.value.word for fault in (large, sum_of_all, many)] == ["MAXSIZE", "MAXSIZE", "MAXSCRIPTS"]


def test_files_of_others_are_no_scripts(scripts: Scripts, home: Path) -> None:
    scripts.write("main", b"keep;")
    for name in ("main.svbin", ".x.sieve", "notes"):
        (home / "sieve" / name).write_text("")
    assert scripts.names() == ["main"]


@pytest.mark.parametrize("step", range(14))
def test_process_that_dies_at_any_step_leaves_the_old_script_or_the_new_one(machine: Machine, step: int) -> None:
    before = machine.process().scripts(ADDRESS, LIMITS)
    before.write("main", b"keep;")
    before.activate("main")
    disk = BreakingDisk()
    dying = machine.process(disk).scripts(ADDRESS, LIMITS)
    disk.dies_at = step
    died = False
    try:
        dying.write("main", b"discard;")
        dying.rename("main", "other")
    except Killed:
        died = True
    assert died == (step < 11)
    after = machine.process().scripts(ADDRESS, LIMITS)
    assert source_of_active(after) in (b"keep;", b"discard;")
    assert set(after.names()) <= {"main", "other"} and after.active_name() in after.names()


def test_script_that_cannot_be_stored_leaves_nothing_behind(scripts: Scripts, home: Path) -> None:
    (home / "sieve" / "main.sieve" / "in-the-way").mkdir(parents=True)
    with pytest.raises(MailboxTrouble):
        scripts.write("main", b"keep;")
    assert list((home / "sieve" / "tmp").iterdir()) == []


def test_active_script_that_nobody_manages_can_be_read(scripts: Scripts, home: Path) -> None:
    scripts.write("main", b"keep;")
    scripts.activate("main")
    assert scripts.unmanaged() is None
    scripts.activate("")
    (home / ".dovecot.sieve").write_bytes(b"stop;")
    assert scripts.unmanaged() == b"stop;"


def test_scripts_are_whole_though_the_limit_was_lowered(store: MailStore, scripts: Scripts, home: Path) -> None:
    scripts.write("main", b"#" * 90)
    (home / ".dovecot.sieve").write_bytes(b"#" * 80)
    lowered = store.scripts("Alice@Example.test", ScriptLimits(3, 20, 20))
    assert (len(lowered.read("main")), len(lowered.unmanaged() or b"")) == (90, 80)


def test_file_larger_than_any_script_is_trouble(scripts: Scripts, home: Path) -> None:
    scripts.write("main", b"keep;")
    with (home / "sieve" / "main.sieve").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(MailboxTrouble):
        scripts.read("main")
