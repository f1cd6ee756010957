"""The tree of parts, against answers that Dovecot 2.3.19 gives for the same messages (``data/*.fetch``)."""

import mmap
import tempfile
from pathlib import Path

import pytest

from services.kernel.mail.mime.envelope import envelope
from services.kernel.mail.mime.fields import MAX_HEADER_BYTES
from services.kernel.mail.mime.imapform import body, bodystructure, envelope_form
from services.kernel.mail.mime.media import PLAIN, Label
from services.kernel.mail.mime.structure import MAX_DEPTH, MAX_PARTS, Part, scan

CORPUS = sorted(Path(__file__).with_name("data").glob("*.eml"))
NESTED = Path(__file__).with_name("data") / "forwarded_message.eml"


def fetched(content: bytes) -> bytes:
    part = scan(content)
    facts = envelope_form(envelope(content[: part.body_start]))
    return b"RFC822.SIZE %d ENVELOPE %b BODYSTRUCTURE %b\n" % (part.size, facts, bodystructure(content, part))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_message_with_crlf_is_described_as_dovecot_does(path: Path) -> None:
    assert fetched(path.read_bytes().replace(b"\n", b"\r\n")) == path.with_suffix(".fetch").read_bytes()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_message_with_lf_is_described_as_if_it_had_crlf(path: Path) -> None:
    assert fetched(path.read_bytes()) == path.with_suffix(".fetch").read_bytes()


def test_mapped_message_is_scanned_like_bytes() -> None:
    content = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"x" * 70 + b"\r\n" * 700_001 + b"--b--\r\n"
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert scan(mapped) == scan(content)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("1", b"see below"),
        ("2.1", b"hello"),
        ("2.2", b"<p>hello"),
    ],
)
def test_part_is_found_by_its_number(path: str, text: bytes) -> None:
    content = NESTED.read_bytes()
    part = scan(content).find(path)
    assert part is not None
    assert content[part.body_start : part.end] == text


@pytest.mark.parametrize("path", ["0", "3", "1.1", "2.3", "2.1.1", "2.", ".", "x", "-1", "1" * 5000])
def test_part_that_is_not_there_is_not_found(path: str) -> None:
    assert scan(NESTED.read_bytes()).find(path) is None


def test_empty_path_is_the_message_itself() -> None:
    message = scan(NESTED.read_bytes())
    assert message.find("") is message


def test_part_one_of_a_plain_message_is_the_message() -> None:
    message = scan(b"Subject: x\r\n\r\nbody\r\n")
    assert message.find("1") is message
    assert message.find("1.1") is None


def test_embedded_plain_message_has_a_part_one() -> None:
    content = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody"
    message = scan(content)
    assert message.find("1.1") is message.message
    assert message.find("1.1.1") is None


OUTER = b"Content-Type: multipart/mixed; boundary=o\n\n--o\n%b--o--\n"
INNER = b"Content-Type: multipart/mixed; boundary=i\n\n%b"
LETTER = b"Content-Type: message/rfc822\n\n%b"


@pytest.mark.parametrize(
    ("part", "header", "body"),
    [
        (INNER % b"--i\n\nx\n--i--\n", INNER % b"", b"--i\n\nx\n--i--\n"),
        (INNER % b"--i\n\nx\n--i--\n\n", INNER % b"", b"--i\n\nx\n--i--\n"),
        (INNER % b"--i\n\nx\n", INNER % b"", b"--i\n\nx"),
        (LETTER % (INNER % b"--i\n\nx\n--i--\n"), LETTER % b"", INNER % b"--i\n\nx\n--i--\n"),
        (LETTER % b"A: b\n\n", LETTER % b"", b"A: b\n\n"),
        (LETTER % b"A: b\n", LETTER % b"", b"A: b"),
        (LETTER % b"\n", LETTER % b"", b"\n"),
        (b"A: b\n\n", b"A: b\n\n", b""),
        (b"A: b\n", b"A: b", b""),
        (b"\n", b"\n", b""),
        (b"", b"", b""),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_line_end_belongs_to_what_it_closes_and_else_to_the_delimiter(line_end: bytes, part: bytes, header: bytes, body: bytes) -> None:
    content = (OUTER % part).replace(b"\n", line_end)
    found = scan(content).find("1")
    assert found is not None
    texts = (content[found.start : found.body_start], content[found.body_start : found.end])
    assert texts == (header.replace(b"\n", line_end), body.replace(b"\n", line_end))


def test_boundary_ends_in_the_white_space_it_has() -> None:
    content = b'Content-Type: multipart/mixed; boundary="b "\n\n--b \n\nx\n--b\n\ny\n--b --\n'
    assert len(scan(content).children) == 1


@pytest.mark.parametrize(("line", "inside", "outside"), [(b"--b--", 1, 1), (b"--b-- ", 1, 2), (b"--b--x", 1, 2), (b"--b", 2, 1)])
def test_line_that_only_closes_a_multipart_is_no_delimiter_of_an_outer_boundary(line: bytes, inside: int, outside: int) -> None:
    inner = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n%b\n\ny\n" % line
    message = scan(b"Content-Type: multipart/mixed; boundary=b--\n\n--b--\n%b--b----\n" % inner)
    assert [len(message.children), len(message.children[0].children)] == [outside, inside]


def test_no_part_begins_behind_a_delimiter_without_a_line_end() -> None:
    content = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b"
    assert [content[part.body_start : part.end] for part in scan(content).children] == [b"x"]
    assert len(scan(content + b"\n").children) == 2


def test_empty_boundary_delimits_parts() -> None:
    content = b'Content-Type: multipart/mixed; boundary=""\n\n--\n\nx\n--\n\ny\n----\n'
    assert [content[part.body_start : part.end] for part in scan(content).children] == [b"x", b"y"]


def test_boundary_longer_than_the_limit_is_compared_up_to_it() -> None:
    word = b"0123456789" * 9
    content = b"Content-Type: multipart/mixed; boundary=%b\n\n--%b\n\nx\n--%b--\n" % (word, word[:80], word[:80])
    assert len(scan(content).children) == 1


def test_part_of_a_digest_is_a_message_unless_it_has_a_type_however_broken() -> None:
    message = scan(b"Content-Type: multipart/digest; boundary=b\n\n--b\nContent-Type: nonsense\n\nx\n--b\n\nSubject: in\n\nx\n--b--\n")
    assert [child.message is not None for child in message.children] == [False, True]


def test_parts_beyond_the_limit_are_left_in_the_body() -> None:
    content = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * (MAX_PARTS + 5)
    message = scan(content)
    assert len(message.children) == MAX_PARTS - 1
    assert message.end == len(content)


@pytest.mark.parametrize(
    "level",
    [b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"Content-Type: message/rfc822\n\n"],
    ids=["multipart", "message"],
)
def test_nesting_beyond_the_limit_is_not_taken_apart(level: bytes) -> None:
    content = level * (MAX_DEPTH * 3)
    assert MAX_DEPTH <= depth(scan(content)) <= MAX_DEPTH + 1
    assert b"(" in bodystructure(content, scan(content))


def depth(part: Part) -> int:
    return 1 + max((depth(child) for child in part.children[:1]), default=-1)


def test_message_too_deep_is_shown_as_octets() -> None:
    content = b"Content-Type: message/rfc822\n\n" * (MAX_DEPTH + 2)
    assert b'("application" "octet-stream" NIL NIL NIL "7bit" ' in body(content, scan(content))


def test_label_is_read_from_the_beginning_of_a_long_header() -> None:
    header = b"A: b\n" * (MAX_HEADER_BYTES // 5)
    assert scan(b"MIME-Version: 1.0\nContent-ID: <1>\n" + header + b"Content-MD5: x\n\n").label == Label(PLAIN, id=b"<1>")


NO_MIME = b"Content-ID: <1>\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nx"


def test_message_without_version_and_type_is_no_mime_message_but_may_be_encoded() -> None:
    assert scan(NO_MIME).label == Label(PLAIN, b"base64")
    inner = scan(b"Content-Type: message/rfc822\n\n" + NO_MIME).message
    assert inner is not None
    assert inner.label == Label(PLAIN, b"base64")


@pytest.mark.parametrize("field", [b"mime-version: x\n", b"Content-Type: text/plain\n"])
def test_message_with_version_or_type_is_one(field: bytes) -> None:
    assert scan(field + NO_MIME).label.id == b"<1>"


def test_part_of_a_multipart_needs_neither() -> None:
    (part,) = scan(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + NO_MIME + b"\n--b--\n").children
    assert part.label.id == b"<1>"


class Searched(bytes):
    """Counts the octets that are searched."""

    octets = 0

    def find(self, sub: bytes, start: int = 0, end: int | None = None, /) -> int:  # type: ignore[override]
        stop = len(self) if end is None else min(end, len(self))
        at = super().find(sub, start, stop)
        self.octets += max((at if at >= 0 else stop) - start, 0)
        return at


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_nested_messages_are_searched_once(line_end: bytes) -> None:
    content = Searched(b"Content-Type: message/rfc822\n\n".replace(b"\n", line_end) * (MAX_DEPTH - 1) + b"x" * 1_000_000)
    assert depth(scan(content)) == MAX_DEPTH - 1
    assert content.octets < 4 * len(content)
