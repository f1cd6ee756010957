"""The lock that keeps a second POP3 session out, and the time between two."""

import pytest

from services.kernel.mailbox.trouble import Locked, TooSoon
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, Machine


def test_session_too_soon_after_the_last_is_refused_in_every_process(machine: Machine, alice: UserMail) -> None:
    other = machine.process().user(ADDRESS)
    with alice.pop3_lock(60):
        pass
    machine.clock.now += 59
    with pytest.raises(TooSoon), other.pop3_lock(60):
        raise AssertionError
    machine.clock.now += 1
    with other.pop3_lock(60):
        pass


def test_refused_session_does_not_prolong_the_time(machine: Machine, alice: UserMail) -> None:
    with alice.pop3_lock(60):
        pass
    for _ in range(2):
        machine.clock.now += 30
        with pytest.raises(TooSoon), alice.pop3_lock(61):
            raise AssertionError
    machine.clock.now += 1
    with alice.pop3_lock(61):
        pass


def test_clock_that_was_set_back_keeps_nobody_out(machine: Machine, alice: UserMail) -> None:
    with alice.pop3_lock(60):
        pass
    machine.clock.now -= 3600
    with alice.pop3_lock(60):
        pass


def test_second_session_is_kept_out_whatever_the_time(machine: Machine, alice: UserMail) -> None:
    with alice.pop3_lock(), pytest.raises(Locked), machine.process().user(ADDRESS).pop3_lock(60):
        raise AssertionError
