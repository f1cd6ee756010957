"""The client protocol without I/O."""

import pytest

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.reply import Reply
from services.kernel.smtp.client import Manner, Opening, Send, Step, Transaction, Verb
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_extensions import Extensions
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import TlsPolicy

PIPELINING = Extensions(has_pipelining=True)
GREETING = Reply(220, "", "mx ESMTP")


def open_with(manner: Manner, *replies: str) -> list[Send | Step]:
    opening = Opening(manner)
    return [opening.take(reply(text)) for text in replies]


def reply(text: str) -> Reply:
    code, _, words = text.partition(" ")
    return Reply(int(code), "", words.replace("|", "\n"))


def transaction(recipients: int = 2, peer: Extensions = PIPELINING, *, is_lmtp: bool = False) -> Transaction:
    addresses = [f"r{n}@d.test" for n in range(recipients)]
    return Transaction(Mail("s@d.test", [Recipient(a, a) for a in addresses]), peer, is_lmtp=is_lmtp)


def run(made: Transaction, *codes: int) -> list[Send | Step]:
    return [made.take(Reply(code, "", "")) for code in codes]


def verdicts(made: Transaction) -> list[tuple[Verb, int] | None]:
    return [(answer.verb, answer.reply.code) if answer else None for answer in made.results]


@pytest.mark.parametrize(
    ("tls", "replies", "last"),
    [
        (TlsLevel.MAY, ("220 mx", "250 mx|PIPELINING"), Step.OPENED),
        (TlsLevel.NONE, ("220 mx", "250 mx|STARTTLS"), Step.OPENED),
        (TlsLevel.MAY, ("220 mx", "250 mx|STARTTLS"), Send(b"STARTTLS\r\n")),
        (TlsLevel.MAY, ("220 mx", "250 mx|STARTTLS", "220 go"), Step.START_TLS),
        (TlsLevel.MAY, ("220 mx", "250 mx|STARTTLS", "454 no"), Step.OPENED),
        (TlsLevel.ENCRYPT, ("220 mx", "250 mx|STARTTLS", "454 no"), Step.TLS_MISSING),
        (TlsLevel.ENCRYPT, ("220 mx", "250 mx"), Step.TLS_MISSING),
        (TlsLevel.MAY, ("554 go away",), Step.REFUSED),
        (TlsLevel.MAY, ("220 mx", "421 busy"), Step.REFUSED),
        (TlsLevel.MAY, ("220 mx", "502 what"), Send(b"HELO me.test\r\n")),
        (TlsLevel.MAY, ("220 mx", "502 what", "250 mx"), Step.OPENED),
        (TlsLevel.ENCRYPT, ("220 mx", "502 what", "250 mx"), Step.TLS_MISSING),
        (TlsLevel.MAY, ("220 mx", "502 what", "550 no"), Step.REFUSED),
    ],
)
def test_opening_leads_to(tls: TlsLevel, replies: tuple[str, ...], last: Send | Step) -> None:
    assert open_with(Manner("me.test", tls=TlsPolicy(tls)), *replies)[-1] == last


def test_lmtp_says_lhlo_and_never_helo() -> None:
    manner = Manner("me.test", is_lmtp=True)
    assert open_with(manner, "220 mda", "500 what") == [Send(b"LHLO me.test\r\n"), Step.REFUSED]


def test_what_was_announced_in_clear_text_is_forgotten_under_tls() -> None:
    opening = Opening(Manner("me.test"))
    for text in ("220 mx", "250 mx|STARTTLS|DSN", "220 go"):
        opening.take(reply(text))
    assert opening.secured() == Send(b"EHLO me.test\r\n")
    assert opening.take(reply("250 mx|PIPELINING")) is Step.OPENED
    assert (opening.extensions.has_dsn, opening.extensions.has_pipelining) == (False, True)


def test_pipelined_transaction_is_one_write() -> None:
    wire = transaction().begin()
    assert wire == b"MAIL FROM:<s@d.test>\r\nRCPT TO:<r0@d.test>\r\nRCPT TO:<r1@d.test>\r\nDATA\r\n"


def test_without_pipelining_each_command_waits_for_its_reply() -> None:
    made = transaction(1, Extensions())
    assert made.begin() == b"MAIL FROM:<s@d.test>\r\n"
    assert run(made, 250, 250, 354) == [Send(b"RCPT TO:<r0@d.test>\r\n"), Send(b"DATA\r\n"), Step.SEND_CONTENT]


@pytest.mark.parametrize(
    ("codes", "last", "results"),
    [
        ((250, 250, 250, 354, 250), Step.FINISHED, [(Verb.DOT, 250)] * 2),
        ((250, 250, 550, 354, 250), Step.FINISHED, [(Verb.DOT, 250), (Verb.RCPT, 550)]),
        ((250, 450, 250, 354, 554), Step.FINISHED, [(Verb.RCPT, 450), (Verb.DOT, 554)]),
        ((550, 503, 503, 503), Step.FINISHED, [(Verb.MAIL, 550)] * 2),
        ((550, 250, 250, 503), Step.FINISHED, [(Verb.MAIL, 550)] * 2),
        ((250, 550, 450, 503), Step.FINISHED, [(Verb.RCPT, 550), (Verb.RCPT, 450)]),
        ((250, 250, 550, 451), Step.FINISHED, [(Verb.DATA, 451), (Verb.RCPT, 550)]),
        ((250, 250, 250, 250), Step.FINISHED, [(Verb.DATA, 250)] * 2),
        ((250, 550, 550, 354), Send(b".\r\n"), [(Verb.RCPT, 550)] * 2),
        ((250, 550, 550, 354, 250), Step.FINISHED, [(Verb.RCPT, 550)] * 2),
        ((250, 250, 421), Step.FINISHED, [(Verb.RCPT, 421)] * 2),
        ((250, 550, 421), Step.FINISHED, [(Verb.RCPT, 550), (Verb.RCPT, 421)]),
        ((250, 250, 250, 354, 421), Step.FINISHED, [(Verb.DOT, 421)] * 2),
    ],
)
def test_pipelined_transaction_judges(codes: tuple[int, ...], last: Send | Step, results: list[tuple[Verb, int]]) -> None:
    made = transaction()
    assert run(made, *codes)[-1] == last
    assert verdicts(made) == results


@pytest.mark.parametrize(
    ("codes", "results"),
    [
        ((550,), [(Verb.MAIL, 550)] * 2),
        ((250, 550, 450), [(Verb.RCPT, 550), (Verb.RCPT, 450)]),
        ((250, 250, 450, 354, 250), [(Verb.DOT, 250), (Verb.RCPT, 450)]),
    ],
)
def test_transaction_without_pipelining_ends_as_soon_as_nobody_is_left(codes: tuple[int, ...], results: list[tuple[Verb, int]]) -> None:
    made = transaction(peer=Extensions())
    assert run(made, *codes)[-1] is Step.FINISHED
    assert verdicts(made) == results


def test_lmtp_has_one_reply_for_each_accepted_recipient_in_order() -> None:
    made = transaction(3, is_lmtp=True)
    steps = run(made, 250, 250, 550, 250, 354, 250, 452)
    assert steps[-2:] == [Step.WAIT, Step.FINISHED]
    assert verdicts(made) == [(Verb.DOT, 250), (Verb.RCPT, 550), (Verb.DOT, 452)]


def test_421_among_the_replies_of_lmtp_counts_for_those_who_have_none() -> None:
    made = transaction(3, is_lmtp=True)
    run(made, 250, 250, 250, 250, 354, 250, 421)
    assert verdicts(made) == [(Verb.DOT, 250), (Verb.DOT, 421), (Verb.DOT, 421)]
    assert not made.is_reusable


@pytest.mark.parametrize(("codes", "needs"), [((250, 550, 550, 503), True), ((250, 250, 250, 354, 250), False), ((250, 250, 250, 354, 554), False)])
def test_session_is_reset_after_a_transaction_without_content(codes: tuple[int, ...], needs: bool) -> None:
    made = transaction()
    run(made, *codes)
    assert (made.needs_reset, made.is_reusable) == (needs, True)


CHUNKING = Extensions(has_pipelining=True, has_chunking=True)


def chunked(peer: Extensions = CHUNKING, *, chunks: int = 1, is_lmtp: bool = False) -> Transaction:
    """A transaction whose chunks, the last one too, are sent."""
    addresses = [Recipient(f"r{n}@d.test", f"r{n}@d.test") for n in range(2)]
    made = Transaction(Mail("s@d.test", addresses), peer, is_lmtp=is_lmtp, chunking=True)
    made.chunks, made.is_dot_sent = chunks, True
    return made


def test_chunks_need_no_data_command() -> None:
    assert b"DATA" not in chunked().begin()
    assert run(chunked(), 250, 250, 550)[-1] is Step.SEND_CONTENT
    assert b"DATA" in Transaction(Mail("s@d.test", []), PIPELINING, is_lmtp=False, chunking=True).begin()


@pytest.mark.parametrize("peer", [CHUNKING, Extensions(has_chunking=True)])
def test_nothing_is_sent_in_chunks_when_nobody_is_left(peer: Extensions) -> None:
    made = chunked(peer)
    assert run(made, 250, 550, 450)[-1] is Step.FINISHED
    assert (verdicts(made), made.needs_reset) == ([(Verb.RCPT, 550), (Verb.RCPT, 450)], True)


@pytest.mark.parametrize(
    ("chunks", "codes", "results", "is_reusable"),
    [
        (1, (250,), [(Verb.BDAT, 250), (Verb.RCPT, 550)], True),
        (3, (250, 250, 250), [(Verb.BDAT, 250), (Verb.RCPT, 550)], True),
        (1, (552,), [(Verb.BDAT, 552), (Verb.RCPT, 550)], True),
        (3, (250, 452), [(Verb.BDAT, 452), (Verb.RCPT, 550)], False),
        (3, (250, 421), [(Verb.BDAT, 421), (Verb.RCPT, 550)], False),
    ],
)
def test_reply_to_the_last_chunk_decides_unless_one_before_it_is_refused(
    chunks: int, codes: tuple[int, ...], results: list[tuple[Verb, int]], is_reusable: bool
) -> None:
    made = chunked(chunks=chunks)
    assert run(made, 250, 250, 550, *codes)[-1] is Step.FINISHED
    assert (verdicts(made), made.is_reusable) == (results, is_reusable)


def test_lmtp_has_a_reply_for_each_recipient_after_the_last_chunk() -> None:
    made = chunked(chunks=2, is_lmtp=True)
    run(made, 250, 250, 250, 250, 250, 452)
    assert verdicts(made) == [(Verb.BDAT, 250), (Verb.BDAT, 452)]
