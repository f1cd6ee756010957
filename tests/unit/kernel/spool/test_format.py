import pytest

from services.kernel.spool.format import HEAD_BYTES, STATUS_OFFSET, Corrupt, QueueFile, Status, Truncated, Unfinished, parse, parse_layout, prefix
from tests.unit.kernel.spool.messages import CONTENT, envelope, recipients

TO = recipients("bob@world.test", "carol@world.test", notify="SUCCESS,FAILURE")
WHOLE = prefix(envelope(), TO).encode(len(CONTENT)) + CONTENT


def read(block: bytes) -> QueueFile:
    return parse(parse_layout(block[:HEAD_BYTES]), block, len(block))


def test_what_was_written_is_read_back() -> None:
    file = read(WHOLE)
    assert (file.envelope, file.recipients) == (envelope(), TO)
    assert WHOLE[file.layout.content_offset :] == CONTENT


def test_every_recipient_begins_as_pending() -> None:
    assert list(read(WHOLE).statuses) == [Status.PENDING, Status.PENDING]


def test_a_status_is_one_byte_at_a_fixed_offset() -> None:
    block = bytearray(WHOLE)
    block[STATUS_OFFSET + 1] = Status.DELIVERED
    assert list(read(bytes(block)).statuses) == [Status.PENDING, Status.DELIVERED]


def test_version_line_does_not_grow_with_the_content() -> None:
    assert len(prefix(envelope(), TO).encode(0)) == len(prefix(envelope(), TO).encode(10**11)) == len(prefix(envelope(), TO).encode(-1))


@pytest.mark.parametrize("block", [b"", prefix(envelope(), TO).encode(-1) + b"half of it"])
def test_file_that_is_being_written_is_unfinished(block: bytes) -> None:
    with pytest.raises(Unfinished):
        read(block)


@pytest.mark.parametrize(
    "block",
    [
        WHOLE + b"x",
        b"malleposte-queue 2" + WHOLE[18:],
        WHOLE.replace(b" 000002 ", b" 000001 "),
        WHOLE.replace(b" 000002 ", b" 00000x "),
        WHOLE[:STATUS_OFFSET] + b"?" + WHOLE[STATUS_OFFSET + 1 :],
        WHOLE.replace(b'{"queue_id"', b'["queue_id"'),
        WHOLE.replace(b'"address":"carol@world.test"', b'"address":1234567890123456.5'),
        b"\0" * len(WHOLE),
    ],
    ids=["long", "version", "count", "digit", "status", "envelope", "recipient", "zeros"],
)
def test_damaged_file_is_corrupt(block: bytes) -> None:
    with pytest.raises(Corrupt):
        read(block)


@pytest.mark.parametrize("block", [WHOLE[:-1], WHOLE[: HEAD_BYTES + 5], WHOLE[: HEAD_BYTES - 1], WHOLE[:3]])
def test_file_without_its_end_is_truncated(block: bytes) -> None:
    with pytest.raises(Truncated):
        read(block)


def test_absurd_numbers_are_corrupt_before_anything_is_read() -> None:
    with pytest.raises(Corrupt, match="absurd"):
        parse_layout(WHOLE[:HEAD_BYTES].replace(WHOLE[19:27], b"99999999"))
