"""What FETCH tells of a message's make-up, worked out once and kept beside the message in the store."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeVar

import msgspec

from services.imapd.grammar.requests import Fact, Section
from services.imapd.grammar.responses import string
from services.imapd.objectid import email_id
from services.imapd.preview import preview
from services.imapd.sections import Span
from services.kernel.mail.mime.envelope import envelope
from services.kernel.mail.mime.imapform import body, bodystructure, envelope_form
from services.kernel.mail.mime.structure import Part, scan
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.served import Content
from services.kernel.mailbox.trouble import MailboxFull

Form = Literal[6]
"""Changes when the same message would give other facts, so that kept ones are worked out again."""
FORM: Form = 6


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The tree of parts, packed until it is asked for, and ENVELOPE, BODY, BODYSTRUCTURE, EMAILID and PREVIEW as they are sent."""

    form: Form
    tree: msgspec.Raw
    envelope: bytes
    body: bytes
    bodystructure: bytes
    email_id: bytes
    preview: bytes

    @property
    def part(self) -> Part:
        """The whole message as a part. Raises ``msgspec.DecodeError`` when the index is damaged."""
        return _PART_DECODER.decode(self.tree)


TOLD: Mapping[Fact, Callable[[Facts], bytes]] = {
    Fact.ENVELOPE: attrgetter("envelope"),
    Fact.BODY: attrgetter("body"),
    Fact.BODYSTRUCTURE: attrgetter("bodystructure"),
    Fact.EMAILID: attrgetter("email_id"),
    Fact.PREVIEW: attrgetter("preview"),
}
"""What FETCH tells of them."""
T = TypeVar("T")


class Decoded(NamedTuple):
    """A section with its transfer encoding undone; ``span`` is ``None`` when there is none such. ``has_nul`` when no usual literal can hold it."""

    span: Span | None
    has_nul: bool


class Loaded(NamedTuple):
    """A message with what was asked for of it; ``part`` is all of it, where there are facts."""

    content: Content
    facts: Facts | None = None
    part: Part | None = None
    decoded: Mapping[Section, Decoded] = MappingProxyType({})


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Facts)
_PART_DECODER = msgspec.msgpack.Decoder(Part)


def work_out(content: Content) -> Facts:
    """Take a message apart. Never fails."""
    part = scan(content)
    heading = envelope_form(envelope(content[part.start : part.body_start]))
    beginning = string(preview(content, part).encode())
    tree = msgspec.Raw(_ENCODER.encode(part))
    return Facts(FORM, tree, heading, body(content, part), bodystructure(content, part), b"(%b)" % email_id(content), beginning)


def load(folder: Folder, uids: Sequence[int], *, wants_facts: bool) -> dict[int, Loaded]:
    """Read messages, with their facts if wanted. Blocks. Messages that are gone are missing from the result."""
    if not wants_facts:
        return {uid: Loaded(content) for uid, content in folder.read(uids)}
    known = kept(folder, uids, lambda one: one)
    fresh: dict[int, Facts] = {}
    loaded: dict[int, Loaded] = {}
    for uid, content in folder.read(uids):
        facts = known.get(uid)
        try:
            part = facts.part if facts else None
        except msgspec.DecodeError:
            part = None  # damaged: a cache may be
        if facts is None or part is None:
            facts = fresh[uid] = work_out(content)
            part = facts.part
        loaded[uid] = Loaded(content, facts, part)
    _keep(folder, fresh)
    return loaded


def read(folder: Folder, uids: Sequence[int]) -> dict[int, Facts]:
    """Work out the facts of messages and keep them. Blocks. Messages that are gone are missing from the result."""
    fresh = {uid: work_out(content) for uid, content in folder.read(uids)}
    _keep(folder, fresh)
    return fresh


def _keep(folder: Folder, fresh: Mapping[int, Facts]) -> None:
    if fresh:
        with suppress(MailboxFull):  # who has no room left may look at what to delete
            folder.remember({uid: _ENCODER.encode(one) for uid, one in fresh.items()})


def kept(folder: Folder, uids: Sequence[int], taken: Callable[[Facts], T]) -> dict[int, T]:
    """Return what ``taken`` takes of the facts that are kept of messages. Blocks."""

    def take(form: bytes) -> T | None:
        try:
            return taken(_DECODER.decode(form))
        except msgspec.DecodeError:
            return None  # of an older form, or damaged: a cache may be

    return {uid: one for uid, one in folder.facts(uids, take).items() if one is not None}


def told(items: Sequence[Fact], of: Facts) -> Sequence[bytes]:
    """Return some of the facts as FETCH tells them."""
    return [TOLD[item](of) for item in items]
