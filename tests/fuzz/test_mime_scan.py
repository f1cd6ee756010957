"""Any bytes are a message: the scanner never fails and its offsets and sizes are always consistent."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.mime.addresses import MISSING_DOMAIN, parse
from services.kernel.mail.mime.envelope import envelope
from services.kernel.mail.mime.fields import as_crlf, select, split
from services.kernel.mail.mime.imapform import bodystructure, envelope_form
from services.kernel.mail.mime.structure import Part, scan

FRAGMENTS = [
    b"\n",
    b"\n\n",
    b"--b",
    b"--bb",
    b"--",
    b"\n--b\n",
    b"\n--bb\n",
    b"\n--b--\n",
    b"\n--bb--\n",
    b"text\n",
    b"\r",
    b"\0",
    b"\xff",
    b"(",
    b'"',
    b"\\",
    b"<",
    b"@",
    b":",
    b";",
    b"Content-Type: multipart/mixed; boundary=b\n",
    b"Content-Type: multipart/digest; boundary=bb\n",
    b"Content-Type: multipart/mixed; boundary=b--\n",
    b'Content-Type: multipart/mixed; boundary=""\n',
    b"Content-Type: multipart/mixed; boundary*=us-ascii''%62\n",
    b"Content-Type: message/rfc822\n",
    b"Content-Type: text/html\n",
    b"Content-Disposition: attachment; filename*0*=x''y; filename*1=z\n",
    b"Content-Language: en\n",
    b"From: A <a@b>\n",
    b"To: g: a@b;\n",
    b"Subject: x\n y\n",
]
MESSAGES = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(b"".join)
TOKENS = re.compile(rb'"(?:[^"\\\r\n]|\\["\\])*"|\{(\d+)\}\r\n|NIL|\d+|[() ]')


def assert_is_consistent(part: Part, content: bytes) -> None:
    assert 0 <= part.start <= part.body_start <= part.end <= len(content)
    header, body = content[part.start : part.body_start], content[part.body_start : part.end]
    assert (part.header_size, part.header_lines) == (len(as_crlf(header)), header.count(b"\n"))
    assert (part.body_size, part.body_lines) == (len(as_crlf(body)), body.count(b"\n"))
    place = part.body_start
    for child in part.children:
        assert place <= child.start
        place = child.end
        assert_is_consistent(child, content)
    assert place <= part.end or not part.children


def assert_is_imap(form: bytes) -> None:
    at = depth = 0
    while at < len(form):
        token = TOKENS.match(form, at)
        assert token, form[at : at + 40]
        at = token.end() + int(token[1] or 0)
        depth += (token[0] == b"(") - (token[0] == b")")
        assert depth >= 0
    assert depth == 0


@given(MESSAGES)
def test_offsets_and_sizes_of_all_parts_agree_with_the_content(content: bytes) -> None:
    message = scan(content)
    assert (message.start, message.end) == (0, len(content))
    assert_is_consistent(message, content)


@given(MESSAGES)
def test_lf_and_crlf_make_no_difference_to_what_imap_tells(content: bytes) -> None:
    content = content.replace(b"\r", b"")
    other = content.replace(b"\n", b"\r\n")
    assert bodystructure(content, scan(content)) == bodystructure(other, scan(other))


@given(MESSAGES | st.binary(max_size=300))
def test_imap_form_is_well_formed(content: bytes) -> None:
    message = scan(content)
    assert_is_imap(bodystructure(content, message))
    assert_is_imap(envelope_form(envelope(content[: message.body_start])))


@given(
    st.lists(
        st.sampled_from([b"a", b"b.c", b"@", b"<", b">", b",", b";", b":", b".", b'"', b"\\", b"(", b")", b"[", b"]", b" ", b"\xe4", b"\0"]),
        max_size=30,
    ).map(b"".join)
)
def test_address_list_of_any_kind_is_read(text: bytes) -> None:
    for address in parse(text):
        assert address.mailbox or address.host != MISSING_DOMAIN


@given(MESSAGES | st.binary(max_size=300))
def test_fields_together_are_the_header(content: bytes) -> None:
    fields = b"".join(field for _, field in split(content))
    assert content.startswith(fields)
    assert select(fields, ()) == (b"\r\n" if fields else b"")
