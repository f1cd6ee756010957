"""Whatever is searched for, the catalogue gives the answer that reading every message gives."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.imapd.grammar.keys import Search
from services.imapd.grammar.parser import parse
from services.imapd.searching import Evidence, judge
from services.imapd.text import Document
from services.imapd.view import View
from services.kernel.mailbox.catalog.records import MOST_CHARACTERS
from services.kernel.mailbox.records import Message
from tests.unit.imapd.mail import MIXED
from tests.unit.imapd.site import Client, Running

MAILS = [
    MIXED,
    b"From: Ann <ann@one.test>\r\nTo: bob@two.test\r\nSubject: Re: [list] plan\r\nDate: Mon, 3 Feb 2025 23:30:00 -0500\r\n\r\nabcabd\r\n",
    b"From: ann@one.test\r\nFrom: second@one.test\r\nX-Odd: banana\r\nX-Odd: cabana\r\nSubject:\r\n\r\nbanana bandana\r\n",
    "Subject: Grüße aus Köln\r\nDate: nonsense\r\n\r\nStraße, 東京タワー, \N{GRINNING FACE}\r\n".encode(),
    b"Subject: =?utf-16?B?AGEA?= =?utf-7?Q?+2AA-?=\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+2AA-abc\0abd\r\n",
    b"Content-Type: text/html; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\nDate: 4 Feb 2025 00:30 +0000\r\n\r\n8NLJ18XU\r\n",
    b"Subject: long\r\n\r\nab" + b"xy " * (MOST_CHARACTERS // 3) + b"needle at the end\r\n",
    b"To: " + b", ".join(b"user%d@many.test" % number for number in range(2000)) + b"\r\n\r\n\r\n",
    b"\r\nno header",
    b"",
]  # fmt: skip
TEXTS = st.sampled_from(
    ["a", "ab", "abc", "BANA", "nana b", "ü", "grusse", "Grüße", "東京", "京タ", "Привет", "needle", "x", '"', "'", "%", "_", "*", " ", "\t",
     "user1999@", "\N{GRINNING FACE}", "ann@one", "re: [list]", "banana\r\nc", "c bandana", "@", "the plan", "y needle", "straße", "ANA"]
)  # fmt: skip
FIELDS = st.sampled_from(["From", "To", "Subject", "X-Odd", "Message-ID", "x-o", "Date", "Content-Type", "None"])
LEAVES = st.one_of(
    st.tuples(st.sampled_from(["BODY", "TEXT", "SUBJECT", "FROM", "TO"]), TEXTS).map(lambda pair: f"{pair[0]} {literal(pair[1])}"),
    st.tuples(FIELDS, TEXTS | st.just("")).map(lambda pair: f"HEADER {pair[0]} {literal(pair[1])}"),
    st.sampled_from(["SENTON 3-Feb-2025", "SENTBEFORE 4-Feb-2025", "SENTSINCE 4-Feb-2025", "UNSEEN", "1:3", "LARGER 100"]),
)
KEYS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map("NOT ({})".format),
        st.tuples(inner, inner).map(lambda pair: f"OR ({pair[0]}) ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]} {pair[1]}"),
    ),
    max_leaves=4,
)


def literal(text: str) -> str:
    return f"{{{len(text.encode())}+}}\r\n{text}"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with tempfile.TemporaryDirectory() as root:
        imapd = Running(Path(root))
        with imapd.signed_in(select="INBOX") as client:
            for mail in filter(None, MAILS):
                client.append("INBOX", mail)
            yield client
        imapd.stop()


@given(KEYS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_catalogue_and_scan_agree(client: Client, keys: str) -> None:
    wanted = b"".join(b" %d" % uid for uid in scanned(keys))
    assert client.ask(f"SEARCH {keys}") == [b"* SEARCH" + wanted, b"OK Done"]
    assert client.ask(f"SEARCH {keys}") == [b"* SEARCH" + wanted, b"OK Done"]


def scanned(keys: str) -> list[int]:
    search = parse(f"a SEARCH {keys}".encode()).request
    assert isinstance(search, Search)
    mails = dict(enumerate(filter(None, MAILS), 1))
    view = View(1, ())
    view.refresh([Message(uid, 1, frozenset(), 0, len(mail), 0) for uid, mail in mails.items()])
    view.announce_new()
    documents = {uid: Document(mail) for uid, mail in mails.items()}
    found = judge(search.key, frozenset(mails), Evidence(view, now=0).with_documents(documents))
    assert not found.unsure
    return sorted(found.fitting)
