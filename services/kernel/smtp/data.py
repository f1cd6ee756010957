"""Reading content: DATA with its dots, BDAT with its counts. Bytes in, bytes out, no I/O.

Only CRLF ends a line and only CRLF.CRLF ends DATA (RFC 5321 section 4.1.1.4). A CR or LF on its own is a fault of the whole message, because the
next server might take it for a line end and see a second message there (SMTP smuggling, CVE-2023-51764). After a fault the readers go on to
the end of the content and give nothing more out, so that the session stays in step and memory stays bounded.
"""

from enum import Enum

from services.kernel.mail.reply import Reply

_END = b"\r\n.\r\n"


class Fault(Enum):
    """Why content is refused, as the reply."""

    BARE_NEWLINE = Reply(550, "5.5.2", "bare CR or LF in the message: lines end with CRLF")
    """As Postfix with ``smtpd_forbid_bare_newline = reject``."""
    LONG_LINE = Reply(500, "5.6.0", "text line too long")
    """RFC 5321 section 4.5.3.1.9."""
    TOO_LARGE = Reply(552, "5.3.4", "message size exceeds the limit")
    """RFC 1870 section 6.3."""


class ContentCheck:
    """Watches content pass by and remembers the first fault; ``line_limit`` is without CRLF. A block must not end between CR and LF."""

    def __init__(self, size_limit: int, line_limit: int) -> None:
        self._size_limit = size_limit
        self._longest = line_limit + 2  # with its CRLF
        self._line_octets = 0
        self.size_bytes = 0
        self.ends_with_newline = True
        self.fault: Fault | None = None

    def passes(self, block: bytes) -> bool:
        """Count ``block`` and tell whether all is well so far."""
        self.size_bytes += len(block)
        if self.fault is not None:
            return False
        self.fault = self._find_fault(block)
        return self.fault is None

    def _find_fault(self, block: bytes) -> Fault | None:
        lines = block.count(b"\r\n")
        if block.count(b"\n") != lines or block.count(b"\r") != lines:
            return Fault.BARE_NEWLINE
        if self.size_bytes > self._size_limit:
            return Fault.TOO_LARGE
        if self._has_long_line(block):
            return Fault.LONG_LINE
        if block:
            self.ends_with_newline = block.endswith(b"\n")
        return None

    def _has_long_line(self, block: bytes) -> bool:
        """Step from line end to line end, a limit's length at a time; ``_line_octets`` is what earlier blocks hold of the first line."""
        start = -self._line_octets
        while len(block) - start >= self._longest:
            end = block.rfind(b"\n", max(start, 0), max(start + self._longest, 0))
            if end < 0:
                return True
            start = end + 1
        last = block.rfind(b"\n", max(start, 0))
        self._line_octets = len(block) - (last + 1 if last >= 0 else start)
        return False


class DotReader:
    """Reads the content of DATA up to the line with the single dot, and takes the dots of transparency away (RFC 5321 section 4.5.2)."""

    def __init__(self, check: ContentCheck) -> None:
        self._check = check
        self._held = b"\r\n"  # as if a line had just ended: the first line may be the dot already
        self._is_first = True
        self.is_done = False
        self.rest = b""
        """What came after the end."""

    def feed(self, block: bytes) -> bytes:
        """Take what came from the network; return the content that it completes, nothing after a fault."""
        data = self._held + block
        end = data.find(_END)
        if end >= 0:
            self.is_done = True
            self.rest = data[end + len(_END) :]
            cut = end + 2
        else:
            cut = len(data) - _held_back(data)
            self._held = data[cut:]
        content = data[:cut].replace(b"\r\n.", b"\r\n")
        if self._is_first and content:
            self._is_first = False
            content = content[2:]
        return content if self._check.passes(content) else b""


def _held_back(data: bytes) -> int:
    """How many octets at the end of ``data`` may be the beginning of the end."""
    for length in range(len(_END) - 1, 0, -1):
        if data.endswith(_END[:length]):
            return length
    return 0


class ChunkReader:
    """Reads the chunks of BDAT (RFC 3030 section 2): exact counts, no dots, a line may go on in the next chunk."""

    def __init__(self, check: ContentCheck) -> None:
        self._check = check
        self._held = b""

    def feed(self, block: bytes) -> bytes:
        """Take a part of a chunk; return the content to pass on, nothing after a fault."""
        data = self._held + block
        self._held = b"\r" if data.endswith(b"\r") else b""
        content = data[:-1] if self._held else data
        return content if self._check.passes(content) else b""

    def close(self) -> bytes:
        """After the last chunk: return what is left. An unfinished last line is finished, as DATA could not have sent it otherwise."""
        if not self._check.passes(self._held):
            return b""
        return b"" if self._check.ends_with_newline else b"\r\n"
