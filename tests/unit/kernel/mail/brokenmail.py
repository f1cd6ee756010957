"""Mail as no program should write it, the same for the same seed: what IMAP servers must still describe."""

import random
import re
from collections.abc import Iterator

LOCAL = (
    b"a", b"ann.b", b'"q u"', b'"q\\"u"', b"a b", b"a.b.", b".a", b"a..b", b"", b"\xc3\xa4", b"a(c)", b'"un', b"a:b", b"=?utf-8?q?x?=", b'a."b"',
    b"[a]", b"a;b",
    b'a."b".c', b"a (c) . b", b"a\\b", b'"a" "b"', b"a\rb", b'"a', b"=?utf-8?q?a?= b", b"a\x01b",
)  # fmt: skip
DOMAIN = (
    b"example.test", b"b", b"[192.0.2.1]", b"[x", b"", b"c d", b"c. d", b"c .d", b"c..d", b".c", b"c.", b"(x) c", b"c(x)", b"\xc3\xa4.test",
    b"b:c", b"a@b", b"c_d", b'"c"',
    b"b (c) . d", b"[IPv6:::1]", b"[a\\]b]", b"b>", b"b\rc", b"b (c", b'b "c"', b"\r\n b",
)  # fmt: skip
PHRASE = (
    b"Ann", b"Ann B.", b'"B, Ann"', b'"un closed', b"", b'Ann "the" B', b"A.B. C", b"A . B", b'"a\\\\b\\"c"', b"=?utf-8?q?J=C3=B6?= X",
    b"\xe4\xf6", b"Ann (c)", b"(c) Ann", b"Ann\tB", b"Ann  B", b'""', b'"a"b', b"a@b", b"Ann:", b"Ann [x]", b'"a"  "b"', b"(un closed", b"A;B",
    b"A)", b"a\\b", b'"a\\',
    b'"a " b', b'a" b"', b'""  ""', b"=?utf-8?q?a_b?= =?utf-8?q?c?=", b"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", b'"=?utf-8?q?x?="', b"(c)(d) Ann (e)",
    b"a\rb", b"Ann <x>", b"'Ann'", b'("un) Ann', b"Ann (un \\( c)", b'Ann\\"B', b'"a\r\n b"', b'"a\x01b"', b"Ann, B", b"=?utf-8?q?a,b?=", b"@", b"<",
)  # fmt: skip
COMMENT = (
    b"", b"", b"", b" (c)", b"(c d)", b" (a (b) c)", b" (un", b" (a\\)b)", b" ()", b" ( c )", b" (a)(b)", b' (")', b" (a@b)", b" (c,d)", b" (\\))",
    b" (a)\r\n (b)", b"(\xe4)", b" (=?utf-8?q?x?=)", b" (c) x", b' "c"', b" (c\rd)",
)  # fmt: skip
SPACE = (b" ", b" ", b" ", b"", b"  ", b"\t", b" \t ", b"\r\n ", b"\r\n\t", b" \r\n  ", b"\r\n \r\n ")
LIST_END = (b"", b"", b"", b"", b",", b", ,", b";", b",;", b" ", b",,,")
SEPARATOR = (
    b", ", b", ", b",", b",,", b" , ,", b",\r\n ", b",\r\n\t", b"; ", b" ", b";", b",(c),", b" (c), ", b",\r\n\t\r\n ", b"\r\n ,", b":", b", :",
)  # fmt: skip
TEXT = (
    b"plain", b"two words", b"", b" ", b"a\tb", b"a  b", b"a\r\n b", b"a\r\n\tb", b"a \r\n  b", b"a\r\n \t b", b"a\r\n \r\n b", b'say "x"',
    b"back\\slash", b"\xc3\xa4\xc3\xb6", b"\xe4", b"=?utf-8?q?x?=", b"=?utf-8?b?w6Q=?=\r\n =?utf-8?b?w7Y=?=", b"x" * 300, b"a\rb", b"(c)",
    b"trail  ", b"trail\t", b"\x01\x7f", b"a\r\n ", b"\r\n a", b"a: b", b"{3}", b"NIL",
    b"\ra", b"a\r", b"a\r\r\n b", b"=?utf-8?q?a?= =?utf-8?q?b?=", b"=?utf-8?q?un", b"\x80", b"(", b'"un', b"a\r\n\r b",
)  # fmt: skip
DATE = (
    b"Mon, 7 Feb 1994 21:52:25 -0800", b"yesterday", b"Mon, 7 Feb 1994\r\n 21:52:25 -0800 (PST)", b"", b"Mon, 7 Feb 1994 (c) 21:52:25 -0800",
    b" Mon", b"7 Feb 94\r\n\t", b"\xe4",
)  # fmt: skip
ID = (
    b"<a@b>", b"a@b", b"<a@b> <c@d>", b"<a b@c>", b"<>", b"", b"<a@b>\r\n <c@d>", b"<a@b", b"<\xe4@b>", b"(c) <a@b>", b"<a@b>(c)", b"<a@b>\r\n",
    b"<a@\r\n b>", b'<"a b"@c>', b"<a@b>\r",
)  # fmt: skip
TOKEN = (
    b"text", b"x-y", b"a_b", b"a.b", b"", b'"q"', b"a b", b"\xc3\xa4", b"a=b", b"a@b", b"a(c)", b"a[b]", b"a'b", b"a%b", b"a:b", b"<a>", b"A",
    b"a*b",
)  # fmt: skip
VALUE = (
    b"x", b"us-ascii", b'"x y"', b'"a\\"b"', b'"un closed', b"", b'""', b"x y", b"\xe4", b'"\xc3\xa4"', b"a=b", b"a/b", b"a(c)", b'"(c)"',
    b"=?utf-8?q?x?=", b'"a;b"', b"a'b", b"utf-8''a%20b", b'"x" y', b"x;;", b' "x"', b"x ", b'"a\\b"', b"<x>", b"a:b", b"a@b", b'"a\r\n b"',
    b'"a\tb"', b"[x]", b"a,b", b"x\\", b'"=?utf-8?q?a b?="', b"=?utf-8?b?w6Q=?= =?utf-8?q?x?=", b"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", b'"a\r\n\tb"',
    b"utf-8'en'a%C3%A4", b"''%41", b"utf-8''%zz%", b'"a" "b"', b"x (c)", b"(c) x", b"(c", b"\\x", b'"\\', b"a\xe4b", b"{x}", b"x\ry", b"'x'", b"*",
    b"%41", b'"a\r\n b', b'"a\rb"', b'"=?utf-8?q?x?=', b"\r\n x", b"\x01", b"a?b", b"=", b'"a (b) c"', b"(a \"b\" c) x",
)  # fmt: skip
NAME = (
    b"charset", b"name", b"format", b"x", b"name*", b"name*0", b"name*1", b"name*0*", b"name*1*", b"", b"a b", b"\xe4", b"CharSet", b'"name"',
    b"x-y_z", b"type", b"name*2", b"name*0**", b"name*x", b"name**", b"*", b"*0", b"name*00", b"name*10", b"NAME*0", b"charset*", b"boundary",
    b"na(c)me", b"name(c)", b"\r\n name", b"name*0 *", b"x\ry",
)  # fmt: skip
SEMICOLON = (
    b"; ", b"; ", b"; ", b";", b" ; ", b";\r\n\t", b";\r\n ", b" ", b";;", b"; ;", b",", b"; (c) ", b"\r\n ;", b";(c)", b"(c);", b"; \r\n\t",
    b";\r\n \r\n ", b"\r", b";\r",
)  # fmt: skip
EQUALS = (b"=", b"=", b"=", b"=", b" = ", b"= ", b" =", b"", b"==", b"(c)=", b"\r\n =", b" (c) = (d) ", b"=\r\n ", b"=\r", b":")
MEDIA = (
    b"text/plain", b"text/plain", b"text/html", b"TEXT/PLAIN", b"Text/X", b"image/png", b"application/octet-stream", b"application/ms-tnef",
    b"text", b"text/", b"/plain", b"", b"text / plain", b"text(c)/plain", b"(c)text/plain", b"text/plain/x", b'"text/plain"', b'text/"plain"',
    b"text plain", b"te xt/plain", b"text/pl ain", b"x", b"text//plain", b"text/plain,", b"text;plain", b"\xe4/x", b"text/\xe4", b"text=plain",
    b"message/delivery-status", b"message/partial", b"message/external-body", b"message/rfc822x", b"multipart/mixed", b"multipart/alternative",
    b"multipart", b"text\\/plain", b"text/[x]", b"text:plain", b"message", b"<text/plain>", b"text/plain.", b"text/'x'", b"us-ascii",
    b"text/plain charset=x", b"message/news", b"message/global", b"audio/x-y+z", b"message/rfc822", b"message/rfc822 (c)", b"multipart/digest",
    b"text/plain (c)", b"text (c)/ (d) plain", b"text/plain\r\n ", b"\r\n text/html", b"text/(un plain", b"message/global-headers", b"text/plain\r",
    b"x-y/\xc3\xa4", b"(a (b) c) text/plain", b"text/plain (\xe4)", b"application/x; (c)", b"text/\r\n plain", b"text\r/plain", b"text/plain\x01",
    b"text/pl\x7fain", b"multipart/mixed; boundary=b0", b"=?utf-8?q?text?=/plain", b"text/*", b"*/*",
)  # fmt: skip
ENCODING = (
    b"7bit", b"8bit", b"base64", b"BASE64", b"quoted-printable", b"binary", b"", b"x-y", b"7 bit", b'"8bit"', b"base64;", b"base64 (c)",
    b"(c) base64", b"\xe4", b"a/b", b"8-bit", b"=x", b"base64, x", b"7bit\r\n x", b"[x]", b"<x>", b"x@y",
    b"8bit (c) (d)", b"\r\n base64", b"quoted-printable\r\n ", b"base64\r", b"(un", b"base64 (un", b"base64=", b"*", b"\x01",
)  # fmt: skip
DISPOSITION = (
    b"attachment", b"inline", b"ATTACHMENT", b"", b'"attachment"', b"attachment x", b"(c) inline", b"a/b", b"attachment(c)", b"\xe4", b"a=b",
    b"form-data", b";",
    b"inline (c)", b"\r\n attachment", b"attachment\r", b"(un", b"inline=", b"a*b", b"attachment, x", b"=?utf-8?q?inline?=",
)  # fmt: skip
LANGUAGE = (
    b"en", b"en, de", b"en,de-AT", b"", b"EN", b"en de", b'"en"', b"en;de", b"(c) en", b"en (c), de", b",", b"en,", b"\xe4", b"i_x", b"en,,de",
    b"en (un", b"en\r\n , de", b"en-a1", b"*", b"en\r", b"x.y", b"(c)", b"en (a (b) c)",
)  # fmt: skip
MD5 = (b"Q2hlY2sgSW50ZWdyaXR5IQ==", b"x y", b"", b'"x"', b"x (c)", b"\xe4", b"x\r\n y", b"x\r")
LOCATION = (b"http://a/b", b"http://a/b c", b"", b'"x"', b"http://a/\r\n b", b"x (c)", b"\xe4", b"a\r\n\r\n b", b"=?utf-8?q?x?=", b"http://a/\r")
CONTENT = (
    b"hello", b"", b"two\r\nlines\r\n", b"\r\n", b"--", b"\r\n\r\nx", b"caf\xe9", b"From a\r\n.\r\n..\r\n", b"x" * 1200,
    b"Subject: no header\r\n\r\nx", b"a\rb", b" \r\n", b"--b0", b"--b0--", b"\r\n--b\r\n", b"-- \r\n", b"\r", b"x\r\r\n\r\n", b"\r\n\r\n\r\n",
    b"\x01\r\n", b"Content-Type: text/html\r\n\r\nx", b"---\r\n--- \r\n----",
)  # fmt: skip
BOUNDARY = (
    b"b", b"bb", b"b-", b"bbb", b"x y", b"=_a", b"b" * 70, b"b" * 78, b"b" * 90, b"'()+_,-./:=?", b"B", b"b--", b"b ", b"a\tb", b"(c)", b"b;c",
    b"\xe4",
    b"--", b"-", b"0", b"b'", b"b\\x", b"=?utf-8?q?b?=", b"b/c", b"b,c", b"b@c", b"", b"b%20c", b" b",
)  # fmt: skip
BOUNDARY_NAME = (b"boundary", b"BOUNDARY", b"boundary*", b"boundary*0", b"x", b"boundary*0*", b"boundary*1", b"boundary(c)")
BRUISES = (b'"', b"(", b"<", b"\\", b"\r\n", b"\xff", b",", b":", b";", b" ", b"\r", b"\x01", b")", b">", b"=")
ADDRESSES = (b"From", b"Sender", b"Reply-To", b"To", b"Cc", b"Bcc")
AFTER_NAME = (
    b": ", b": ", b": ", b": ", b": ", b": ", b":", b":  ", b":\t", b" : ", b"\t:", b":\r\n ", b":\r\n\t", b":\r\n \r\n ", b":(c) ", b":\r", b"\r:",
)  # fmt: skip

_SPACE_BEFORE_COLON = re.compile(rb"(?m)^([^\s:]+)[ \t]+:")
_LINE_END = re.compile(rb"\r*\n")


def mails(seed: int, count: int) -> Iterator[bytes]:
    """Yield ``count`` messages with CRLF line ends and no NUL. A CR before those or at the end Dovecot would leave out."""
    for number in range(count):
        yield _LINE_END.sub(b"\r\n", _Mail(random.Random(f"{seed}.{number}")).message()).rstrip(b"\r")


class _Mail:
    """One message; ``_faults`` is how often something is broken, from 0 to 1, so that some messages have a single fault."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._faults = chance.choice((0.02, 0.1, 0.3, 0.8))
        self._max_depth = chance.choice((4, 4, 4, 4, 12))
        self._outer: list[bytes] = []

    def message(self) -> bytes:
        """Write the whole."""
        header, empty, body = self._message(0).partition(b"\r\n\r\n")
        if self._chance.random() < 0.9:  # Cyrus takes no mail with such a field on top
            header = _SPACE_BEFORE_COLON.sub(rb"\1:", header)
        message = header + empty + body
        return self._bruise(message) if self._is_broken(0.3) else message

    def _is_broken(self, weight: float = 1.0) -> bool:
        return self._chance.random() < self._faults * weight

    def _any(self, good_first: tuple[bytes, ...]) -> bytes:
        """The first, which is good, or when it shall be broken any of them."""
        return self._chance.choice(good_first) if self._is_broken() else good_first[0]

    def _message(self, depth: int) -> bytes:
        fields = [self._field(b"Date", self._any(DATE)), self._field(b"Subject", self._any(TEXT)), self._field(b"Message-ID", self._any(ID))]
        fields += [self._field(name, self._list()) for name in ADDRESSES if self._chance.random() < 0.5]
        if self._chance.random() < 0.3:
            fields.append(self._field(b"In-Reply-To", self._any(ID)))
        if self._is_broken():
            fields.append(self._chance.choice(fields))
        if self._is_broken():
            fields.append(self._field(self._chance.choice((b"Subject", b"Date", b"To", b"From", b"Message-ID")), self._any(TEXT)))
        if self._is_broken():
            del fields[self._chance.randrange(len(fields))]
        self._chance.shuffle(fields)
        return self._entity(fields, depth)

    def _field(self, name: bytes, value: bytes) -> bytes:
        if self._is_broken(0.3):
            name = self._chance.choice((name.upper(), name.lower()))
        return name + (self._chance.choice(AFTER_NAME) if self._is_broken(0.5) else b": ") + value + b"\r\n"

    # Addresses

    def _list(self) -> bytes:
        written = b""
        for number in range(self._chance.choice((1, 1, 1, 2, 3))):
            written += (self._any(SEPARATOR) if number else b"") + (self._group() if self._chance.random() < 0.1 else self._mailbox())
        return written + self._any(LIST_END)

    def _group(self) -> bytes:
        inside = self._any(SEPARATOR).join(self._mailbox() for _ in range(self._chance.choice((0, 1, 2))))
        return self._any(PHRASE) + self._any((b": ", b":", b" :")) + inside + self._any((b";", b"", b",;", b";;"))

    def _mailbox(self) -> bytes:
        address = self._any(LOCAL) + self._any((b"@", b"", b" @ ", b"@@", b" ", b"(c)@")) + self._any(DOMAIN)
        match self._chance.randrange(4):
            case 0:
                return address + self._any(COMMENT)
            case 1:
                return address + b" (" + self._any(PHRASE) + b")"
            case _:
                route = self._any((b"", b"@r:", b"@r1,@r2:", b"@r", b"@r1, @r2 :", b":", b"@:", b"r:"))
                opening, closing = self._any((b"<", b"<", b"", b"<<", b"< ")), self._any((b">", b">", b"", b">>", b" >", b"> x", b">x@y"))
                return self._any(PHRASE) + self._any(SPACE) + opening + route + address + closing + self._any(COMMENT)

    # MIME

    def _entity(self, fields: list[bytes], depth: int) -> bytes:
        roll = self._chance.random()
        deep = (self._max_depth > 4) * 0.3
        if depth < self._max_depth and roll < 0.35 + deep:
            return self._multipart(fields, depth)
        if depth < self._max_depth and roll < 0.45 + deep * 1.5:
            media = self._any((b"message/rfc822", b"MESSAGE/RFC822", b"message/rfc822;", b"message/news"))
            return self._header([*fields, *self._mime(media)]) + self._message(depth + 1)
        if roll < 0.6 + deep:
            return self._header(fields) + self._chance.choice(CONTENT)
        return self._header([*fields, *self._mime(self._any(MEDIA))]) + self._chance.choice(CONTENT)

    def _header(self, fields: list[bytes]) -> bytes:
        header = b"".join(fields)
        if self._is_broken(0.2):
            first = self._chance.choice((b"no colon\r\n", b" begins folded\r\n", b"X\xe4: y\r\n", b": empty\r\n"))
            header = first + header if self._chance.random() < 0.8 else header + b"no colon here\r\n"
        return header + self._any((b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"", b" \r\n"))

    def _mime(self, media: bytes) -> list[bytes]:
        fields = [self._field(b"Content-Type", media + self._parameters())]
        for name, values, has_parameters in (
            (b"Content-Transfer-Encoding", ENCODING, False),
            (b"Content-Disposition", DISPOSITION, True),
            (b"Content-ID", ID, False),
            (b"Content-Description", TEXT, False),
            (b"Content-Language", LANGUAGE, False),
            (b"Content-MD5", MD5, False),
            (b"Content-Location", LOCATION, False),
        ):
            if self._chance.random() < 0.3:
                fields.append(self._field(name, self._any(values) + (self._parameters() if has_parameters else b"")))
        if self._is_broken(0.3):
            fields.append(self._field(b"Content-Type", self._chance.choice(MEDIA)))
        if self._is_broken(0.3):
            fields.append(self._chance.choice(fields))
        return fields

    def _parameters(self) -> bytes:
        written = self._continued() if self._chance.random() < 0.2 else b""
        for _ in range(self._chance.choice((0, 0, 1, 1, 2, 3))):
            written += self._any(SEMICOLON) + self._chance.choice(NAME[:4] if not self._is_broken() else NAME) + self._any(EQUALS) + self._any(VALUE)
        return written + (self._any((b"", b"", b";", b"; ", b" x")))

    def _continued(self) -> bytes:
        """Write one parameter in sections (RFC 2231), of which one may be missing, twice there or in another place."""
        count = self._chance.choice((1, 2, 2, 3, 12))
        values = [self._any((b"a", b"''b", b"utf-8'en'c%20d", b"%C3%A4", b'"e f"', b"%", b"", b'"%41\\"g"', b"\xe4", b"'h")) for _ in range(count)]
        sections = [b"name*%d%b=%b" % (number, self._chance.choice((b"", b"*")), value) for number, value in enumerate(values)]
        if self._is_broken():
            sections.insert(self._chance.randrange(count), self._chance.choice((*sections, b"name=x", b"name*=y", b"NAME*1=z", b"name*01=q")))
        if self._is_broken():
            del sections[self._chance.randrange(count)]
        if self._is_broken():
            self._chance.shuffle(sections)
        return b"".join(self._any(SEMICOLON) + section for section in sections)

    def _multipart(self, fields: list[bytes], depth: int) -> bytes:
        word = self._any(BOUNDARY) if self._is_broken() else b"b%d" % depth
        if self._outer and self._is_broken(0.5):
            last = self._outer[-1]
            alike = (last, last + b"x", last[:-1], self._outer[0], last + b"--", last.removesuffix(b"--"), last.upper(), last + b" ")
            word = self._chance.choice(alike)
        told = self._any(
            (b'"%b"' % word, word, b'"%b ' % word, b' "%b" x' % word, b"'%b'" % word, b'"%b "' % word, b"", b'""', b"\r\n\t%b" % word,
             b'"%b\r\n "' % word, b'"%b\r\n %b"' % (word[:1], word[1:]), b'(c) "%b" (c)' % word, b'"%b";boundary="x"' % word,
             b'"x";boundary="%b"' % word, b'"\\%b"' % word, b"%b (un" % word, b"=?utf-8?q?%b?=" % word, b'"%b"\r' % word)
        )  # fmt: skip
        kind = self._chance.choice((b"mixed", b"mixed", b"alternative", b"digest", b"MIXED", b"x-y", b"related", b"signed"))
        name = self._any(BOUNDARY_NAME)
        mime = self._mime(b"multipart/" + kind + self._any(SEMICOLON) + name + self._any(EQUALS) + told)
        self._outer.append(word)
        body = self._any((b"", b"preamble\r\n", b"\r\n", b"pre"))
        for _ in range(self._chance.choice((1, 1, 2, 3)) if not self._is_broken(0.3) else 0):
            body += self._delimiter(word, b"") + self._part(depth + 1) + self._any((b"\r\n", b"\r\n", b"", b"\r\n\r\n", b"\n"))
        self._outer.pop()
        if not self._is_broken():
            body += self._delimiter(word, b"--")
        header = self._header([*fields, *mime])
        return header + body + self._any((b"", b"epilogue\r\n", b"\r\nepilogue", b"--%b\r\n" % word, b"\r\n"))

    def _delimiter(self, word: bytes, closing: bytes) -> bytes:
        line_end = self._any((b"\r\n", b"\r\n", b" \r\n", b"x\r\n", b"\t\r\n", b"", b"-\r\n", b"--\r\n"))
        return self._any((b"--", b"--", b"-- ", b"-", b"---", b" --")) + word + closing + line_end

    def _part(self, depth: int) -> bytes:
        if self._is_broken(0.2):
            return self._chance.choice(
                (b"", b"Content-Type: text/plain\r\n", b"Subject: only\r\n", b"X", b"X\r\n", b"Content-Type: text/html", b"\r\n", b"\r\n\r\n", b"\r",
                 b" \r\n\r\nx", b"Content-Type: message/rfc822\r\n", b"Content-Type: message/rfc822\r\n\r\n",
                 b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i")
            )  # fmt: skip
        if self._chance.random() < 0.3:
            return b"\r\n" + self._chance.choice(CONTENT)
        return self._entity([], depth)

    def _bruise(self, message: bytes) -> bytes:
        """Cut or change the message somewhere."""
        at = self._chance.randrange(len(message))
        match self._chance.randrange(6):
            case 0:
                return message[:at].removesuffix(b"\r")
            case 5:
                return message.rstrip(b"\r\n")
            case 1:
                return message[:at] + self._chance.choice(BRUISES) + message[at:]
            case 2:
                return message.replace(b"\r\n\r\n", b"\r\n", 1)
            case 3:
                return message.replace(b": ", b" : ", 1)
            case _:
                return message[:at] + message[at + 1 :]
