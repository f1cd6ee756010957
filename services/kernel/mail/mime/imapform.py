"""ENVELOPE, BODY and BODYSTRUCTURE as IMAP writes them (RFC 3501 sections 7.4.2 and 9).

The results may hold literals, so a cache keeps them as they are and a session sends them unchanged.
"""

import re
from collections.abc import Sequence

from services.kernel.mail.mime.addresses import Address
from services.kernel.mail.mime.envelope import Envelope, envelope
from services.kernel.mail.mime.media import PLAIN, Label, Media, Parameters
from services.kernel.mail.mime.structure import Content, Part

_QUOTABLE = re.compile(rb'[^\x00\r\n"\\\x80-\xff]*')
_SPECIAL = re.compile(rb'["\\]')
_MAX_ENVELOPE_BYTES = 1 << 24
"""What the ENVELOPEs inside a BODY take at most, but for one: 1,600 octets for each of as many parts as a message has."""
_NO_ENVELOPE = b"(" + b" ".join([b"NIL"] * 10) + b")"
_OPAQUE = Media(b"application", b"octet-stream")
"""How a message/rfc822 is shown whose inside was too deep to take apart: IMAP's grammar wants the inside for one (``body-type-msg``)."""


def string(text: bytes) -> bytes:
    """Write a quoted string, or a literal for what that cannot hold. NUL, which neither can, becomes U+FFFD as in Dovecot."""
    if _QUOTABLE.fullmatch(text):
        return b'"%b"' % text
    text = text.replace(b"\0", b"\xef\xbf\xbd")
    if text.isascii() and b"\r" not in text and b"\n" not in text:
        return b'"%b"' % _SPECIAL.sub(rb"\\\g<0>", text)
    return b"{%d}\r\n%b" % (len(text), text)


def nstring(text: bytes | None) -> bytes:
    """Write a string, or NIL for none."""
    return b"NIL" if text is None else string(text)


def envelope_form(facts: Envelope) -> bytes:
    """Write an ENVELOPE."""
    lists = (facts.from_, facts.sender, facts.reply_to, facts.to, facts.cc, facts.bcc)
    texts = (nstring(facts.in_reply_to), nstring(facts.message_id))
    return b"(%b)" % b" ".join((nstring(facts.date), nstring(facts.subject), *map(_addresses, lists), *texts))


def body(content: Content, part: Part) -> bytes:
    """Write the BODY of a part: its structure without extension data. Of very many envelopes inside, the last are all NIL."""
    return _Writer(content, is_extended=False).write(part)


def bodystructure(content: Content, part: Part) -> bytes:
    """Write the BODYSTRUCTURE of a part, with the envelopes that ``body`` gives."""
    return _Writer(content, is_extended=True).write(part)


class _Writer:
    """Writes one structure; ``_left`` is what its envelopes may still take, in octets."""

    def __init__(self, content: Content, *, is_extended: bool) -> None:
        self._content = content
        self._is_extended = is_extended
        self._out: list[bytes] = []
        self._left = _MAX_ENVELOPE_BYTES

    def write(self, part: Part) -> bytes:
        self._part(part)
        return b"".join(self._out)

    def _part(self, part: Part) -> None:
        self._out.append(b"(")
        if part.is_multipart:
            for child in part.children:
                self._part(child)
            self._out.append(b" " + string(part.media.subtype))
            if self._is_extended:
                self._out.append(b" %b %b" % (_parameters(part.media.parameters), _disposition_on(part.label)))
        else:
            self._single(part)
        self._out.append(b")")

    def _single(self, part: Part) -> None:
        label = part.label
        media = _OPAQUE if label.media.is_a(b"message", b"rfc822") and not part.children else label.media
        encoding = string(label.encoding or b"7bit")
        names = (b"message", b"rfc822") if part.message is not None else (media.type, media.subtype)
        texts = (*map(string, names), _parameters(_with_charset(media)), nstring(label.id), nstring(label.description), encoding)
        self._out.append(b"%b %d" % (b" ".join(texts), part.body_size))
        if part.message is not None:
            self._out.append(b" " + self._envelope(part.message) + b" ")
            self._part(part.message)
            self._out.append(b" %d" % part.body_lines)
        elif media.is_a(b"text"):
            self._out.append(b" %d" % part.body_lines)
        if self._is_extended:
            self._out.append(b" %b %b" % (nstring(label.md5), _disposition_on(label)))

    def _envelope(self, message: Part) -> bytes:
        if self._left <= 0:
            return _NO_ENVELOPE
        form = envelope_form(envelope(self._content[message.start : message.body_start]))
        self._left -= len(form)
        return form


def _with_charset(media: Media) -> Parameters:
    """A text without a charset is in US-ASCII (RFC 2046 section 4.1.2), and says so, as in Dovecot."""
    if media.is_a(b"text") and media.parameter(b"charset") is None:
        return media.parameters + PLAIN.parameters
    return media.parameters


def _disposition_on(label: Label) -> bytes:
    """The last three extension fields, which all kinds of parts share: disposition, language, location."""
    found = label.disposition
    disposition = b"(%b %b)" % (string(found.word), _parameters(found.parameters)) if found else b"NIL"
    languages = b"(%b)" % b" ".join(map(string, label.languages)) if label.languages else b"NIL"
    return b" ".join((disposition, languages, nstring(label.location)))


def _parameters(parameters: Parameters) -> bytes:
    return b"(%b)" % b" ".join(string(word) for pair in parameters for word in pair) if parameters else b"NIL"


def _addresses(addresses: Sequence[Address]) -> bytes:
    if not addresses:
        return b"NIL"
    return b"(%b)" % b"".join(
        b"(%b %b %b %b)" % (nstring(one.name), nstring(one.route), nstring(one.mailbox), nstring(one.host)) for one in addresses
    )
