"""Broken mail by IMAP: what Dovecot and Cyrus tell alike, imapd tells too.

All three get the same mails by APPEND. By hand others are compared: ``MIME_SEED`` and ``MIME_COUNT`` make others, ``MIME_MAILS`` names a folder with
a mail in each file.
"""

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD
from tests.integration.interop import dovecot as dovecots
from tests.integration.interop.dovecot import Dovecot
from tests.unit.kernel.mail.brokenmail import mails
from tests.unit.kernel.mail.describing import Value, agreed, fetched

SEED, COUNT = int(os.environ.get("MIME_SEED", "11")), int(os.environ.get("MIME_COUNT", "400"))
FIELDS = "(FROM TO SUBJECT CONTENT-TYPE)"
SECTIONS = [f"HEADER.FIELDS{negated} {FIELDS}" for negated in ("", ".NOT")]
PARTS = [f"{path}{word}" for path in ("1", "2", "1.1", "2.1") for word in ("", ".MIME", *(f".{section}" for section in SECTIONS))]
ITEMS = f"(RFC822.SIZE ENVELOPE BODYSTRUCTURE {' '.join(f'BODY.PEEK[{section}]' for section in SECTIONS + PARTS)})"


def corpus() -> list[bytes]:
    """The mails that all three get, with CRLF line ends and no NUL."""
    if folder := os.environ.get("MIME_MAILS"):
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return [re.sub(rb"\r*\n", b"\r\n", path.read_bytes().replace(b"\0", b"")) for path in files]
    return list(mails(SEED, COUNT))


@pytest.fixture
def cyrus(site: Site) -> Iterator[None]:
    started = site.project.compose("up", "-d", "--wait", "cyrus")
    assert started.status == 0, started.err.decode()
    yield
    site.project.compose("rm", "-fsv", "cyrus")


def told(site: Site, sent: list[bytes], host: str, port: int, *login: str) -> list[dict[str, Value]]:
    """What a server tells of each mail; nothing of one that it did not take."""
    script = (Path(__file__).with_name("asking.py")).read_text()
    stdin = json.dumps([base64.b64encode(mail).decode() for mail in sent]).encode()
    answers = site.project.check("client", "python3", "-c", script, host, str(port), *login, ITEMS, stdin=stdin)
    return [fetched(base64.b64decode(answer)) if answer else {} for answer in json.loads(answers)]


def different(ours: dict[str, Value], theirs: dict[str, Value]) -> dict[str, tuple[Value, Value]]:
    """The facts that are not alike, ours and theirs. A part that is not there is told as NIL or as nothing."""
    return {name: (ours.get(name), fact) for name, fact in theirs.items() if (ours.get(name) or None) != (fact or None)}


@pytest.mark.usefixtures("cyrus")
def test_what_dovecot_and_cyrus_both_tell_of_broken_mail_is_told(site: Site, account: Callable[..., str], dovecot: Dovecot) -> None:
    sent = corpus()
    by_dovecot = told(site, sent, "127.0.0.1", dovecots.PORT, "mime", PASSWORD)
    by_cyrus = told(site, sent, "cyrus", 143, "user", "secret")
    by_us = told(site, sent, "imapd", 143, account("mime"), PASSWORD)
    both = [agreed(one, other) for one, other in zip(by_dovecot, by_cyrus, strict=True)]
    assert sum(map(len, both)) > 20 * len(sent)
    wrong = {number: found for number, (us, theirs) in enumerate(zip(by_us, both, strict=True)) if (found := different(us, theirs))}
    assert wrong == {}, [(sent[number], found) for number, found in wrong.items()]
