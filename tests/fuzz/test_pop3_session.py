"""Whatever a client sends: a session answers each line once, never fails, and only a whole QUIT deletes."""

from hypothesis import given
from hypothesis import strategies as st

from services.pop3d.maildrop import maildrop
from services.pop3d.session import Close, Deliver, Finish, Offer, Refuse, Say, Session, State
from services.pop3d.stream import end_of_top, pieces

OFFER = Offer("mail", lambda: ("PLAIN",), 60)
WORDS = st.sampled_from(
    [verb + rest for verb in ("STAT", "LIST", "RETR", "DELE", "TOP", "UIDL", "RSET", "NOOP", "CAPA") for rest in ("", " 1", " 2", " 3 1", " x")]
)
LINES = WORDS.map(str.encode) | st.binary(max_size=40)


@given(
    st.lists(
        st.binary(max_size=60)
        | WORDS.map(str.encode)
        | st.sampled_from([b"USER a", b"AUTH PLAIN", b"AUTH PLAIN =", b"UTF8", b"LANG", b"LANG *", b"QUIT"])
    ),
    st.booleans(),
)
def test_session_before_sign_in_answers_every_line(lines: list[bytes], is_tls: bool) -> None:
    session = Session(OFFER, is_tls=is_tls)
    for line in lines:
        action = session.line(line)
        assert not isinstance(action, Deliver | Finish)
        if isinstance(action, Say | Refuse | Close):
            assert action.text.endswith(b"\r\n")
    assert session.state is State.AUTHORIZATION


@given(st.lists(LINES))
def test_maildrop_agrees_with_a_plain_count(lines: list[bytes]) -> None:
    drop = maildrop(1, [(10, 100), (20, 200), (30, 400)])
    session = Session(OFFER, is_tls=True)
    session.opened(drop)
    for line in lines:
        action = session.line(line)
        assert isinstance(action, Say | Refuse | Deliver)
        kept = [entry for entry in drop.entries if entry.number not in drop.deleted]
        assert session.line(b"STAT") == Say(b"+OK %d %d\r\n" % (len(kept), sum(entry.size_bytes for entry in kept)))
    assert session.line(b"QUIT") == Finish(drop)


@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"\r\n.", b"x", b"\0"]), max_size=60).map(b"".join), st.integers(0, 5))
def test_client_that_undoes_the_dots_has_the_message_again(content: bytes, lines: int) -> None:
    for end in (len(content), end_of_top(content, lines)):
        wire = b"".join(pieces(content, end))
        body, mark, rest = (b"\r\n" + wire).partition(b"\r\n.\r\n")
        assert (mark, rest) == (b"\r\n.\r\n", b"")
        plain = body.replace(b"\r\n.", b"\r\n").removeprefix(b"\r\n")
        assert plain in (content[:end], content[:end].removesuffix(b"\r\n"))
