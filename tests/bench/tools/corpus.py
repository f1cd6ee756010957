"""Fill a mailbox with mail as people have it: plain text, text with HTML, attachments, forwarded mail, threads, names in many scripts.

The same seed gives the same messages. They are written as files into the Maildir before anyone opens it, as if the folder had been moved in, with
the line ends that the stack's own delivery writes. Words: maildir, messages, seed, crlf. Prints how many bytes all have with CRLF.
"""

import base64
import itertools
import json
import os
import quopri
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

FOUND = "kingfisher"
"""The word that one message of ``FOUND_EVERY`` has; see ``imap.SEARCHES``."""
FOUND_EVERY = 50
ROOT = "/mail"
"""Where all mailboxes are."""
START = 1_700_000_000
"""The first message's time; the others follow every ten minutes."""
LINES = 3_000
"""Different lines of text in all; messages are made of them, quickly."""
SYLLABLES = [
    *("ba", "con", "de", "fer", "gal", "hin", "jor", "kel", "lum", "mar", "no", "per"),
    *("qua", "ri", "sol", "ter", "un", "ves", "yor", "zu", "ström", "grün", "né"),
]
PEOPLE = [
    *("Anna Keller", "Bob Hart", "Carla Ruiz", "Dan O'Neil", "Eve Long", "Frank Stone"),
    *("Jürgen Müller", "Zoë Lévy", "Łukasz Nowak", "Ирина Смирнова", "田中 太郎", "Ελένη Παππά"),
]


def encoded(text: str) -> str:
    """A header word (RFC 2047) where it must be one."""
    return text if text.isascii() else f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


class Corpus:
    """An endless run of messages with CRLF line ends."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        lines = [self._line() for _ in range(LINES)]
        self._plain = [line.encode("ascii", "ignore") for line in lines]
        self._quoted = [quopri.encodestring(line.encode()) for line in lines]
        self._html = [b'<p style=3D"margin:0 0 1em 0">' + line.replace(b"\n", b"\r\n") + b"</p>" for line in self._quoted]
        self._quoted = [line.replace(b"\n", b"\r\n") for line in self._quoted]
        blob = base64.encodebytes(self._random.randbytes(150_000))
        self._blob = blob.splitlines()
        self._people = [f"{encoded(name)} <user{number}@world.test>" for number, name in enumerate(PEOPLE * 10)]
        self._threads: list[tuple[str, list[str]]] = []

    def _word(self) -> str:
        return "".join(self._random.choices(SYLLABLES, k=self._random.randint(1, 4)))

    def _line(self) -> str:
        return " ".join(self._word() for _ in range(self._random.randint(6, 9)))

    def messages(self) -> Iterator[bytes]:
        for number in itertools.count():
            kind = self._random.choices([self._text, self._alternative, self._attachment, self._forward], [45, 35, 15, 5])[0]
            body = kind(number)
            yield self._head(number) + body

    def _head(self, number: int) -> bytes:
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(START + 600 * number))
        name = f"<{number}.{self._random.getrandbits(64):x}@mail.world.test>"
        subject, before = self._thread(name)
        lines = ["Return-Path: <carol@world.test>"]
        lines += [
            f"Received: from {host}.world.test ({host}.world.test [192.0.2.{number % 250}])\r\n\tby mail.example.test with ESMTPS "
            f"id {self._random.getrandbits(48):x}\r\n\tfor <user@example.test>; {date}"
            for host in ("relay", "mx", "mail")
        ]
        lines += ["DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=world.test; s=mail;\r\n\th=from:to:subject:date; b="]
        lines[-1] += "\r\n\t".join(line.decode() for line in self._random.choices(self._blob[:-1], k=5))
        lines += [f"From: {self._person()}", f"To: {', '.join(self._person() for _ in range(self._random.choice((1, 1, 2, 4))))}"]
        if number % 3 == 0:
            lines += [f"Cc: {self._person()},\r\n\t{self._person()}"]
        lines += [f"Subject: {subject}", f"Date: {date}", f"Message-ID: {name}"]
        if before:
            references = "\r\n\t".join(before[-10:])
            lines += [f"In-Reply-To: {before[-1]}", f"References: {references}"]
        lines += ["User-Agent: Mutt/2.2.13", "MIME-Version: 1.0", ""]
        return "\r\n".join(lines).encode()

    def _thread(self, name: str) -> tuple[str, list[str]]:
        """Subject and references: about half of the messages answer a late one."""
        if self._threads and self._random.random() < 0.55:
            subject, names = self._random.choice(self._threads[-100:])
            before = list(names)
            names.append(name)
            return f"Re: {subject}", before
        subject = encoded(" ".join(self._word() for _ in range(3))[:30])
        self._threads.append((subject, [name]))
        return subject, []

    def _person(self) -> str:
        return self._random.choice(self._people)

    def _lines(self, pool: list[bytes], number: int) -> bytes:
        count = min(3 + int(self._random.expovariate(1 / 14)), 400)
        told = [f"Seen today: {FOUND}.".encode()] if number % FOUND_EVERY == 0 else []
        return b"\r\n".join([*self._random.choices(pool, k=count), *told, b""])

    def _text(self, number: int) -> bytes:
        if self._random.random() < 0.5:
            return b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + self._lines(self._plain, number)
        head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        return head + self._lines(self._quoted, number)

    def _alternative(self, number: int) -> bytes:
        html = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>\r\n"
        return self._multipart("alternative", [self._text(number), html + self._lines(self._html, number) + b"</body></html>\r\n"])

    def _attachment(self, number: int) -> bytes:
        head = (
            f'Content-Type: application/pdf; name="paper{number}.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
            f'Content-Disposition: attachment; filename="paper{number}.pdf"\r\n\r\n'
        )
        count = self._random.randint(40, 600)
        start = self._random.randrange(len(self._blob) - count)
        attached = head.encode() + b"\r\n".join(self._blob[start : start + count]) + b"\r\n"
        return self._multipart("mixed", [self._alternative(number), attached])

    def _forward(self, number: int) -> bytes:
        inner = b"Content-Type: message/rfc822\r\n\r\n" + self._head(number) + self._alternative(number)
        return self._multipart("mixed", [self._text(number), inner])

    def _multipart(self, subtype: str, parts: list[bytes]) -> bytes:
        boundary = f"=_{self._random.getrandbits(96):x}".encode()
        head = b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n' % (subtype.encode(), boundary)
        return head + b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


def make(maildir: Path) -> None:
    """A Maildir of the user and the group that all mailboxes belong to; from then on this process is that user."""
    owner = os.stat(ROOT)
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    os.umask(0o007)
    for folder in (maildir.parent.parent, maildir.parent, maildir, *(maildir / part for part in ("tmp", "new", "cur"))):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o2770)


def fill(maildir: Path, messages: int, seed: int, *, crlf: bool) -> int:
    """Returns the bytes of all with CRLF."""
    total = 0
    for number, message in enumerate(itertools.islice(Corpus(seed).messages(), messages)):
        content = message if crlf else message.replace(b"\r\n", b"\n")
        when = START + 600 * number
        path = f"{maildir}/cur/{when}.M1P1Q{number}.moved,S={len(content)},W={len(message)}:2,{'' if number % 7 == 0 else 'S'}"
        with open(path, "xb", buffering=0) as file:
            file.write(content)
        os.utime(path, (when, when))
        total += len(message)
    return total


if __name__ == "__main__":
    words = json.loads(sys.argv[1])
    make(Path(words["maildir"]))
    print(json.dumps({"bytes": fill(Path(words["maildir"]), words["messages"], words["seed"], crlf=words["crlf"])}))
