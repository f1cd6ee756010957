"""From a stream of bytes to whole commands: lines, literals and what is too long.

A command is a line, or several joined by literals (RFC 3501 section 4.3): a line that ends in ``{n}`` goes on with n bytes after the
server said ``+``, one that ends in ``{n+}`` goes on unasked (LITERAL+, RFC 7888). Whether a literal is wanted is for the session to say:
each is offered first. Only here it is decided where a command ends, so no parser can be led to see another one.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

MAX_LINE_BYTES = 65_536
"""As Dovecot's ``imap_max_line_length``: sequence sets of large mailboxes are long (RFC 2683 section 3.2.1.5 asks for at least 8,000)."""
MAX_COMMAND_BYTES = 2 * MAX_LINE_BYTES
"""Of one command with its literals, but for the message of an APPEND, which never comes to rest here."""
BLOCK_BYTES = 1 << 18
"""The most of a streamed literal that is handed over at once."""

_LITERAL = re.compile(rb"\{([0-9]{1,20})(\+?)\}\Z")
_LITERAL_TAIL_BYTES = 24


@dataclass(frozen=True, slots=True)
class Command:
    """A whole command: lines without the last line end, literals with the ``{n}`` and line end before them, streamed ones without their content."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """A literal of ``size`` bytes is to come after ``head``; answer with ``accept``, ``stream`` or ``refuse`` before the next event.

    ``is_waiting`` when the client waits for ``+``. ``fits`` when it can be accepted into memory.
    """

    head: bytes
    size: int
    is_waiting: bool
    fits: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a streamed literal; ``is_last`` for the one that completes it."""

    data: bytes
    is_last: bool


@dataclass(frozen=True, slots=True)
class Overflow:
    """A line is too long; what there is of the command is in ``head``, the rest is passed over."""

    head: bytes


Event = Command | Offer | Block | Overflow


class _State(Enum):
    LINE = auto()
    """A line is coming in."""
    OFFERED = auto()
    """A literal was offered and not answered yet."""
    LITERAL = auto()
    """A literal is coming into memory."""
    STREAM = auto()
    """A literal is handed over in blocks."""
    SKIP_LITERAL = auto()
    """A literal is passed over, and the rest of its command after it."""
    SKIP_LINE = auto()
    """The rest of a refused command is passed over."""


class Framer:
    """Cuts one connection's input. ``feed`` it, then take events until ``next_event`` returns ``None``."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._state = _State.LINE
        self._command = bytearray()
        self._left = 0
        self._is_waiting = False

    @property
    def buffered(self) -> int:
        """Bytes fed and not yet consumed."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take input."""
        self._buffer += data

    def discard(self) -> None:
        """Forget all input and begin anew, as TLS demands (RFC 3501 section 6.2.1): nothing sent in the clear may count afterwards."""
        self._buffer.clear()
        self._searched = 0
        self._end_command()

    def take_rest(self) -> bytes:
        """Return all input that is not consumed, and forget it."""
        rest = bytes(self._buffer)
        self._drop(len(rest))
        return rest

    def next_event(self) -> Event | None:
        """Return what the input gives, or ``None`` when more is needed."""
        while True:
            match self._state:
                case _State.LINE:
                    return self._line()
                case _State.LITERAL:
                    if not self._fill_literal():
                        return None
                case _State.STREAM:
                    return self._block()
                case _State.SKIP_LITERAL | _State.SKIP_LINE:
                    if not self._skip():
                        return None
                case _State.OFFERED:
                    raise AssertionError("a literal that was offered must be answered")

    def accept(self) -> None:
        """Take the offered literal into the command."""
        self._state = _State.LITERAL

    def stream(self) -> None:
        """Have the offered literal as blocks; the command follows them."""
        self._state = _State.STREAM

    def refuse(self) -> None:
        """Give the command up. A client that waits will not send the literal; from another it is passed over, with what belongs to it."""
        if self._is_waiting:
            self._end_command()
        else:
            self._command.clear()
            self._state = _State.SKIP_LITERAL

    def take_line(self) -> bytes | None:
        """Return the next line without its end, as it is: for SASL and IDLE, which are no commands; ``None`` when more is needed.

        A line that is too long is returned cut off, and its rest is passed over.
        """
        while self._state is not _State.LINE:
            if not self._skip():
                return None
        line = self._cut_line()
        if line is None and self.buffered > MAX_LINE_BYTES:
            line = bytes(self._buffer[:MAX_LINE_BYTES])
            self._state = _State.SKIP_LINE
        return line

    def _line(self) -> Event | None:
        line = self._cut_line()
        if line is None:
            return self._overflow() if self.buffered > MAX_LINE_BYTES else None
        if len(line) > MAX_LINE_BYTES:
            return self._overflow(line)
        found = _LITERAL.search(line, max(0, len(line) - _LITERAL_TAIL_BYTES))
        if found is None:
            text = bytes(self._command) + line
            self._end_command()
            return Command(text)
        self._command += line
        return self._offer(int(found[1]), is_waiting=not found[2])

    def _offer(self, size: int, *, is_waiting: bool) -> Offer:
        self._left, self._is_waiting, self._state = size, is_waiting, _State.OFFERED
        fits = len(self._command) + size <= MAX_COMMAND_BYTES
        self._command += b"\r\n"
        return Offer(bytes(self._command), size, is_waiting, fits)

    def _overflow(self, line: bytes | None = None) -> Overflow:
        """Give up a command whose line is too long; ``line`` when its end is already there."""
        head = bytes(self._command[:MAX_LINE_BYTES]) or (line or bytes(self._buffer[:MAX_LINE_BYTES]))[:MAX_LINE_BYTES]
        self._command.clear()
        self._state = _State.SKIP_LINE
        if line is not None:
            self._after_skipped_line(line)
        return Overflow(head)

    def _cut_line(self) -> bytes | None:
        """Take a line from the buffer. A lone LF ends one too, for whoever types by hand."""
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[: end - 1 if self._buffer[end - 1 : end] == b"\r" else end])
        self._drop(end + 1)
        return line

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._searched = 0

    def _fill_literal(self) -> bool:
        size = min(self._left, len(self._buffer))
        self._command += self._buffer[:size]
        self._drop(size)
        self._left -= size
        if self._left == 0:
            self._state = _State.LINE
        return self._left == 0

    def _block(self) -> Block | None:
        size = min(self._left, len(self._buffer), BLOCK_BYTES)
        if size == 0 and self._left:
            return None
        data = bytes(self._buffer[:size])
        self._drop(size)
        self._left -= size
        if self._left == 0:
            self._state = _State.LINE
        return Block(data, self._left == 0)

    def _skip(self) -> bool:
        """Pass over input; return whether there may be more to do without new input."""
        if self._state is _State.SKIP_LITERAL:
            size = min(self._left, len(self._buffer))
            self._drop(size)
            self._left -= size
            if self._left:
                return False
            self._state = _State.SKIP_LINE
        line = self._cut_line()
        if line is None:
            self._drop(max(0, len(self._buffer) - _LITERAL_TAIL_BYTES))
            return False
        self._after_skipped_line(line)
        return True

    def _after_skipped_line(self, line: bytes) -> None:
        """What is passed over may itself go on with a literal, but only one that is sent unasked."""
        found = _LITERAL.search(line, max(0, len(line) - _LITERAL_TAIL_BYTES))
        if found and found[2]:
            self._left, self._state = int(found[1]), _State.SKIP_LITERAL
        else:
            self._end_command()

    def _end_command(self) -> None:
        self._command.clear()
        self._state = _State.LINE
