"""The recipients of a primary as its secondary asks for them."""

import os
from pathlib import Path

import msgspec
import pytest

from services.kernel.directory.mirror import DomainRecipients, Mirror, Recipients, Standing

DAY = 86_400.0
NOW = 1_800_000_000.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def write(folder: Path, domains: dict[str, DomainRecipients], name: str = "one", delimiter: str = "+", when: float = NOW) -> None:
    path = folder / f"{name}.json"
    path.write_bytes(msgspec.json.encode(Recipients("primary", when, delimiter, domains)))
    os.utime(path, (when, when))


@pytest.mark.parametrize(
    ("address", "standing"),
    [
        ("alice@b.test", Standing.GOOD),
        ("Alice+News@B.test", Standing.GOOD),
        ("postmaster@b.test", Standing.GOOD),
        ("nobody@b.test", Standing.BAD),
        ("nobody@listed-in-part.test", Standing.UNKNOWN),
        ("anybody@takes-all.test", Standing.GOOD),
        ("alice@elsewhere.test", Standing.UNKNOWN),
    ],
)
def test_recipient_is(tmp_path: Path, address: str, standing: Standing) -> None:
    write(
        tmp_path,
        {
            "b.test": DomainRecipients(["alice"]),
            "listed-in-part.test": DomainRecipients(["alice"], is_complete=False),
            "takes-all.test": DomainRecipients([], takes_all=True),
        },
    )
    assert Mirror(tmp_path, DAY, lambda: NOW).ask(address) is standing


def test_absence_counts_for_nothing_when_the_primary_has_long_not_confirmed_it(tmp_path: Path) -> None:
    write(tmp_path, {"b.test": DomainRecipients(["alice"])}, when=NOW - 2 * DAY)
    mirror = Mirror(tmp_path, DAY, lambda: NOW)
    assert mirror.ask("nobody@b.test") is Standing.UNKNOWN
    assert mirror.ask("alice@b.test") is Standing.GOOD


def test_new_content_is_used_and_a_broken_file_leaves_the_old(tmp_path: Path) -> None:
    clock = Clock()
    mirror = Mirror(tmp_path, DAY, clock)
    assert mirror.ask("alice@b.test") is Standing.UNKNOWN
    write(tmp_path, {"b.test": DomainRecipients(["alice"])})
    clock.now += 2
    assert mirror.ask("alice@b.test") is Standing.GOOD
    (tmp_path / "one.json").write_text("{ broken")
    clock.now += 2
    assert mirror.ask("alice@b.test") is Standing.GOOD


def test_folder_that_is_not_there_knows_nobody(tmp_path: Path) -> None:
    assert Mirror(tmp_path / "none", DAY).ask("alice@b.test") is Standing.UNKNOWN


def test_each_primary_has_a_delimiter_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"b.test": DomainRecipients(["alice"])}, "one", "-")
    write(tmp_path, {"c.test": DomainRecipients(["alice"])}, "two", "+")
    mirror = Mirror(tmp_path, DAY, lambda: NOW)
    assert [mirror.ask(f"alice-x@{name}") for name in ("b.test", "c.test")] == [Standing.GOOD, Standing.BAD]


def test_of_two_primaries_that_speak_for_a_domain_neither_can_deny_the_recipients_of_the_other(tmp_path: Path) -> None:
    write(tmp_path, {"b.test": DomainRecipients(["alice"])}, "one")
    write(tmp_path, {"b.test": DomainRecipients(["mallory"])}, "two")
    mirror = Mirror(tmp_path, DAY, lambda: NOW)
    assert [mirror.ask(f"{name}@b.test") for name in ("alice", "mallory", "nobody")] == [Standing.GOOD, Standing.GOOD, Standing.BAD]


def test_confirmation_by_a_clock_that_was_ahead_makes_no_absence_certain(tmp_path: Path) -> None:
    write(tmp_path, {"b.test": DomainRecipients(["alice"])}, when=NOW + 2 * DAY)
    assert Mirror(tmp_path, DAY, lambda: NOW).ask("nobody@b.test") is Standing.UNKNOWN


def test_new_content_is_used_also_after_the_clock_was_set_back(tmp_path: Path) -> None:
    clock = Clock()
    clock.now += 30 * DAY
    mirror = Mirror(tmp_path, DAY, clock)
    assert mirror.ask("alice@b.test") is Standing.UNKNOWN
    write(tmp_path, {"b.test": DomainRecipients(["alice"])})
    clock.now -= 30 * DAY
    assert mirror.ask("alice@b.test") is Standing.GOOD


def test_content_that_was_only_confirmed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    write(tmp_path, {"b.test": DomainRecipients(["alice"])}, when=NOW - 2 * DAY)
    mirror = Mirror(tmp_path, DAY, clock)
    assert mirror.ask("nobody@b.test") is Standing.UNKNOWN
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read"))
    os.utime(tmp_path / "one.json", (NOW, NOW))
    clock.now += 2
    assert mirror.ask("nobody@b.test") is Standing.BAD
