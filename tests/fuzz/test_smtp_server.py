"""What a stranger can send to the SMTP server: commands, paths, parameters and content."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.headers import head_end, scan
from services.kernel.mail.parameters import ParameterError, decode_orcpt, decode_xtext, encode_xtext, parse_parameters
from services.kernel.mail.path import PathError, parse_forward_path, parse_reverse_path
from services.kernel.smtp.commands import Malformed, parse_mail, parse_rcpt
from services.kernel.smtp.data import ChunkReader, ContentCheck, DotReader

LIMIT = 10**6
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
PIECES = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\r\n.\r\n", b"\n.\n", b"\x00", b"bc"]), max_size=30)
PATHISH = st.lists(st.sampled_from(["<", ">", "@", '"', "\\", ".", "a", "b.test", "[", "]", "IPv6:::1", ":", ",", " ", "ø", "SIZE=1"]), max_size=16)


def feed_in_pieces(reader: DotReader, wire: bytes, cuts: list[int]) -> bytes:
    content, position = b"", 0
    for cut in [*cuts, len(wire)]:
        if reader.is_done or position >= len(wire):
            break
        content += reader.feed(wire[position : position + cut])
        position += cut
    return content


@given(PIECES, st.lists(st.integers(1, 9), max_size=40))
def test_content_ends_where_the_standard_says_however_it_is_cut(pieces: list[bytes], cuts: list[int]) -> None:
    text = b"".join(pieces)
    wire = text + b"\r\n.\r\n" + b"rest"
    whole = b"\r\n" + wire
    end = whole.find(b"\r\n.\r\n")
    expected = whole[: end + 2].replace(b"\r\n.", b"\r\n")[2:]
    check = ContentCheck(LIMIT, LIMIT)
    reader = DotReader(check)
    content = feed_in_pieces(reader, wire, cuts)
    assert reader.is_done
    bare = expected.replace(b"\r\n", b"")
    if b"\r" in bare or b"\n" in bare:
        assert check.fault is not None
    else:
        assert (content, check.fault) == (expected, None)


@given(st.binary(max_size=200))
def test_stuffed_content_comes_out_as_it_was(content: bytes) -> None:
    lines = content.replace(b"\r", b"").replace(b"\n", b"\r\n") + b"\r\n"
    stuffed = (b"\r\n" + lines).replace(b"\r\n.", b"\r\n..")[2:]
    check = ContentCheck(LIMIT, LIMIT)
    reader = DotReader(check)
    assert feed_in_pieces(reader, stuffed + b".\r\n", [1, 3, 2]) == lines
    assert reader.is_done
    assert check.size_bytes == len(lines)


@given(st.lists(st.binary(min_size=1, max_size=10), max_size=10))
def test_chunks_give_the_same_verdict_as_their_sum(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    check = ContentCheck(LIMIT, LIMIT)
    reader = ChunkReader(check)
    content = b"".join(reader.feed(chunk) for chunk in chunks) + reader.close()
    bare = whole.replace(b"\r\n", b"")
    if b"\r" in bare or b"\n" in bare:
        assert check.fault is not None
    else:
        assert content == whole + (b"" if whole.endswith(b"\n") or not whole else b"\r\n")


@given(st.lists(st.integers(0, 30), max_size=12), st.lists(st.integers(1, 17), max_size=40), st.integers(2, 20))
def test_long_lines_are_seen_however_content_is_cut(lengths: list[int], cuts: list[int], limit: int) -> None:
    wire = b"".join(b"x" * length + b"\r\n" for length in lengths) + b".\r\n"
    check = ContentCheck(LIMIT, limit)
    reader = DotReader(check)
    feed_in_pieces(reader, wire, cuts)
    assert (check.fault is not None) == any(length > limit for length in lengths)


@given(st.one_of(TEXT, PATHISH.map("".join)))
def test_a_path_is_parsed_or_refused_and_its_address_parses_to_itself(text: str) -> None:
    for parse in (parse_reverse_path, parse_forward_path):
        try:
            address, _ = parse(text)
        except PathError:
            continue
        assert parse(f"<{address}>") == (address, "")
        assert address.isprintable()


@given(st.one_of(TEXT, st.builds("FROM:<a@b.test> {}={}".format, st.sampled_from(["SIZE", "BODY", "RET", "ENVID", "AUTH"]), TEXT)))
def test_mail_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(Malformed):
        mail = parse_mail(text)
        assert mail.envid.isprintable()
        assert mail.ret in ("", "FULL", "HDRS")


@given(st.one_of(TEXT, st.builds("TO:<a@b.test> {}={}".format, st.sampled_from(["NOTIFY", "ORCPT", "X"]), TEXT)))
def test_rcpt_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(Malformed):
        rcpt = parse_rcpt(text, smtputf8=True)
        assert rcpt.orcpt.isprintable()


@given(TEXT)
def test_parameters_and_their_codes_never_give_control_characters(text: str) -> None:
    with contextlib.suppress(ParameterError):
        assert all(name.isascii() for name in parse_parameters(text))
    for decode in (decode_xtext, decode_orcpt):
        with contextlib.suppress(ParameterError):
            assert decode(text).isprintable()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_xtext_there_and_back(text: str) -> None:
    assert decode_xtext(encode_xtext(text)) == text


@given(st.binary(max_size=300))
def test_any_head_can_be_looked_at(content: bytes) -> None:
    head = scan(content[: max(head_end(content), 0)] or content)
    assert head.message_id.isascii() or head.message_id.encode()
    assert "\n" not in head.message_id
