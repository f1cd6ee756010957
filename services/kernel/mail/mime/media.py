"""What the header of a part says of its body: the MIME fields (RFC 2045, parameters by RFC 2231)."""

import re
from itertools import islice
from urllib.parse import unquote_to_bytes

import msgspec

from services.kernel.mail.mime.fields import join

Parameters = tuple[tuple[bytes, bytes], ...]

_COMMENT = re.compile(rb"\([^()\\]*+(?:\\.[^()\\]*+)*+(\)|\\?\Z)?", re.DOTALL)
_QUOTED_OR_COMMENT = re.compile(rb'%b|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:(")|\\?\Z)' % _COMMENT.pattern, re.DOTALL)
"""What is not closed reaches to the end of the text, and a comment with one inside to that, without the group: no input makes the search
start over."""
_UNCLOSED = b"\n"
"""What stands for the parenthesis of a comment that is not closed; an unfolded field has none else."""
_CUT_OFF = re.compile(rb"[ \t]*+[\n(]")
"""Where one begins, also in a quoted string that is not closed."""
_TOKEN = rb'[^\x00-\x20\x7f()<>@,;:\\"/\[\]?=]'
"""What a token is made of (RFC 2045 section 5.1), and 8-bit octets, which are told as they came."""
_MEDIA = re.compile(rb"[ \t]*+(%b*+)[ \t]*+/[ \t]*+(%b*+)[ \t]*+(;|(?=\n|\Z))" % (_TOKEN, _TOKEN))
_WORD = re.compile(rb'[ \t]*+([^\x00-\x20\x7f-\xff()<>@,;:\\"/\[\]?=]*+)[ \t]*+(;|(?=\n|\Z))?')
_PARAMETER = re.compile(
    rb';[ \t]*+(%b*+)[ \t]*+(?:([;\n])[^;]*+|=[ \t]*+(?:("[^"\\]*+(?:\\.[^"\\]*+)*+)("?)|(=[^\s;]*|[^\s;"(]*)))' % _TOKEN, re.DOTALL
)
"""A name, then a quoted string or whatever ends at white space or the next parameter; what begins with an equals sign may be an encoded word. Or one
without a value: the next is not told then, as in Dovecot, and nothing behind a comment that is not closed."""
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_SECTION = re.compile(rb"(.*?)\*(\d{1,4})(\*?)", re.DOTALL)
_LANGUAGE = re.compile(rb"[ \t]*([A-Za-z0-9-]++)(?![^ \t,;])[ \t]*+(?!\n)(,?)")
_FIELD = re.compile(
    rb"^content-(type|transfer-encoding|disposition|id|description|language|location|md5)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_VERSION = re.compile(rb"^mime-version[ \t]*:", re.IGNORECASE | re.MULTILINE)
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
    def boundary(self) -> bytes | None:
        """The word that delimits the parts of a multipart, which may be empty; it may be in percent codes (RFC 2231 section 4)."""
        for name, value in self.parameters:
            if name.lower() == b"boundary":
                return value
            if name.lower() == b"boundary*":
                word = _decoded(value)
                return word if b"\n" not in word else None
        return None


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


def read_label(header: bytes, default: Media, *, is_message: bool = False) -> Label:
    """Read the MIME fields of a header; ``default`` is what a missing Content-Type means; a broken one means ``PLAIN``.

    A message with neither Content-Type nor MIME-Version is no MIME message (RFC 2045 section 4): all that counts is how its body is encoded.
    """
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
    encoding = next(filter(None, map(parse_encoding, fields.get(b"transfer-encoding", ()))), None)
    if is_message and b"type" not in fields and not _VERSION.search(header):
        return Label(default, encoding)
    return Label(
        next(filter(None, map(parse_media, fields[b"type"])), PLAIN) if b"type" in fields else default,
        encoding,
        first.get(b"id"),
        first.get(b"description"),
        first.get(b"md5"),
        parse_disposition(fields[b"disposition"][-1]) if b"disposition" in fields else None,
        next(filter(None, map(parse_languages, fields.get(b"language", ()))), ()),
        first.get(b"location"),
    )


def parse_media(text: bytes) -> Media | None:
    """Parse an unfolded Content-Type; ``None`` when it is not a type and a subtype, one of which may be empty, with nothing else but parameters."""
    text = _without_comments(text)
    match = _MEDIA.match(text)
    if match is None or not (match[2] or match[3]):
        return None
    return Media(match[1], match[2], _parameters(text, match.start(3)) if match[3] else ())


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
    """Replace comments by a space, innermost first, and one that is not closed by ``_UNCLOSED``; parentheses inside quoted strings stay."""
    for _ in range(_MAX_NESTED_COMMENTS):
        if b"(" not in text:
            break
        shorter = _QUOTED_OR_COMMENT.sub(_without_comment, text)
        if shorter == text:
            break
        text = shorter
    return text


def _without_comment(match: re.Match[bytes]) -> bytes:
    """What takes the place of a comment, or of a quoted string: in one that is not closed there may be comments."""
    if match[0].startswith(b'"'):
        return match[0] if match[2] else b'"' + _COMMENT.sub(_without_comment, match[0][1:])
    return match[0] if match[1] is None else b" " if match[1] == b")" else _UNCLOSED + match[0][1:]


def _parameters(text: bytes, start: int) -> Parameters:
    if text.find(b"=", start) < 0:
        return ()
    found: dict[bytes, tuple[bytes, bytes]] = {}
    is_split = False
    may_be_cut = _UNCLOSED in text or b"(" in text
    for match in islice(_PARAMETER.finditer(text, start), MAX_PARAMETERS):
        name, next_one, quoted, closing, bare = match.groups(b"")
        if next_one == b";":
            continue
        if next_one or (quoted and not closing) or (may_be_cut and bare[:1] != b"=" and _CUT_OFF.match(text, match.end())):
            break
        found.setdefault(name.lower(), (name, _ESCAPE.sub(rb"\1", quoted[1:]) if quoted else bare))
        is_split = is_split or b"*" in name
    return _joined(found) if is_split else tuple(found.values())


def _joined(found: dict[bytes, tuple[bytes, bytes]]) -> Parameters:
    """Join ``name*0``, ``name*1`` ... (RFC 2231 section 3) into ``name``, or ``name*`` when any of them is percent-encoded.

    Such parameters follow the others. A series with a gap or no start is left as it is. What has no charset is the same parameter as one that is
    not percent-encoded.
    """
    told: dict[bytes, tuple[bytes, bytes]] = {}
    series: dict[bytes, dict[int, tuple[bytes, bytes, bool]]] = {}
    for name, value in found.values():
        if section := _SECTION.fullmatch(name):
            series.setdefault(section[1].lower(), {}).setdefault(int(section[2]), (name, value, bool(section[3])))
        else:
            told.setdefault(_key(name, value), (name, value))
    for key, sections in series.items():
        ordered = [sections[number] for number in sorted(sections)]
        is_whole = max(sections) == len(sections) - 1
        for name, value in [_join(key, ordered)] if is_whole else [(name, value) for name, value, _ in ordered]:
            told.setdefault(_key(name, value), (name, value))
    return tuple(told.values())


def _key(name: bytes, value: bytes) -> bytes:
    return name.lower() if value.count(b"'") > 1 else name.lower().removesuffix(b"*")


def _join(name: bytes, sections: list[tuple[bytes, bytes, bool]]) -> tuple[bytes, bytes]:
    parts = [(value, is_encoded) for _, value, is_encoded in sections if value]
    if not any(is_encoded for _, is_encoded in parts):
        return name, b"".join(value for value, _ in parts)
    # RFC 2231 section 4.1 lets plain and encoded sections mix: in the whole, a plain one's percent signs must not read as codes
    return name + b"*", b"".join(value if encoded else value.replace(b"%", b"%25") for value, encoded in parts)


def _decoded(value: bytes) -> bytes:
    """Take charset and language off and undo the percent codes if there is a charset; what does not begin with both is no such value and stays."""
    charset, _, rest = value.partition(b"'")
    language, marks, coded = rest.partition(b"'")
    if not marks or (language and not charset):
        return value
    return unquote_to_bytes(coded) if charset else coded
