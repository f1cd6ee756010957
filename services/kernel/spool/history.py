"""What was tried for a message and what was heard: a file beside it, a JSON line for each answer.

Only trouble is written (and deliveries that the sender wants to hear of): the last line about a recipient is what a report says of it, also
after a restart. The dialogues that led to trouble stand in another file, of which only the newest part is kept, so that a listing need not read them.
"""

from typing import TypeVar

import msgspec
from msgspec import structs

from services.kernel.mail.outcome import Outcome
from services.kernel.mail.transcript import Transcript

MAX_BYTES = 4 * 1024 * 1024
"""What is read back at most; five days of retries of a message with 100 recipients write some 2 MB."""

DIALOGUES_BYTES = 32 * 1024
"""What is kept of a message's dialogues: some ten whole ones, or those of the last 30 short attempts."""


class Attempt(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One answer for the recipients ``numbers`` (positions in the queue file) at ``time`` (seconds since the epoch).

    ``transcripts`` are what was said to get it; they are written and read by themselves, as ``Dialogue``.
    """

    time: float
    numbers: list[int]
    outcome: Outcome
    nexthop: str = ""
    is_expiry: bool = False
    """The outcome is our own: the message stayed undelivered for its lifetime."""
    transcripts: list[Transcript] = []


class Dialogue(msgspec.Struct, frozen=True, gc=False):
    """A dialogue with one server in an attempt that ended at ``time``."""

    time: float
    nexthop: str
    server: str
    lines: list[str]


Line = TypeVar("Line")
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Attempt)
_dialogue_decoder = msgspec.json.Decoder(Dialogue)


def encode(attempts: list[Attempt]) -> bytes:
    """Lines to append, without dialogues."""
    return _encoder.encode_lines([structs.replace(a, transcripts=[]) if a.transcripts else a for a in attempts])


def encode_dialogues(attempts: list[Attempt]) -> bytes:
    """Lines to append about the dialogues of these attempts; empty if there were none."""
    return _encoder.encode_lines([Dialogue(a.time, a.nexthop, said.server, said.lines) for a in attempts for said in a.transcripts])


def newest(block: bytes) -> bytes:
    """The last whole lines of ``block``, within ``DIALOGUES_BYTES``."""
    return block if len(block) <= DIALOGUES_BYTES else block[-DIALOGUES_BYTES:].partition(b"\n")[2]


def decode(block: bytes) -> list[Attempt]:
    """Read lines back; one that was torn by a crash is left out."""
    return _decode_lines(_decoder, block)


def decode_dialogues(block: bytes) -> list[Dialogue]:
    """The same for dialogues."""
    return _decode_lines(_dialogue_decoder, block)


def _decode_lines(decoder: msgspec.json.Decoder[Line], block: bytes) -> list[Line]:
    found = []
    for line in block.splitlines():
        try:
            found.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


def last_words(attempts: list[Attempt]) -> dict[int, Attempt]:
    """The last answer for each recipient; an expiry does not hide what the next hop said before it."""
    last: dict[int, Attempt] = {}
    for attempt in attempts:
        for number in attempt.numbers:
            if not attempt.is_expiry or number not in last:
                last[number] = attempt
    return last
