"""Replies of a server as they come off the wire: bytes in, ``Reply`` values out.

Tolerant of what servers really send (bare LF, a code with nothing behind it, 8-bit words) and bounded in all of it.
"""

import re

from services.kernel.mail.reply import Reply

LINE_BYTES = 2048
"""What is longer is cut. RFC 5321 section 4.5.3.1.5 allows 512; Postfix ``line_length_limit``."""
REPLY_BYTES = 65_536
"""A reply longer than this is noise; the longest honest ones are EHLO replies of some 2 KB."""
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: +|$)")
"""RFC 3463 section 2, as RFC 2034 section 4 puts it at the beginning of the text."""


class ReplyFault(ValueError):
    """The peer sent something that is not an SMTP reply."""


class ReplyReader:
    """Collects the replies of one connection."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._bytes = 0

    @property
    def has_rest(self) -> bool:
        """Whether bytes of a reply that is not finished are here."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """Take ``data`` and return the replies that it completes. Raises ``ReplyFault``."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:LINE_BYTES]
        replies = []
        for line in lines:
            reply = self._take(line)
            if reply is not None:
                replies.append(reply)
        return replies

    def _take(self, raw: bytes) -> Reply | None:
        line = raw[:LINE_BYTES].rstrip(b"\r")
        code, mark = line[:3], line[3:4]
        if not code.isdigit() or not b"2" <= code[:1] <= b"5" or len(code) < 3 or mark not in (b" ", b"-", b""):
            raise ReplyFault(f"not an SMTP reply: {_printable(line[:80])}")
        self._bytes += len(line)
        if self._bytes > REPLY_BYTES:
            raise ReplyFault("a reply without end")
        self._lines.append(_printable(line[4:]))
        if mark == b"-":
            return None
        words, self._lines, self._bytes = self._lines, [], 0
        return _reply(int(code), words)


def _reply(code: int, lines: list[str]) -> Reply:
    """Join the lines; the code of the last line counts, as in Postfix, where lines disagree."""
    found = _ENHANCED.match(lines[-1])
    enhanced = found[1] if found and found[1][0] == str(code)[0] else ""
    if enhanced:
        lines = [line.removeprefix(enhanced).lstrip() for line in lines]
    return Reply(code, enhanced, "\n".join(lines))


def _printable(raw: bytes) -> str:
    """Decode for people: what is not printable becomes ``?``, so that it can do no harm in a terminal or a report."""
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
