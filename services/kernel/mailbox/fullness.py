"""How an owner hears that his mailbox fills up: once at each threshold, from whoever brings the mail that leads over it.

Nothing need be remembered: who makes room and fills it again is warned again. That is mda at delivery and imapd after APPEND, COPY and REPLACE, as
Dovecot does; what the operator moves in warns nobody.
"""

from collections.abc import Iterable
from email.message import EmailMessage
from email.policy import SMTPUTF8

from services.kernel.mail.headers import format_date
from services.kernel.mailbox.records import Growth

FIELDS = b"Return-Path: <>\r\n"
"""On top of a warning in a mailbox, where it has whatever room."""


def crossed(growth: Growth, thresholds: Iterable[int]) -> int:
    """Return the highest threshold, in percent, that was crossed; 0 for none."""
    before, after = growth.quota.percent(growth.before), growth.quota.percent(growth.after)
    return max((threshold for threshold in thresholds if before < threshold <= after), default=0)


def warning(growth: Growth, threshold: int, message_id: str, now: float) -> bytes:
    """The message to the owner of a mailbox that is ``threshold`` percent full. Pure."""
    quota, usage = growth.quota, growth.after
    lines = [f"Your mailbox {growth.address} is more than {threshold} % full:", ""]
    lines += [f"  {_megabytes(usage.size_bytes)} of {_megabytes(quota.size_bytes)} are used"] if quota.size_bytes else []
    lines += [f"  {usage.messages} of {quota.messages} messages are there"] if quota.messages else []
    lines += ["", "When it is full, mail to you goes back to those who sent it. Delete what you no longer need, in the trash too."]
    message = EmailMessage(SMTPUTF8)
    message["Date"] = format_date(int(now))
    message["Message-ID"] = message_id
    message["From"] = f"Mail system <postmaster@{growth.address.rpartition('@')[2]}>"
    message["To"] = growth.address
    message["Subject"] = f"Your mailbox is {threshold} % full"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(lines) + "\n")
    return message.as_bytes()


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.1f} MB"
