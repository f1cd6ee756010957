"""What the header of a part says of its body: the MIME fields (RFC 2045, parameters by RFC 2231)."""

import re
from itertools import islice
from operator import itemgetter
from urllib.parse import unquote_to_bytes

import msgspec

from services.kernel.mail.mime.fields import join

Parameters = tuple[tuple[bytes, bytes], ...]

_QUOTED_OR_COMMENT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|\([^()\\]*+(?:\\.[^()\\]*+)*+(\)|\\?\Z)?', re.DOTALL)
"""What is not closed reaches to the end of the text, and a comment with one inside to that, without the group: no input makes the search
start over."""
_TOKEN = rb'[^\x00-\x20\x7f()<>@,;:\\"/\[\]?=]'
"""What a token is made of (RFC 2045 section 5.1), and 8-bit octets, which are told as they came."""
_MEDIA = re.compile(rb"[ \t]*+(%b*+)[ \t]*+/[ \t]*+(%b*+)[ \t]*+(;|\Z)" % (_TOKEN, _TOKEN))
_WORD = re.compile(rb"[ \t]*+(%b*+)[ \t]*+(;|\Z)?" % _TOKEN)
_PARAMETER = re.compile(
    rb';[ \t]*+(%b*+)[ \t]*+(?:(;)[^;]*+|=[ \t]*+(?:("[^"\\]*+(?:\\.[^"\\]*+)*+)("?)|(=[^\s;]*|[^\s;"]*)))' % _TOKEN, re.DOTALL
)
"""A name, then a quoted string or whatever ends at white space or the next parameter; what begins with an equals sign may be an encoded word. Or one
without a value: the next is not told then, as in Dovecot."""
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_SECTION = re.compile(rb"(.+?)\*(\d{1,4})(\*?)", re.DOTALL)
_LANGUAGE = re.compile(rb'[ \t]*([^\x00-\x20\x7f()<>@,;:\\".\[\]]++)[ \t]*+(,?)')
_FIELD = re.compile(
    rb"^content-(type|transfer-encoding|disposition|id|description|language|location|md5)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_MAX_NESTED_COMMENTS = 3
"""RFC 5322 allows any depth; no mail program writes more than one."""
_MAX_REPEATED = 10
"""How many fields of one name are tried; RFC 2045 section 3 allows one."""
MAX_PARAMETERS = 500
"""More than any real field has, long file names in pieces included. What comes after is not read."""
MAX_FIELD_BYTES = 1 << 14
"""Real ones, with long file names in percent codes, stay under 2 kB. What is beyond is not read."""


class Media(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A Content-Type: words as they were written, parameters in order with RFC 2231 continuations joined."""

    type: bytes
    subtype: bytes
    parameters: Parameters = ()

    def is_a(self, main: bytes, subtype: bytes = b"") -> bool:
        """Compare with words in lower case; any subtype when none is given."""
        return self.type.lower() == main and (not subtype or self.subtype.lower() == subtype)

    def parameter(self, name: bytes) -> bytes | None:
        """Return the first parameter of this name (in lower case)."""
        return next((value for key, value in self.parameters if key.lower() == name), None)

    @property
    def boundary(self) -> bytes:
        """The word that delimits the parts of a multipart; it may be in percent codes (RFC 2231 section 4). Empty when there is none on one line."""
        for name, value in self.parameters:
            if name.lower() == b"boundary":
                return value
            if name.lower() == b"boundary*":
                word = _decoded(value)
                return word if b"\n" not in word else b""
        return b""


class Disposition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A Content-Disposition (RFC 2183)."""

    word: bytes
    parameters: Parameters = ()


class Label(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The MIME fields of one part, unfolded; ``None`` or empty where there is none. Of a repeated field the first counts that
    can be understood, of ten at most, but of Content-Disposition the last."""

    media: Media
    encoding: bytes | None = None
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    disposition: Disposition | None = None
    languages: tuple[bytes, ...] = ()
    location: bytes | None = None


PLAIN = Media(b"text", b"plain", ((b"charset", b"us-ascii"),))
"""What a part is when nothing, or nothing that can be understood, is said (RFC 2045 section 5.2)."""
MESSAGE = Media(b"message", b"rfc822")
"""What a part of a multipart/digest is when nothing is said (RFC 2046 section 5.1.5)."""


def read_label(header: bytes, default: Media) -> Label:
    """Read the MIME fields of a header; ``default`` is what a missing Content-Type means; a broken one means ``PLAIN``."""
    fields: dict[bytes, list[bytes]] = {}
    for match in _FIELD.finditer(header):
        texts = fields.setdefault(match[1].lower(), [])
        if match[1].lower() == b"disposition":
            texts.clear()
        if len(texts) < _MAX_REPEATED:
            texts.append(join(match[2][:MAX_FIELD_BYTES]))
    if not fields:
        return Label(default)
    first = {name: texts[0] for name, texts in fields.items()}
    return Label(
        next(filter(None, map(parse_media, fields[b"type"])), PLAIN) if b"type" in fields else default,
        next(filter(None, map(parse_encoding, fields.get(b"transfer-encoding", ()))), None),
        first.get(b"id"),
        first.get(b"description"),
        first.get(b"md5"),
        parse_disposition(fields[b"disposition"][-1]) if b"disposition" in fields else None,
        parse_languages(first.get(b"language", b"")),
        first.get(b"location"),
    )


def parse_media(text: bytes) -> Media | None:
    """Parse an unfolded Content-Type; ``None`` when it is not a type and a subtype, one of which may be empty, with nothing else but parameters."""
    text = _without_comments(text)
    match = _MEDIA.match(text)
    if match is None or not (match[2] or match[3]):
        return None
    return Media(match[1], match[2], _parameters(text, match.start(3)))


def parse_disposition(text: bytes) -> Disposition | None:
    """Parse an unfolded Content-Disposition; ``None`` when it has neither a first word nor parameters."""
    text = _without_comments(text)
    match = _WORD.match(text)
    return Disposition(match[1], _parameters(text, match.end(1))) if match and (match[1] or match[2]) else None


def parse_encoding(text: bytes) -> bytes | None:
    """Parse an unfolded Content-Transfer-Encoding; ``None`` when it is not a single word."""
    match = _WORD.match(_without_comments(text))
    return match[1] if match and match[1] and match[2] == b"" else None


def parse_languages(text: bytes) -> tuple[bytes, ...]:
    """Return the tags of an unfolded Content-Language (RFC 3282), up to the first that is none."""
    text = _without_comments(text)
    tags: list[bytes] = []
    at, comma = 0, b","
    while comma and (match := _LANGUAGE.match(text, at)):
        tags.append(match[1])
        at, comma = match.end(), match[2]
    return tuple(tags)


def _without_comments(text: bytes) -> bytes:
    """Replace comments by a space, innermost first; parentheses inside quoted strings stay."""
    for _ in range(_MAX_NESTED_COMMENTS):
        if b"(" not in text:
            break
        shorter = _QUOTED_OR_COMMENT.sub(lambda match: match[0] if match[1] is None else b" ", text)
        if shorter == text:
            break
        text = shorter
    return text


def _parameters(text: bytes, start: int) -> Parameters:
    if text.find(b"=", start) < 0:
        return ()
    found: list[tuple[bytes, bytes]] = []
    is_split = False
    for match in islice(_PARAMETER.finditer(text, start), MAX_PARAMETERS):
        name, next_one, quoted, closing, bare = match.groups(b"")
        if next_one:
            continue
        if quoted and not closing:
            break
        found.append((name, _ESCAPE.sub(rb"\1", quoted[1:]) if quoted else bare))
        is_split = is_split or b"*" in name
    return _joined(found) if is_split else tuple(found)


def _joined(found: list[tuple[bytes, bytes]]) -> Parameters:
    """Join ``name*0``, ``name*1`` ... (RFC 2231 section 3) into ``name``, or ``name*`` when any of them is percent-encoded.

    Such parameters follow the others. A series with a gap, a double or no start is left as it is.
    """
    told: list[tuple[bytes, bytes]] = []
    series: dict[bytes, list[tuple[int, bytes, bytes, bool]]] = {}
    for name, value in found:
        if section := _SECTION.fullmatch(name):
            series.setdefault(section[1].lower(), []).append((int(section[2]), name, value, bool(section[3])))
        else:
            told.append((name, value))
    for name, sections in series.items():
        sections.sort(key=itemgetter(0))
        if [number for number, *_ in sections] == list(range(len(sections))):
            told.append(_join(name, [(value, is_encoded) for _, _, value, is_encoded in sections]))
        else:
            told += [(part, value) for _, part, value, _ in sections]
    return tuple(told)


def _join(name: bytes, parts: list[tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    if not any(encoded for _, encoded in parts):
        return name, b"".join(value for value, _ in parts)
    # RFC 2231 section 4.1 lets plain and encoded sections mix: in the whole, a plain one's percent signs must not read as codes
    return name + b"*", b"".join(value if encoded else value.replace(b"%", b"%25") for value, encoded in parts)


def _decoded(value: bytes) -> bytes:
    """Take charset and language off and undo the percent codes; what does not begin with both is no such value and stays."""
    _, marks, coded = value.partition(b"'")[2].partition(b"'")
    return unquote_to_bytes(coded) if marks else value
