"""What is told of a message whose header alone was read is what is told of all of it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.imapd import sections
from services.imapd.grammar.requests import BodyItem, Section, SectionWord
from services.kernel.mailbox import served

LINES = [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\r\r\n"]
PIECES = st.sampled_from([*LINES, b"From", b"from ", b"Subject", b":", b" ", b"\t", b"\xc3\xa9", b"\0", b"x" * 30]) | st.binary(max_size=4)
NAMES = st.frozensets(st.sampled_from([b"from", b"subject", b"x", b""]), max_size=3)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(served, "HEAD_BYTES", 16)
    return tmp_path / "message"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(PIECES, max_size=20),
    is_canonical=st.booleans(),
    word=st.sampled_from([SectionWord.HEADER, SectionWord.HEADER_FIELDS, SectionWord.HEADER_FIELDS_NOT]),
    names=NAMES,
    partial=st.none() | st.tuples(st.integers(0, 40), st.integers(1, 40)),
)
def test_head_is_as_good_as_the_message(
    path: Path, pieces: list[bytes], is_canonical: bool, word: SectionWord, names: frozenset[bytes], partial: tuple[int, int] | None
) -> None:
    raw = b"".join(pieces)
    path.write_bytes(raw)
    item = BodyItem(b"", Section("", word, names), is_peek=True, partial=partial)
    whole = served.read_served(str(path), len(raw), is_canonical=is_canonical)
    head = served.read_head(str(path), len(raw), is_canonical=is_canonical)
    assert told(head, item) == told(whole, item)
    assert len(head) == served.header_end(whole)


def told(content: served.Content, item: BodyItem) -> bytes:
    span = sections.extract(content, None, item)
    assert span is not None
    return span.content[span.start : span.end]
