"""The client side of SMTP against every reply and every content."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.reply import Reply
from services.kernel.smtp.client import Manner, Opening, Send, Step, Transaction, Verb
from services.kernel.smtp.client_content import Stuffing
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_extensions import Extensions, parse
from services.kernel.smtp.client_reply import ReplyFault, ReplyReader
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import TlsPolicy

LINES = st.lists(st.sampled_from([b"250 ok\r\n", b"250-a\n", b"550 5.1.1 no\r\n", b"354\r\n", b"421-x\r\n", b"", b"\r\n", b"25", b"0 x\n"]))
REPLIES = st.builds(Reply, st.sampled_from([220, 250, 354, 421, 450, 502, 550, 552, 554]), st.just(""), st.text(max_size=80))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def read(pieces: list[bytes]) -> list[Reply] | None:
    reader = ReplyReader()
    try:
        return [reply for piece in pieces for reply in reader.feed(piece)]
    except ReplyFault:
        return None


@given(st.binary(max_size=400), st.lists(st.integers(0, 400)))
def test_any_bytes_are_replies_or_a_fault(data: bytes, places: list[int]) -> None:
    assert read(cut(data, places)) == read([data])


@given(LINES, st.lists(st.integers(0, 400)))
def test_replies_do_not_depend_on_how_they_are_cut(lines: list[bytes], places: list[int]) -> None:
    data = b"".join(lines)
    assert read(cut(data, places)) == read([data])


@given(st.text(max_size=300))
def test_any_words_are_extensions(text: str) -> None:
    assert parse(Reply(250, "", text)).size_bytes >= 0


@given(st.lists(REPLIES, max_size=12), st.sampled_from(TlsLevel), st.booleans())
def test_opening_ends_or_waits_whatever_the_server_says(replies: list[Reply], tls: TlsLevel, is_lmtp: bool) -> None:
    opening = Opening(Manner("me.test", is_lmtp, TlsPolicy(tls)))
    is_secure = False
    for reply in replies:
        step = opening.take(reply)
        if step is Step.START_TLS:
            opening.secured()
            is_secure = True
        elif step is Step.OPENED:
            assert is_secure or tls is not TlsLevel.ENCRYPT
            return
        elif not isinstance(step, Send):
            assert (opening.refusal is not None) == (step is Step.REFUSED)
            return


@given(st.lists(REPLIES, max_size=12), st.integers(1, 4), st.booleans(), st.booleans())
def test_recipient_is_delivered_only_after_the_content_was_asked_for(replies: list[Reply], count: int, pipelines: bool, is_lmtp: bool) -> None:
    mail = Mail("a@b.test", [Recipient("c@d.test", "c@d.test")] * count)
    transaction = Transaction(mail, Extensions(has_pipelining=pipelines), is_lmtp=is_lmtp)
    transaction.begin()
    step: Send | Step = Step.WAIT
    was_asked = False
    for reply in replies:
        step = transaction.take(reply)
        was_asked |= step is Step.SEND_CONTENT
        if step is Step.FINISHED:
            break
    assert step is not Step.FINISHED or None not in transaction.results
    taken = [answer for answer in transaction.results if answer is not None and answer.verb is Verb.DOT and answer.reply.is_positive]
    assert was_asked or not taken


PIECES = st.lists(st.sampled_from([b".", b"\r\n", b"\n", b"\r", b"a", b"..", b"\r\n.\r\n"]), max_size=30)


def unstuff(wire: bytes) -> bytes:
    """What a server of RFC 5321 reads; a dot after a bare LF stays."""
    assert wire.startswith(b".\r\n") or b"\r\n.\r\n" in wire
    content, _, rest = (b"\r\n" + wire).partition(b"\r\n.\r\n")
    assert rest == b"", "the end came early"
    return content.replace(b"\r\n.", b"\r\n")[2:] + b"\r\n"


@given(PIECES, st.lists(st.integers(0, 100)))
def test_content_without_bare_line_ends_arrives_as_it_is(pieces: list[bytes], places: list[int]) -> None:
    data = b"".join(piece for piece in pieces if piece not in (b"\n", b"\r"))
    stuffing = Stuffing()
    wire = b"".join(map(stuffing.encode, cut(data, places))) + stuffing.end()
    expected = data if data.endswith(b"\r\n") or not data else data + b"\r\n"
    assert unstuff(wire) == (expected or b"\r\n")


@given(PIECES, st.lists(st.integers(0, 100)))
def test_no_content_ends_the_data_early_for_a_lax_server(pieces: list[bytes], places: list[int]) -> None:
    stuffing = Stuffing()
    wire = b"".join(map(stuffing.encode, cut(b"".join(pieces), places))) + stuffing.end()
    body = b"\n" + wire.removesuffix(b".\r\n")
    assert b"\n.\n" not in body
    assert b"\n.\r\n" not in body


@pytest.mark.parametrize("end", [b"\r", b"\r\n."])
def test_end_of_data_stands_on_its_own_line(end: bytes) -> None:
    stuffing = Stuffing()
    assert (stuffing.encode(b"a" + end) + stuffing.end()).endswith(b"\r\n.\r\n")
