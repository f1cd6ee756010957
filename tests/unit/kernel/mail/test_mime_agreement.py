"""Broken mail, described as Dovecot 2.4.1 and Cyrus 3.10 both describe it.

``data/agreed.json.gz`` holds, for each mail of ``brokenmail.mails(SEED, ...)``, the facts of ENVELOPE and BODYSTRUCTURE that both gave alike over
IMAP, in parts of whose type they gave the same. Octets stand as characters of ISO 8859-1. A change of the generator makes it worthless.
"""

import gzip
import json
from pathlib import Path
from typing import Any

from services.kernel.mail.mime.envelope import envelope
from services.kernel.mail.mime.imapform import bodystructure, envelope_form
from services.kernel.mail.mime.structure import scan
from tests.unit.kernel.mail.brokenmail import mails
from tests.unit.kernel.mail.describing import Value, described

SEED = 48
AGREED: list[dict[str, Any]] = json.loads(gzip.decompress((Path(__file__).with_name("data") / "agreed.json.gz").read_bytes()))


def as_recorded(value: Value) -> object:
    if isinstance(value, list):
        return [as_recorded(one) for one in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value


def facts(content: bytes) -> dict[str, Value]:
    part = scan(content)
    return described(envelope_form(envelope(content[: part.body_start])), bodystructure(content, part))


def test_what_dovecot_and_cyrus_both_tell_of_broken_mail_is_told() -> None:
    different: dict[tuple[int, str], tuple[object, object]] = {}
    for number, (content, agreed) in enumerate(zip(mails(SEED, len(AGREED)), AGREED, strict=True)):
        ours = facts(content)
        for name, value in agreed.items():
            if (told := as_recorded(ours.get(name, b"(none)"))) != value:
                different[number, name] = (told, value)
    assert different == {}
