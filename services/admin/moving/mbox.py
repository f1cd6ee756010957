"""mbox: one file, messages behind ``From `` lines (RFC 4155), read and written.

Quotes and the fields for flags are ``kernel.mail.mbox``'s. With what else a mailbox program left in the header (``X-UID``, ``X-IMAP``) these fields
go when a message comes in.
"""

import calendar
import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from services.admin.moving.hop import in_blocks
from services.admin.trouble import ControlError
from services.kernel.mail import mbox
from services.kernel.mailbox import flags, names
from services.kernel.wire.mailboxes import File

_FROM = re.compile(rb"From .*?([A-Z][a-z]{2}) +(\d{1,2}) +(\d{1,2}):(\d\d)(?::(\d\d))?.*?((?:19|20)\d\d)")
_MONTHS = {month.encode(): number for number, month in enumerate(calendar.month_abbr) if month}
_KEPT_BESIDE = re.compile(rb"^(Status|X-Status|X-Keywords|X-UID|X-IMAP|X-IMAPbase):(.*\n(?:[ \t].*\n)*)", re.MULTILINE | re.IGNORECASE)


def files_of_mbox(stream: IO[bytes], folder: str) -> Iterator[File]:
    """The messages of an mbox as files of a Maildir folder. A message is held in memory. Raises ``ControlError`` when it is no mbox."""
    directory = names.directory(folder)
    keywords: tuple[str, ...] = ()
    seen: Counter[str] = Counter()
    order: list[str] = []
    for head, content in _messages(stream):
        message, found = _take_flags(content)
        if message is None:
            continue
        keywords = _known(found, keywords)
        date = _date(head)
        key = hashlib.sha256(head + message).hexdigest()[:24]
        seen[key] += 1
        order.append(f"{len(order) + 1} :{date}.B{key}n{seen[key]}\n")
        letters = flags.letters(flags.to_bits(found, keywords))
        yield from in_blocks(f"{directory}/cur/{date}.B{key}n{seen[key]}:2,{letters}", message, date)
    # of UIDVALIDITY 0, for the order alone
    yield File(f"{directory}/dovecot-uidlist", "".join([f"3 V0 N{len(order) + 1}\n", *order]).encode())
    if keywords:
        yield File(f"{directory}/dovecot-keywords", "".join(f"{number} {word}\n" for number, word in enumerate(keywords)).encode())


def _messages(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each ``From `` line with the message behind it, quotes taken off and without the empty line at its end."""
    head = b""
    lines: list[bytes] = []
    for number, line in enumerate(stream, 1):
        if (not lines or not lines[-1].strip(b"\r\n")) and _FROM.match(line):
            if head:
                yield head, mbox.unquoted(b"".join(lines[:-1]))
            head, lines = line, []
        elif head:
            lines.append(line)
        elif line.strip():
            raise ControlError(f"line {number}: no mbox, which begins with a line 'From <sender> <date>'")
    if head:
        end = len(lines) - (bool(lines) and not lines[-1].strip(b"\r\n"))
        yield head, mbox.unquoted(b"".join(lines[:end]))


def _take_flags(content: bytes) -> tuple[bytes | None, frozenset[str]]:
    """The message without what a mailbox program wrote into its header, and the flags that were there; no message for such a program's own data."""
    header, line, body = _split(content)
    found: dict[str, str] = {}
    for match in _KEPT_BESIDE.finditer(header):
        found[match[1].decode().lower()] = " ".join(match[2].decode("utf-8", "replace").split())
    if "x-imap" in found and b"FOLDER INTERNAL DATA" in header:
        return None, frozenset()
    letters = found.get("status", "") + found.get("x-status", "")
    words = {flag for letter, flag in mbox.LETTERS.items() if letter in letters}
    words.update(word for word in found.get("x-keywords", "").split() if word.isprintable() and not word.startswith("\\"))
    return _KEPT_BESIDE.sub(b"", header) + line + body, frozenset(words)


def _split(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Header with its last line end, the empty line, and the body."""
    if content.startswith((b"\n", b"\r\n")):
        return b"", b"", content
    end = re.search(rb"\n(\r?\n)", content)
    return (content[: end.start() + 1], end[1], content[end.end() :]) if end else (content, b"", b"")


def _known(found: Iterable[str], keywords: tuple[str, ...]) -> tuple[str, ...]:
    """The keywords of the folder with those of one more message, as far as there are letters."""
    fresh = sorted(word for word in found if not word.startswith("\\") and word.lower() not in {known.lower() for known in keywords})
    return (*keywords, *fresh)[: flags.KEYWORD_LIMIT]


def _date(head: bytes) -> int:
    """Seconds since the epoch that a ``From `` line tells, read as UTC."""
    match = _FROM.match(head)
    if match is None or match[1] not in _MONTHS:
        return int(time.time())
    month, day, hour, minute, second, year = match.groups()
    try:
        return calendar.timegm((int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second or 0), 0, 0, 0))
    except (ValueError, OverflowError):
        return int(time.time())


def written(content: bytes, flag_words: Sequence[str], internaldate: int) -> bytes:
    """A message as it stands in an mbox, with the ``From `` line before and the empty line behind.

    Its flags are in the place of fields for flags that it brought along, which would be read as more of them.
    """
    header, line, body = _split(content)
    own = b"".join(mbox.stateless([header]))
    end = b"" if own.endswith(b"\n") or not own else b"\n"
    fields = mbox.status(flag_words, is_old=True)
    # a body without a header begins with the empty line itself
    gap = line if line or body else b"\n"
    return mbox.separator(header, internaldate) + b"".join(mbox.quoted([own + end + fields + gap + body]))
