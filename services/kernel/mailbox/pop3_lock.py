"""The lock of a mailbox's POP3 session (RFC 1939 section 4), and when the last one began: one small file in the Maildir."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from services.kernel.mailbox.disk import FILE_MODE
from services.kernel.mailbox.trouble import Locked, TooSoon, mapped

NAME = "malleposte.pop3.lock"
TIME_BYTES = 12


@contextmanager
def hold(maildir: Path, clock: Callable[[], float], delay_seconds: float) -> Iterator[None]:
    """Keep a second POP3 session out, at once or with ``Locked``; IMAP and delivery go on. Blocks.

    Raises ``TooSoon`` when it was last taken less than ``delay_seconds`` ago, by whatever process, and ``MailboxTrouble``.
    """
    with mapped():
        file = os.open(maildir / NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked("another POP3 session has the mailbox") from None
        if delay_seconds:
            with mapped():
                _note(file, int(clock()), delay_seconds)
        yield
    finally:
        os.close(file)


def _note(file: int, now: int, delay_seconds: float) -> None:
    """The file holds the time at which the last session began, in seconds since the epoch."""
    last = os.pread(file, TIME_BYTES, 0)
    if last.isdigit() and 0 <= now - int(last) < delay_seconds:  # a time to come is of a clock that was set back
        raise TooSoon("the last POP3 session began too short a time ago")
    os.pwrite(file, b"%0*d" % (TIME_BYTES, now), 0)
