import pytest

from services.pop3d.config import UidlForm
from services.pop3d.maildrop import Maildrop, maildrop
from services.pop3d.session import Action, Authenticate, Close, Deliver, Finish, Offer, Refuse, Say, Session, SignIn, StartTls, State

OFFER = Offer("mail.example.test", lambda: ("SCRAM-SHA-256", "PLAIN"))


def signed_in() -> tuple[Session, Maildrop]:
    session = Session(OFFER, is_tls=True)
    drop = maildrop(7, [(11, 100), (12, 200), (15, 300)])
    session.opened(drop)
    return session, drop


def answer(session: Session, line: bytes) -> bytes:
    action = session.line(line)
    assert isinstance(action, Say), action
    return action.text


def is_refused(action: Action) -> bool:
    return isinstance(action, Refuse) and action.text.startswith(b"-ERR")


@pytest.mark.parametrize("line", [b"USER alice", b"PASS x", b"AUTH PLAIN", b"AUTH PLAIN AGEAYg==", b"APOP alice 0123"])
def test_no_password_is_taken_in_clear_text(line: bytes) -> None:
    assert is_refused(Session(OFFER, is_tls=False).line(line))


def test_capabilities_in_clear_text_offer_tls_and_no_password() -> None:
    words = answer(Session(OFFER, is_tls=False), b"CAPA").split(b"\r\n")
    assert b"STLS" in words
    assert not {b"USER", b"SASL SCRAM-SHA-256 PLAIN"} & set(words)


def test_capabilities_under_tls_offer_passwords_and_no_tls() -> None:
    words = answer(Session(OFFER, is_tls=True), b"CAPA").split(b"\r\n")
    assert {b"USER", b"SASL SCRAM-SHA-256 PLAIN", b"TOP", b"UIDL", b"PIPELINING", b"RESP-CODES", b"AUTH-RESP-CODE"} <= set(words)
    assert b"STLS" not in words
    assert words[-2:] == [b".", b""]


def test_stls_begins_tls_once() -> None:
    session = Session(OFFER, is_tls=False)
    assert isinstance(session.line(b"STLS"), StartTls)
    session.encrypted()
    assert is_refused(session.line(b"STLS"))


def test_user_and_pass_sign_in() -> None:
    session = Session(OFFER, is_tls=True)
    answer(session, b"USER alice@example.test")
    assert session.line(b"PASS a b ") == SignIn("alice@example.test", "a b ")


def test_pass_needs_a_user_before_it_each_time() -> None:
    session = Session(OFFER, is_tls=True)
    answer(session, b"USER alice")
    session.line(b"PASS wrong")
    assert is_refused(session.line(b"PASS again"))


@pytest.mark.parametrize(
    ("line", "action"),
    [
        (b"auth plain AGFsaWNlAHNlY3JldA==", Authenticate("PLAIN", "AGFsaWNlAHNlY3JldA==")),
        (b"AUTH PLAIN", Authenticate("PLAIN", None)),
        (b"AUTH SCRAM-SHA-256 =", Authenticate("SCRAM-SHA-256", "=")),
    ],
)
def test_auth_begins_a_mechanism_that_is_offered(line: bytes, action: Action) -> None:
    assert Session(OFFER, is_tls=True).line(line) == action


def test_auth_alone_lists_what_is_offered() -> None:
    assert answer(Session(OFFER, is_tls=True), b"AUTH") == b"+OK mechanisms\r\nSCRAM-SHA-256\r\nPLAIN\r\n.\r\n"
    assert answer(Session(OFFER, is_tls=False), b"AUTH") == b"+OK mechanisms\r\n.\r\n"


def test_time_between_sign_ins_is_told() -> None:
    session = Session(Offer("mail", lambda: (), 900), is_tls=True)
    assert b"\r\nLOGIN-DELAY 900\r\n" in answer(session, b"CAPA")
    assert b"LOGIN-DELAY" not in answer(Session(OFFER, is_tls=True), b"CAPA")


def test_language_is_listed_and_chosen() -> None:
    session = Session(OFFER, is_tls=True)
    assert b"\r\nLANG\r\n" in answer(session, b"CAPA")
    assert answer(session, b"LANG") == b"+OK languages\r\ni-default English\r\nen English\r\n.\r\n"
    assert answer(session, b"LANG EN") == b"+OK en English\r\n"
    assert answer(session, b"LANG *") == b"+OK en English\r\n"
    assert answer(session, b"LANG xx") == b"-ERR no such language\r\n"
    assert answer(signed_in()[0], b"LANG i-default") == b"+OK i-default English\r\n"


def test_utf8_is_switched_on_before_the_sign_in() -> None:
    session = Session(OFFER, is_tls=False)
    assert b"\r\nUTF8 USER\r\n" in answer(session, b"CAPA")
    assert answer(session, b"UTF8").startswith(b"+OK")
    assert is_refused(session.line(b"UTF8 x"))
    assert is_refused(signed_in()[0].line(b"UTF8"))


def test_unknown_mechanism_is_refused() -> None:
    assert is_refused(Session(OFFER, is_tls=True).line(b"AUTH CRAM-MD5"))


@pytest.mark.parametrize("line", [b"STAT", b"LIST", b"RETR 1", b"DELE 1", b"UIDL", b"TOP 1 0", b"NOOP", b"RSET"])
def test_mailbox_commands_need_a_sign_in(line: bytes) -> None:
    assert is_refused(Session(OFFER, is_tls=True).line(line))


@pytest.mark.parametrize("line", [b"USER x", b"PASS x", b"AUTH PLAIN", b"STLS"])
def test_sign_in_commands_are_over_after_it(line: bytes) -> None:
    assert is_refused(signed_in()[0].line(line))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"STAT", b"+OK 3 600\r\n"),
        (b"LIST", b"+OK listing follows\r\n1 100\r\n2 200\r\n3 300\r\n.\r\n"),
        (b"LIST 2", b"+OK 2 200\r\n"),
        (b"UIDL", b"+OK listing follows\r\n1 7.11\r\n2 7.12\r\n3 7.15\r\n.\r\n"),
        (b"UIDL 3", b"+OK 3 7.15\r\n"),
        (b"NOOP", b"+OK\r\n"),
    ],
)
def test_maildrop_is_told(line: bytes, text: bytes) -> None:
    assert answer(signed_in()[0], line) == text


@pytest.mark.parametrize("line", [b"LIST 4", b"LIST 0", b"LIST x", b"LIST 1 2", b"UIDL 4", b"RETR", b"RETR -1", b"DELE 99999999999", b"TOP 4 0"])
def test_message_that_is_not_there_is_an_error(line: bytes) -> None:
    assert answer(signed_in()[0], line) == b"-ERR no such message\r\n"


@pytest.mark.parametrize("line", [b"TOP", b"TOP 1", b"TOP 1 x", b"TOP 1 -1", b"TOP 1 2 3"])
def test_top_needs_two_numbers(line: bytes) -> None:
    assert is_refused(signed_in()[0].line(line))


def test_deleted_message_is_gone_from_all_answers_and_keeps_the_other_numbers() -> None:
    session, _ = signed_in()
    answer(session, b"DELE 2")
    assert answer(session, b"STAT") == b"+OK 2 400\r\n"
    assert answer(session, b"LIST") == b"+OK listing follows\r\n1 100\r\n3 300\r\n.\r\n"
    for line in (b"RETR 2", b"DELE 2", b"TOP 2 0", b"UIDL 2"):
        assert answer(session, line) == b"-ERR no such message\r\n"


def test_reset_takes_deletions_back() -> None:
    session, drop = signed_in()
    answer(session, b"DELE 2")
    answer(session, b"RSET")
    assert answer(session, b"STAT") == b"+OK 3 600\r\n"
    assert drop.uids_deleted() == ()


def test_quit_finishes_with_what_was_marked() -> None:
    session, drop = signed_in()
    answer(session, b"DELE 3")
    answer(session, b"DELE 1")
    assert session.line(b"QUIT") == Finish(drop)
    assert session.state is State.UPDATE
    assert drop.uids_deleted() == (11, 15)


def test_quit_before_sign_in_just_ends() -> None:
    assert isinstance(Session(OFFER, is_tls=False).line(b"QUIT"), Close)


def test_retrieved_message_is_read_and_its_top_is_not() -> None:
    session, drop = signed_in()
    for line in (b"RETR 1", b"RETR 2", b"TOP 3 0"):
        delivery = session.line(line)
        assert isinstance(delivery, Deliver)
        session.delivered(delivery)
    answer(session, b"DELE 2")
    assert drop.uids_read() == (11,)


def test_uidl_is_as_dovecot_told_it_where_the_site_comes_from_there() -> None:
    assert maildrop(0x5F3A1B2C, [(255, 1)], UidlForm.DOVECOT).entries[0].uidl == "000000ff5f3a1b2c"


def test_uidl_has_only_characters_and_length_that_the_rfc_allows() -> None:
    drop = maildrop(2**32 - 1, [(2**32 - 1, 1)])
    assert len(drop.entries[0].uidl) <= 70
    assert drop.entries[0].uidl.isprintable()
    assert " " not in drop.entries[0].uidl
