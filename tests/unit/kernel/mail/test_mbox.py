"""The words of an mbox: what is written is what is read, however the message comes in pieces."""

import contextlib
import mailbox
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail import mbox

pieces = st.lists(st.sampled_from([b"From ", b"F", b"rom ", b">", b">>", b"\r\n", b"\r", b"\n", b"x", b"From", b" "]), max_size=30)


@given(pieces)
def test_message_in_any_pieces_is_quoted_as_the_whole_and_comes_back(blocks: list[bytes]) -> None:
    whole = b"".join(blocks)
    text = b"".join(mbox.quoted(blocks))
    assert text == b"".join(mbox.quoted([whole]))
    assert not text.startswith(b"From ") and b"\nFrom " not in text
    plain = whole.replace(b"\r\n", b"\n")
    assert mbox.unquoted(text) == plain + (b"\n" if plain.endswith(b"\n") or not plain else b"\n\n")


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        (b"From here", b">From here"),
        (b">From here", b">>From here"),
        (b">>>From here", b">>>>From here"),
        (b" From here", b" From here"),
        (b"> From here", b"> From here"),
        (b"From: a@b", b"From: a@b"),
        (b"FROM here", b"FROM here"),
    ],
)
def test_only_lines_that_could_be_taken_for_a_separator_are_quoted(line: bytes, quoted: bytes) -> None:
    assert b"".join(mbox.quoted([b"A: b\r\n\r\n", line, b"\r\n"])) == b"A: b\n\n" + quoted + b"\n\n"


STATED = (
    b"Subject: one\r\nSTATUS: RO\r\nX-Status : D\r\n  more\r\n\tmore\r\nX-Keywords: a\r\nStatus-Of: kept\r\n folded\r\nx-uid: 1\r\nX-IMAP: 1 2\r\n"
    b"X-IMAPbase: 1 2\nContent-Length: 3\r\nstatus\r\nContent-Type: text/plain\r\n\r\nStatus: RO\r\n\r\nX-UID: 1\r\n"
)
STATELESS = (
    b"Subject: one\r\nStatus-Of: kept\r\n folded\r\nstatus\r\nContent-Type: text/plain\r\n\r\nStatus: RO\r\n\r\nX-UID: 1\r\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_fields_of_state_are_dropped_from_the_header_in_whatever_pieces_it_comes(size: int) -> None:
    pieces = [STATED[place : place + size] for place in range(0, len(STATED), size)]
    assert b"".join(mbox.stateless(pieces)) == STATELESS


@pytest.mark.parametrize("start", [b"Subject: ", b"Status", b"\r\nStatus: "])
def test_line_without_an_end_is_not_held(start: bytes) -> None:
    made = mbox.stateless([start, *[b"x" * 100] * 1000])
    assert sum(len(next(made)) for _ in range(500)) > 48_000


@pytest.mark.parametrize("end", [b"Status", b"Stat", b"\r", b"Status: RO", b"Status: RO\r\n more"])
def test_message_that_ends_in_its_header_is_whole_but_for_these(end: bytes) -> None:
    assert b"".join(mbox.stateless([b"A: b\r\n", end])) == b"A: b\r\n" + (b"" if b":" in end else end)


@pytest.mark.parametrize(
    ("head", "sender"),
    [
        (b"Return-Path: <carol@world.test>\r\n", b"carol@world.test"),
        (b"Return-Path: <>\r\nX: y\r\n", b"MAILER-DAEMON"),
        (b'Return-Path: <"a b"@world.test>\r\n', b"MAILER-DAEMON"),
        (b"", b"MAILER-DAEMON"),
    ],
)
def test_separator_names_the_envelope_sender_and_the_time_in_utc(head: bytes, sender: bytes) -> None:
    assert mbox.separator(head, 1_700_000_000.9) == b"From " + sender + b" Tue Nov 14 22:13:20 2023\n"


def test_python_reads_messages_flags_and_dates(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    first = b"Return-Path: <a@b.test>\r\nSubject: one\r\n\r\nFrom the start\r\n\r\nFrom a@b.test Tue Nov 14 22:13:20 2023\r\n"
    with path.open("wb") as file:
        file.write(mbox.separator(first, 0) + mbox.status({"\\Seen", "\\Flagged", "Work"}, is_old=True) + b"".join(mbox.quoted([first])))
        file.write(mbox.separator(b"", 0) + mbox.status((), is_old=False) + b"".join(mbox.quoted([b"Subject: two\r\n\r\n"])))
    with contextlib.closing(mailbox.mbox(path, create=False)) as box:
        one, two = box
        assert (one["Subject"], one.get_flags(), one["X-Keywords"]) == ("one", "ROF", "Work")
        assert one.get_from() == "a@b.test Thu Jan  1 00:00:00 1970"
        assert mbox.unquoted(bytes(one)).endswith(first.replace(b"\r\n", b"\n"))
        assert (two["Subject"], two.get_flags()) == ("two", "")
