"""The message as a command gets it on standard input (pipe(8), flags)."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from services.kernel.spool.reader import OpenContent

CHUNK_BYTES = 64 * 1024
HEADER_BYTES = 1024 * 1024
"""How much of a message is searched for Delivered-To; the whole header of any message that is one."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the flags of a transport shape a message. ``sender`` is what stands for it; the recipients are those of the flags D and O."""

    flags: str
    eol: bytes
    sender: str
    recipient: str = ""
    original: str = ""
    arrived: float = 0.0


def chunks(content: OpenContent, form: Form) -> Iterator[bytes]:
    """The bytes for the command. Line ends become ``form.eol``. Raises ``OSError``."""
    if head := _head(form):
        yield head
    ends_line = True
    for chunk in _lines(content):
        text = _guarded(chunk, form, begins_line=ends_line) if "." in form.flags or ">" in form.flags else chunk
        ends_line = text.endswith(b"\n")
        yield text.replace(b"\n", form.eol) if form.eol != b"\n" else text
    if not ends_line:
        yield form.eol
    if "B" in form.flags:
        yield form.eol


def has_been_delivered_to(content: OpenContent, recipient: str) -> bool:
    """Whether the header names the recipient in Delivered-To: the message runs in a circle. Raises ``OSError``."""
    header = os.pread(content.fd, min(content.size, HEADER_BYTES), content.offset).replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    wanted = recipient.lower().encode(errors="surrogateescape")
    fields = header.replace(b"\n ", b" ").replace(b"\n\t", b" ").lower().split(b"\n")
    return any(name.strip() == b"delivered-to" and value.strip() == wanted for name, _, value in (field.partition(b":") for field in fields))


def _head(form: Form) -> bytes:
    """In the order of Postfix's ``mail_copy``."""
    eol = form.eol.decode("latin-1")
    lines = list[str]()
    if "F" in form.flags:
        lines.append(f"From {form.sender or 'MAILER-DAEMON'}  {time.asctime(time.localtime(form.arrived))}")
    if "R" in form.flags:
        lines.append(f"Return-Path: <{form.sender}>")
    if "O" in form.flags:
        lines.append(f"X-Original-To: {form.original}")
    if "D" in form.flags:
        lines.append(f"Delivered-To: {form.recipient}")
    return "".join(line + eol for line in lines).encode()


def _lines(content: OpenContent) -> Iterator[bytes]:
    """Whole lines, many at a time, with line feeds alone; only a line longer than a chunk, and the last one, come in parts."""
    position, end, rest = content.offset, content.offset + content.size, b""
    while position < end:
        block = os.pread(content.fd, min(CHUNK_BYTES, end - position), position)
        if not block:
            raise OSError(f"the content ends {end - position} bytes too early")
        position += len(block)
        block = rest + block
        cut = block.rfind(b"\n") + 1 or (0 if len(block) < CHUNK_BYTES or block.endswith(b"\r") else len(block))
        rest = block[cut:]
        if cut:
            yield block[:cut].replace(b"\r\n", b"\n")
    if rest:
        yield rest


def _guarded(text: bytes, form: Form, *, begins_line: bool) -> bytes:
    """``.`` before a dot, ``>`` before ``From``, at the beginning of lines."""
    before, text = (b"", text) if begins_line else (text[: text.find(b"\n") + 1] or text, text[text.find(b"\n") + 1 :] if b"\n" in text else b"")
    for flag, guarded in ((".", b"."), (">", b"From ")):
        if flag in form.flags:
            mark = flag.encode()
            text = (mark if text.startswith(guarded) else b"") + text.replace(b"\n" + guarded, b"\n" + mark + guarded)
    return before + text
