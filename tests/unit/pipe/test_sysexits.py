"""From the end of a command to an outcome; the table is that of Postfix."""

import pytest

from services.kernel.mail.outcome import Bounced, Deferred, Delivered
from services.pipe.sysexits import Ended, judge


@pytest.mark.parametrize(
    ("status", "kind", "reply"),
    [
        (64, Bounced, "550 5.3.0 command line usage error"),
        (65, Bounced, "550 5.6.0 data format error"),
        (67, Bounced, "550 5.1.1 user unknown"),
        (68, Bounced, "550 5.1.2 host name unknown"),
        (69, Bounced, "550 5.3.0 service unavailable"),
        (71, Deferred, "450 4.3.0 system resource problem"),
        (73, Bounced, "550 5.2.0 can't create user output file"),
        (75, Deferred, "450 4.3.0 temporary failure"),
        (77, Bounced, "550 5.7.0 permission denied"),
        (78, Bounced, "550 5.3.5 local configuration error"),
        (1, Deferred, "450 4.3.0 unknown mail system error 1"),
        (-11, Deferred, "450 4.3.0 Command died with signal 11"),
        (0, Delivered, "250 2.0.0 delivered via lists service"),
    ],
)
def test_exit_status_decides(status: int, kind: type, reply: str) -> None:
    outcome = judge(Ended(status), "lists")
    assert isinstance(outcome, kind)
    assert str(outcome.reply) == reply


def test_output_is_in_the_reply_on_one_line() -> None:
    assert judge(Ended(67, b"no\r\nsuch \x1b[31muser\xff\n"), "lists").reply.text == "user unknown. Command output: no such [31muser\ufffd"
    assert judge(Ended(0, b"stored\n"), "lists").reply.text == "delivered via lists service (stored)"


@pytest.mark.parametrize(
    ("output", "kind", "reply"),
    [
        (b"4.2.2 mailbox is full", Deferred, "450 4.2.2 mailbox is full"),
        (b"5.7.1 members only\n", Bounced, "550 5.7.1 members only"),
        (b"2.0.0 fine", Deferred, "450 4.3.0 unknown mail system error 1. Command output: 2.0.0 fine"),
        (b"5.7.1x", Deferred, "450 4.3.0 unknown mail system error 1. Command output: 5.7.1x"),
    ],
)
def test_enhanced_status_code_in_the_output_goes_before_the_exit_status(output: bytes, kind: type, reply: str) -> None:
    outcome = judge(Ended(1, output), "lists")
    assert isinstance(outcome, kind)
    assert str(outcome.reply) == reply


def test_time_limit_defers_whatever_the_status_says() -> None:
    outcome = judge(Ended(0, is_late=True), "lists")
    assert isinstance(outcome, Deferred)
    assert str(outcome.reply) == "450 4.3.0 Command time limit exceeded"
