"""Reports on hostile mail and hostile replies: the structure holds, and nothing breaks out of its field."""

import email
from email import policy

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.dsn import Action, Original, RecipientReport, Report, build
from services.kernel.mail.reply import Reply

text = st.text(max_size=200)
reports = st.builds(
    RecipientReport,
    action=st.just(Action.FAILED),
    address=text,
    reply=st.builds(Reply, code=st.integers(400, 599), enhanced=text, text=text),
    orcpt=text,
    remote_mta=text,
    last_attempt=st.floats(0, 4e9),
)


@given(
    st.lists(reports, min_size=1, max_size=3),
    st.binary(max_size=400),
    st.booleans(),
    st.booleans(),
    text,
)
def test_report_is_always_three_parts(recipients: list[RecipientReport], content: bytes, is_whole: bool, smtputf8: bool, envid: str) -> None:
    original = Original(content, is_whole, 1e9, envid)
    block = build(Report("mail.example.test", "id", "alice@example.test", 1e9, tuple(recipients), original, smtputf8))
    head, _, body = block.partition(b"\r\n\r\n")
    boundary = email.message_from_bytes(head + b"\r\n\r\n", policy=policy.default).get_boundary()
    assert boundary is not None
    pieces = body.split(f"\r\n--{boundary}".encode())
    assert len(pieces) == 5
    assert pieces[3].partition(b"\r\n\r\n")[2] == content
    assert pieces[4] == b"--\r\n"
    status = pieces[2].partition(b"\r\n\r\n")[2]
    assert status.count(b"Action: failed\r\n") == len(recipients)
    assert status.count(b"\r\n\r\n") == len(recipients)
    assert max(map(len, block[: -len(pieces[4])].replace(content, b"").split(b"\r\n"))) <= 998
    assert smtputf8 or (head + pieces[1] + pieces[2]).isascii()
