"""The words of an mbox (RFC 4155): messages with bare LF, a ``From `` line before each and an empty line behind.

Lines of a message that begin with ``From `` have a ``>`` in front, and one more where there are some (the form called mboxrd, which can be undone).
Flags are in ``Status`` (R seen, O old) and ``X-Status`` (A answered, D deleted, F flagged, T draft), keywords in ``X-Keywords``, as
Dovecot, UW-IMAP and mutt have them.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime

LETTERS = {"R": "\\Seen", "A": "\\Answered", "D": "\\Deleted", "F": "\\Flagged", "T": "\\Draft"}
"""The flags of ``Status`` and ``X-Status``."""
_STATE = re.compile(rb"(?:Status|X-Status|X-Keywords|X-UID|X-IMAP|X-IMAPbase|Content-Length)[ \t]*:", re.IGNORECASE)
_NAME_BYTES = 998
"""Of a line that may hold the name of a field (RFC 5322 section 2.1.1)."""
_TO_QUOTE = re.compile(rb"(\n>*)From ")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_RETURN_PATH = re.compile(rb"^Return-Path:\s*<([^>\s]+)>", re.MULTILINE | re.IGNORECASE)


def separator(head: bytes, seconds: float) -> bytes:
    """The ``From `` line, line end included, of a message with this header section; the date is UTC. The null sender is ``MAILER-DAEMON``."""
    sender = _RETURN_PATH.search(head)
    return b"From %b %b\n" % (sender[1] if sender else b"MAILER-DAEMON", datetime.fromtimestamp(int(seconds), UTC).ctime().encode())


def status(flags: Collection[str], *, is_old: bool) -> bytes:
    """The header fields that say flags and keywords; ``is_old``: its owner was told of it. Nothing for a new message without any."""
    letters = ("R" if "\\Seen" in flags else "") + ("O" if is_old else "")
    others = "".join(letter for letter, flag in LETTERS.items() if flag in flags and letter != "R")
    words = " ".join(flag for flag in flags if not flag.startswith("\\"))
    fields = (("Status", letters), ("X-Status", others), ("X-Keywords", words))
    return "".join(f"{name}: {value}\n" for name, value in fields if value).encode()


def stateless(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A message, which comes in pieces, without the header fields in which programs keep the state of an mbox: no sender has a say in that.

    They are those that Dovecot drops from what it saves.
    """
    rest = iter(blocks)
    held, is_within, is_dropped = b"", False, False
    for block in rest:
        text, held, place = held + block, b"", 0
        kept: list[bytes] = []
        while place < len(text):
            end = text.find(b"\n", place) + 1
            line = text[place : end or len(text)]
            if not is_within:
                if line in (b"\n", b"\r\n"):
                    yield b"".join((*kept, text[place:]))
                    yield from rest
                    return
                if not line.startswith((b" ", b"\t")):  # it is no more of the field before
                    if not end and b":" not in line and len(line) < _NAME_BYTES:
                        held = line
                        break
                    is_dropped = _STATE.match(line) is not None
            if not is_dropped:
                kept.append(line)
            is_within = not end
            place += len(line)
        yield b"".join(kept)
    yield held


def quoted(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A message, which comes in pieces, with bare LF and quotes, and with a line end and an empty line at its end."""
    held, at_start, last = b"", True, b"\n"
    for block in blocks:
        text = b"\n" * at_start + (held + block).replace(b"\r\n", b"\n")
        end = len(text) - _open(text)
        done, held = text[:end], text[end:]
        made = _TO_QUOTE.sub(rb"\1>From ", done)[at_start:]
        yield made
        at_start, last = done.rstrip(b">").endswith(b"\n"), made[-1:] or last
    yield held + (b"\n" if last == b"\n" and not held else b"\n\n")


def _open(text: bytes) -> int:
    """How many bytes at the end only what follows explains."""
    if text.endswith(b"\r"):
        return 1
    words = (b"From", b"Fro", b"Fr", b"F")
    return next((len(word) for word in words if text.endswith(word) and text.removesuffix(word).rstrip(b">").endswith(b"\n")), 0)


def unquoted(message: bytes) -> bytes:
    """A message as it was before ``quoted``; also of one that quotes ``From `` alone (mboxo)."""
    return _QUOTED.sub(rb"\1", message)
