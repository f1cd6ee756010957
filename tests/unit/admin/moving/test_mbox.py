"""mbox, read and written."""

import contextlib
import io
import mailbox
from pathlib import Path

import pytest

from services.admin.moving.mbox import files_of_mbox, written
from services.admin.trouble import ControlError

TWO = b"""From ann@world.test Mon Feb  3 10:00:00 2025
Subject: one
Status: RO
X-Status: AF
X-Keywords: Work
X-UID: 7

>From here on
>>From there
From nowhere, which is no such line

From bob@world.test Tue Mar  4 11:12:13 2025
Subject: two

end

"""


def read(content: bytes, folder: str = "INBOX") -> list[tuple[str, bytes, int]]:
    return [(file.path, file.data, file.mtime) for file in files_of_mbox(io.BytesIO(content), folder) if not file.path.endswith("uidlist")]


def test_messages_come_with_flags_keywords_and_dates_and_without_marks() -> None:
    (first, second, keywords) = read(TWO, "Old")
    assert first[0].startswith(".Old/cur/1738576800.B") and first[0].endswith(":2,FRSa")
    assert first[1:] == (b"Subject: one\n\nFrom here on\n>From there\nFrom nowhere, which is no such line\n", 1738576800)
    assert second[0].endswith(":2,") and second[1:] == (b"Subject: two\n\nend\n", 1741086733)
    assert keywords[:2] == (".Old/dovecot-keywords", b"0 Work\n")


def test_same_message_twice_has_two_names_and_the_same_ones_at_every_run() -> None:
    names = [path for path, _, _ in read(TWO.replace(b"X-Keywords: Work\n", b"") * 2)]
    assert len(set(names)) == 4
    assert names == [path for path, _, _ in read(TWO.replace(b"X-Keywords: Work\n", b"") * 2)]


@pytest.mark.parametrize("content", [b"Subject: no mbox\n\n", b"From here on it is a letter\n", b"\x1f\x8b\x08"])
def test_what_is_no_mbox_is_refused_with_the_line(content: bytes) -> None:
    with pytest.raises(ControlError, match="line 1: no mbox"):
        read(content)


def test_mailbox_programs_own_message_is_left_out() -> None:
    own = b"From MAILER-DAEMON Mon Feb  3 10:00:00 2025\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\ntext\n\n"
    assert len(read(own + TWO)) == 3


def test_large_message_comes_in_blocks() -> None:
    large = b"From a@b Mon Feb  3 10:00:00 2025\n\n" + b"x" * 78 * 130_000 + b"\n"
    files = list(files_of_mbox(io.BytesIO(large), "INBOX"))
    assert [file.is_more for file in files] == [False, True, True, False]
    assert len({file.path for file in files[:3]}) == 1
    assert len(b"".join(file.data for file in files[:3])) == 78 * 130_000 + 2


def test_written_message_is_read_back_as_it_was() -> None:
    content = b"Return-Path: <ann@world.test>\r\nSubject: x\r\n\r\nFrom me\r\n>From you\r\n\r\n"
    text = written(content, ["$Forwarded", "\\Answered", "\\Seen"], 1738576800)
    assert text.startswith(b"From ann@world.test Mon Feb  3 10:00:00 2025\n")
    ((path, data, date), keywords) = read(text * 1)
    assert (data, date, keywords[1]) == (content.replace(b"\r\n", b"\n"), 1738576800, b"0 $Forwarded\n")
    assert path.endswith(":2,RSa")


@pytest.mark.parametrize(
    ("content", "back"),
    [(b"Subject: x", b"Subject: x\n\n"), (b"Subject: x\r\n", b"Subject: x\n\n"), (b"\r\nhello\r\n", b"\nhello\n"), (b"\r\n", b"\n")],
)
def test_message_without_a_line_end_body_or_header_is_read_back_with_its_flags(content: bytes, back: bytes) -> None:
    ((path, data, _),) = read(written(content, ["\\Seen"], 0))
    assert (data, path[-4:]) == (back, ":2,S")


STATE = b"Status: RO\r\nX-Status: DF\r\nX-Keywords: Junk\r\n Folded\r\nx-uid: 7\r\nX-IMAP: 1 2\r\nContent-Length: 3\r\n"


@pytest.mark.parametrize(("words", "letters"), [([], ""), (["\\Seen"], "S"), (["Work", "\\Answered", "\\Flagged"], "FRa")])
def test_flags_are_those_of_the_mailbox_and_no_field_of_the_message(words: list[str], letters: str) -> None:
    text = written(b"Subject: x\r\n" + STATE + b"To: y\r\n\r\nStatus: in the body\r\n", words, 0)
    (path, data, _), *keywords = read(text)
    assert path.endswith(f":2,{letters}")
    assert data == b"Subject: x\nTo: y\n\nStatus: in the body\n"
    assert [file[1] for file in keywords] == [b"0 Work\n"] * ("Work" in words)


def test_pythons_mailbox_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(b"".join(written(f"Subject: {n}\r\n\r\nFrom {n}\r\n".encode(), ["\\Seen"], 0) for n in range(3)))
    with contextlib.closing(mailbox.mbox(path)) as read_back:
        assert [message["Subject"] for message in read_back] == ["0", "1", "2"]
        assert [message.get_flags() for message in read_back] == ["RO"] * 3
