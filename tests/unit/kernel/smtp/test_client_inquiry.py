"""Asking for a recipient without I/O."""

import pytest

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.reply import Reply
from services.kernel.smtp.client import Send, Step, Verb
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_extensions import Extensions
from services.kernel.smtp.client_inquiry import Inquiry

MAIL = Mail("a@b.test", [Recipient("c@d.test", "c@d.test")])


def inquiry(*, pipelining: bool) -> Inquiry:
    return Inquiry(MAIL, Extensions(has_pipelining=pipelining), is_lmtp=False)


def test_both_commands_go_out_at_once_where_the_server_allows_it_and_data_never() -> None:
    assert inquiry(pipelining=True).begin() == b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
    slow = inquiry(pipelining=False)
    assert slow.begin() == b"MAIL FROM:<a@b.test>\r\n"
    assert slow.take(Reply(250, "", "")) == Send(b"RCPT TO:<c@d.test>\r\n")
    assert slow.take(Reply(250, "", "")) is Step.FINISHED


@pytest.mark.parametrize(
    ("pipelining", "codes", "decided"),
    [
        (True, (250, 250), (Verb.RCPT, 250)),
        (True, (250, 550), (Verb.RCPT, 550)),
        (True, (550, 503), (Verb.MAIL, 550)),
        (True, (421,), (Verb.MAIL, 421)),
        (True, (250, 421), (Verb.RCPT, 421)),
        (False, (250, 450), (Verb.RCPT, 450)),
        (False, (451,), (Verb.MAIL, 451)),
    ],
)
def test_the_first_refusal_decides(pipelining: bool, codes: tuple[int, ...], decided: tuple[Verb, int]) -> None:
    asked = inquiry(pipelining=pipelining)
    steps = [asked.take(Reply(code, "", "")) for code in codes]
    assert steps[-1] is Step.FINISHED
    (answer,) = asked.results
    assert answer is not None
    assert (answer.verb, answer.reply.code) == decided
    assert asked.is_reusable is (421 not in codes)
