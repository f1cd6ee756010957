"""What was tried for a message and what was heard: a file beside it, a JSON line for each answer.

Only trouble is written (and deliveries that the sender wants to hear of): the last line about a recipient is what a report says of it, also
after a restart.
"""

import msgspec

from services.kernel.mail.outcome import Outcome

MAX_BYTES = 4 * 1024 * 1024
"""What is read back at most; five days of retries of a message with 100 recipients write some 2 MB."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One answer for the recipients ``numbers`` (positions in the queue file) at ``time`` (seconds since the epoch)."""

    time: float
    numbers: list[int]
    outcome: Outcome
    nexthop: str = ""
    is_expiry: bool = False
    """The outcome is our own: the message stayed undelivered for its lifetime."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Attempt)


def encode(attempts: list[Attempt]) -> bytes:
    """Lines to append."""
    return _encoder.encode_lines(attempts)


def decode(block: bytes) -> list[Attempt]:
    """Read lines back; one that was torn by a crash is left out."""
    attempts = []
    for line in block.splitlines():
        try:
            attempts.append(_decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return attempts


def last_words(attempts: list[Attempt]) -> dict[int, Attempt]:
    """The last answer for each recipient; an expiry does not hide what the next hop said before it."""
    last: dict[int, Attempt] = {}
    for attempt in attempts:
        for number in attempt.numbers:
            if not attempt.is_expiry or number not in last:
                last[number] = attempt
    return last
