"""Queue files with any damage: they parse, or they are said to be damaged."""

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.envelope import Client, Envelope, Recipient
from services.kernel.spool import history
from services.kernel.spool.format import HEAD_BYTES, Corrupt, Unfinished, parse, parse_layout, prefix

text = st.text(st.characters(codec="utf-8"), max_size=30)
envelopes = st.builds(
    Envelope,
    queue_id=text,
    trace_id=text,
    sender=text,
    arrived=st.floats(0, 4e9),
    message_id=text,
    smtputf8=st.booleans(),
    ret=text,
    envid=text,
    client=st.builds(Client, address=text, helo=text, login=text),
    is_bounce=st.booleans(),
)
recipient_lists = st.lists(st.builds(Recipient, address=text, original=text, orcpt=text, notify=text), min_size=1, max_size=5)


@given(envelopes, recipient_lists, st.binary(max_size=200))
def test_any_envelope_and_content_come_back(envelope: Envelope, recipients: list[Recipient], content: bytes) -> None:
    block = prefix(envelope, recipients).encode(len(content)) + content
    file = parse(parse_layout(block[:HEAD_BYTES]), block, len(block))
    assert (file.envelope, file.recipients, block[file.layout.content_offset :]) == (envelope, recipients, content)


@given(envelopes, recipient_lists, st.data())
def test_damage_never_raises_anything_else(envelope: Envelope, recipients: list[Recipient], data: st.DataObject) -> None:
    block = bytearray(prefix(envelope, recipients).encode(10) + b"0123456789")
    for _ in range(data.draw(st.integers(1, 5))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    try:
        layout = parse_layout(bytes(block[:HEAD_BYTES]))
        file = parse(layout, bytes(block), len(block))
    except (Corrupt, Unfinished):
        return
    assert len(file.recipients) == len(file.statuses)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_history(block: bytes) -> None:
    assert isinstance(history.decode(block), list)
