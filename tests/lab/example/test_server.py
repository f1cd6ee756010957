"""Two promises that every mail server makes, tried on this one."""

import smtplib
from collections.abc import Callable

from malleposte_lab.checker import History, judge
from malleposte_lab.history import Workload
from malleposte_lab.lab import Lab

SERVER, USER = "mail", "carol@world.test"
SENDER = "alice@sink.test"


def test_accepted_mail_survives_a_crash(lab: Lab, connect: Callable[[], smtplib.SMTP], mailbox: Callable[[], list[bytes]]) -> None:
    lab.events.wait_until(lambda: answers(connect), "the server does not start", 60)
    workload = Workload()
    workload.run(connect, SENDER, [USER], [f"before-{number}" for number in range(20)])
    lab.faults.kill(SERVER).undo()
    lab.events.wait_until(lambda: answers(connect), "the server does not come back", 60)
    workload.run(connect, SENDER, [USER], [f"after-{number}" for number in range(20)])

    def verdict() -> bool:
        return not judge(History(workload, {USER: mailbox()}, faults=lab.faults.periods())).breaks

    lab.events.wait_until(verdict, "mail is missing", 60)
    assert len(workload.accepted) == 40


def test_frozen_server_takes_nothing_and_goes_on_afterwards(lab: Lab, connect: Callable[[], smtplib.SMTP]) -> None:
    with lab.faults.pause(SERVER):
        assert not answers(connect)
    assert answers(connect)


def answers(connect: Callable[[], smtplib.SMTP]) -> bool:
    try:
        with connect() as client:
            return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False
