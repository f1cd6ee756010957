"""What FETCH tells of a message's make-up, worked out once and kept beside the message in the store."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from services.imapd.grammar.requests import Section
from services.imapd.grammar.responses import string
from services.imapd.objectid import email_id
from services.imapd.preview import preview
from services.imapd.sections import Span
from services.kernel.mail.mime.envelope import envelope
from services.kernel.mail.mime.imapform import body, bodystructure, envelope_form
from services.kernel.mail.mime.structure import Part, scan
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.served import Content
from services.kernel.mailbox.trouble import NoSuchMessage

FORM = 2
"""Changes when the same message would give other facts, so that kept ones are worked out again."""


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The tree of parts, and ENVELOPE, BODY, BODYSTRUCTURE, EMAILID and PREVIEW as they are sent."""

    form: int
    part: Part
    envelope: bytes
    body: bytes
    bodystructure: bytes
    email_id: bytes
    preview: bytes


class Decoded(NamedTuple):
    """A section with its transfer encoding undone; ``span`` is ``None`` when there is none such. ``has_nul`` when no usual literal can hold it."""

    span: Span | None
    has_nul: bool


class Loaded(NamedTuple):
    """A message with what was asked for of it."""

    content: Content
    facts: Facts | None
    decoded: Mapping[Section, Decoded] = MappingProxyType({})


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Facts)


def work_out(content: Content) -> Facts:
    """Take a message apart. Never fails."""
    part = scan(content)
    heading = envelope_form(envelope(content[part.start : part.body_start]))
    beginning = string(preview(content, part).encode())
    return Facts(FORM, part, heading, body(content, part), bodystructure(content, part), b"(%b)" % email_id(content), beginning)


def load(folder: Folder, uids: Sequence[int], *, wants_content: bool, wants_facts: bool) -> dict[int, Loaded]:
    """Read messages with content, facts or both. Blocks. Messages that are gone are missing from the result."""
    kept = _kept_facts(folder, uids) if wants_facts else {}
    fresh: dict[int, bytes] = {}
    loaded: dict[int, Loaded] = {}
    for uid in uids:
        facts = kept.get(uid)
        try:
            content = folder.content(uid) if wants_content or (wants_facts and facts is None) else b""
        except NoSuchMessage:
            continue
        if wants_facts and facts is None:
            facts = work_out(content)
            fresh[uid] = _ENCODER.encode(facts)
        loaded[uid] = Loaded(content, facts)
    if fresh:
        folder.remember(fresh)
    return loaded


def _kept_facts(folder: Folder, uids: Sequence[int]) -> dict[int, Facts]:
    kept: dict[int, Facts] = {}
    for uid, form in folder.facts(uids).items():
        try:
            facts = _DECODER.decode(form)
        except msgspec.DecodeError:
            continue  # of an older form, or damaged: a cache may be
        if facts.form == FORM:
            kept[uid] = facts
    return kept
