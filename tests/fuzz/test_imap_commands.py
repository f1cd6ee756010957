"""Whatever a signed-in client says, each line has one answer, and none of them is a defect of ours."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.imapd.grammar.keys import Search
from services.imapd.grammar.parser import BadCommand, parse
from services.imapd.searching import Evidence, judge
from services.imapd.text import Document
from services.imapd.view import View
from services.kernel.mailbox.records import Message
from tests.fuzz.test_imap_grammar import COMMANDS
from tests.unit.imapd.mail import MIXED
from tests.unit.imapd.site import Client, Running

_SPECIAL = re.compile(rb"LOGOUT|STARTTLS|AUTHENTICATE|IDLE|[\r\n{]", re.IGNORECASE)
WORDS = "ALL 1:* $ ( ) NOT OR UNSEEN SENTON 1-Feb-2024 HEADER x TEXT caf BODY UID 9 LARGER KEYWORD SUBJECT YOUNGER SAVEDSINCE".split()  # noqa: SIM905  # easier to read
KEYS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with tempfile.TemporaryDirectory() as root:
        imapd = Running(Path(root), bad_commands=1_000_000)
        with imapd.signed_in(select="INBOX") as client:
            client.append("INBOX", MIXED)
            yield client
        imapd.stop()


@given(COMMANDS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_line_has_one_answer(client: Client, text: bytes) -> None:
    if _SPECIAL.search(text):
        return
    reply = client.ask(text)[-1]
    assert reply.startswith((b"OK", b"NO", b"BAD")) and b"SERVERBUG" not in reply


@given(KEYS, st.binary(max_size=200), st.booleans())
@settings(deadline=None)
def test_any_search_has_an_answer_for_any_message(keys: list[str], content: bytes, has_mime: bool) -> None:
    try:
        search = parse(b"a SEARCH " + " ".join(keys).encode()).request
    except BadCommand:
        return
    assert isinstance(search, Search)
    evidence = Evidence(view_of_one(len(content)), now=0)
    fitting, unsure = judge(search.key, {1}, evidence)
    read = judge(search.key, {1}, evidence.with_documents({1: Document((MIXED if has_mime else b"") + content)}))
    assert not read.unsure
    assert read.fitting in ({1}, set()) if unsure else read.fitting == fitting


def view_of_one(size: int) -> View:
    view = View(1, ())
    view.refresh([Message(1, 1, frozenset(), 0, size, 0)])
    view.announce_new()
    return view


@given(st.binary(max_size=300))
def test_any_message_is_read(content: bytes) -> None:
    document = Document(b"Subject: =?utf-8?B?" + content + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + content)
    assert [isinstance(text, str) for text in (*document.beginnings(1_000_000), *document.field(b"subject"))] == [True] * 3
