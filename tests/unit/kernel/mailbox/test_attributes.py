"""How much is attached to a folder, and by whom."""

import pytest

from services.kernel.mailbox.attributes import ENTRIES, READER_BYTES, READER_ENTRIES, TOTAL_BYTES, VALUE_BYTES, by_reader, changed
from services.kernel.mailbox.trouble import TooManyAnnotations

BOB = "bob@example.test"
NEW = {"/private/new": b"x"}


def some(count: int, size_bytes: int = 1) -> dict[str, bytes | None]:
    return {f"/private/{number}": b"x" * size_bytes for number in range(count)}


def of_readers(readers: int) -> dict[str, bytes]:
    """As much as each of so many may have."""
    kept: dict[str, bytes] = {}
    for number in range(readers):
        kept = changed(kept, by_reader(some(READER_ENTRIES), f"{number}@example.test"))
    return kept


def test_entries_of_one_reader_are_few() -> None:
    kept = changed({}, by_reader(some(READER_ENTRIES), BOB))
    with pytest.raises(TooManyAnnotations):
        changed(kept, by_reader(NEW, BOB))
    assert changed(kept, by_reader({"/private/0": b"other"}, BOB))
    assert changed(kept, by_reader(NEW, "carol@example.test"))


def test_values_of_one_reader_are_bounded() -> None:
    kept = changed({}, by_reader(some(READER_BYTES // VALUE_BYTES, VALUE_BYTES), BOB))
    with pytest.raises(TooManyAnnotations):
        changed(kept, by_reader(NEW, BOB))


def test_readers_take_no_room_from_the_owner() -> None:
    kept = of_readers(ENTRIES // READER_ENTRIES)
    with pytest.raises(TooManyAnnotations):
        changed(kept, by_reader(NEW, BOB))
    kept = changed(kept, some(ENTRIES))
    with pytest.raises(TooManyAnnotations):
        changed(kept, {"/shared/new": b"x"})


def test_values_of_the_owner_are_bounded() -> None:
    kept = changed({}, some(TOTAL_BYTES // VALUE_BYTES, VALUE_BYTES))
    with pytest.raises(TooManyAnnotations):
        changed(kept, NEW)
    assert changed(kept, by_reader(NEW, BOB))


def test_more_than_there_is_room_for_can_shrink() -> None:
    kept = {f"{BOB}:/private/{number}": b"xx" for number in range(ENTRIES)}
    assert changed(kept, {f"{BOB}:/private/0": b"x", f"{BOB}:/private/1": None})
    with pytest.raises(TooManyAnnotations):
        changed(kept, by_reader(NEW, BOB))
    assert changed(kept, NEW)
