"""From the end of a command to an outcome (pipe(8), DIAGNOSTICS; Postfix ``sys_exits`` and ``pipe_command``)."""

import re
from dataclasses import dataclass

from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome, Remote
from services.kernel.mail.reply import Reply

_TABLE = {
    64: ("5.3.0", "command line usage error"),  # EX_USAGE
    65: ("5.6.0", "data format error"),  # EX_DATAERR
    66: ("5.3.0", "cannot open input"),  # EX_NOINPUT
    67: ("5.1.1", "user unknown"),  # EX_NOUSER
    68: ("5.1.2", "host name unknown"),  # EX_NOHOST
    69: ("5.3.0", "service unavailable"),  # EX_UNAVAILABLE
    70: ("5.3.0", "internal software error"),  # EX_SOFTWARE
    71: ("4.3.0", "system resource problem"),  # EX_OSERR
    72: ("5.3.0", "critical OS file missing"),  # EX_OSFILE
    73: ("5.2.0", "can't create user output file"),  # EX_CANTCREAT
    74: ("5.3.0", "input/output error"),  # EX_IOERR
    75: ("4.3.0", "temporary failure"),  # EX_TEMPFAIL
    76: ("5.5.0", "remote error in protocol"),  # EX_PROTOCOL
    77: ("5.7.0", "permission denied"),  # EX_NOPERM
    78: ("5.3.5", "local configuration error"),  # EX_CONFIG
}
"""Status -> enhanced code and words. Any other status waits: it is what a program ends with that has met a trouble of its own, such as an
exception that nobody caught (Postfix returns the mail then)."""

_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Ended:
    """``status`` is the exit status, negative the signal; ``is_late`` when the time limit ended it."""

    status: int
    output: bytes = b""
    is_late: bool = False


def judge(ended: Ended, transport: str) -> Outcome:
    """What became of each recipient of the command."""
    output = words(ended.output)
    if ended.is_late:
        return defer("4.3.0", _with_output("Command time limit exceeded", output))
    if ended.status < 0:
        return defer("4.3.0", _with_output(f"Command died with signal {-ended.status}", output))
    if ended.status == 0:
        return Delivered(Reply(250, "2.0.0", f"delivered via {transport} service" + (f" ({output})" if output else "")), Remote())
    said = _STATUS.match(output)
    if said and said[1][0] != "2":
        return _fail(said[1], output[said.end() :] or "refused by the command")
    enhanced, text = _TABLE.get(ended.status, ("4.3.0", f"unknown mail system error {ended.status}"))
    return _fail(enhanced, _with_output(text, output))


def defer(enhanced: str, text: str, *, site: bool = False) -> Outcome:
    """Later."""
    return Deferred(Reply(450, enhanced, text), Remote(), site=site)


def bounce(enhanced: str, text: str) -> Outcome:
    """Never."""
    return Bounced(Reply(550, enhanced, text), Remote())


def words(output: bytes) -> str:
    """Output as one line that may stand in a reply: no control characters."""
    text = output.decode("utf-8", errors="replace")
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _fail(enhanced: str, text: str) -> Outcome:
    return defer(enhanced, text) if enhanced[0] == "4" else bounce(enhanced, text)


def _with_output(text: str, output: str) -> str:
    return f"{text}. Command output: {output}" if output else text
