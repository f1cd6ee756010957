"""What is remembered for a user's scripts, and what is forgotten when it is too much."""

from pathlib import Path

import pytest

from services.mda.memory import Memory, Past

DAY = 86_400.0
NOW = 1_000_000.0


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Memory:
    monkeypatch.setattr("services.mda.memory.MOST", 3)
    return Memory(tmp_path)


def test_many_who_were_answered_for_a_year_leave_known_what_was_sent_on(memory: Memory) -> None:
    for number in range(4):
        memory.remember(Past.ANSWERED, ("away", f"stranger{number}@x.test"), NOW, NOW + 365 * DAY)
    memory.remember(Past.SENT, ("queueid", "bob@y.test"), NOW, NOW + 7 * DAY)
    assert memory.knows(Past.SENT, ("queueid", "bob@y.test"), NOW + DAY)


def test_beyond_the_limit_what_would_be_forgotten_first_goes(memory: Memory) -> None:
    for number in range(4):
        memory.remember(Past.ANSWERED, ("away", f"{number}"), NOW, NOW + (number + 1) * DAY)
    assert [memory.knows(Past.ANSWERED, ("away", f"{number}"), NOW) for number in range(4)] == [False, True, True, True]
