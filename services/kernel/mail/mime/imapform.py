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
    """Write the BODY of a part: its structure without extension data."""
    return _structure(content, part, is_extended=False)


def bodystructure(content: Content, part: Part) -> bytes:
    """Write the BODYSTRUCTURE of a part."""
    return _structure(content, part, is_extended=True)


def _structure(content: Content, part: Part, *, is_extended: bool) -> bytes:
    out: list[bytes] = []
    _write(out, content, part, is_extended)
    return b"".join(out)


def _write(out: list[bytes], content: Content, part: Part, is_extended: bool) -> None:
    out.append(b"(")
    if part.is_multipart:
        for child in part.children:
            _write(out, content, child, is_extended)
        out.append(b" " + string(part.media.subtype))
        if is_extended:
            out.append(b" %b %b" % (_parameters(part.media.parameters), _disposition_on(part.label)))
    else:
        _write_single(out, content, part, is_extended)
    out.append(b")")


def _write_single(out: list[bytes], content: Content, part: Part, is_extended: bool) -> None:
    label = part.label
    media = _OPAQUE if label.media.is_a(b"message", b"rfc822") and not part.children else label.media
    encoding = string(label.encoding or b"7bit")
    names = (b"message", b"rfc822") if part.message is not None else (media.type, media.subtype)
    texts = (*map(string, names), _parameters(_with_charset(media)), nstring(label.id), nstring(label.description), encoding)
    out.append(b"%b %d" % (b" ".join(texts), part.body_size))
    if part.message is not None:
        inside = part.message
        out.append(b" " + envelope_form(envelope(content[inside.start : inside.body_start])) + b" ")
        _write(out, content, inside, is_extended)
        out.append(b" %d" % part.body_lines)
    elif media.is_a(b"text"):
        out.append(b" %d" % part.body_lines)
    if is_extended:
        out.append(b" %b %b" % (nstring(label.md5), _disposition_on(label)))


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
