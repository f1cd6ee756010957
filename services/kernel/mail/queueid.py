"""Queue ids and trace ids: short, sortable by time, safe as file names.

The alphabet is the one of Postfix's long queue ids: digits and consonants of both cases, so that no word
appears by accident and ``ls`` sorts by arrival.
"""

import re
from hashlib import sha256
from typing import NewType

QueueId = NewType("QueueId", str)
TraceId = NewType("TraceId", str)

ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_BASE = len(ALPHABET)
_TIME_DIGITS = 9
"""52**9 microseconds are 88 years since the epoch."""
_RANDOM_DIGITS = 5
"""52**5 = 380 million values for each microsecond."""
_VALID = re.compile(rf"[{ALPHABET}]{{{_TIME_DIGITS + _RANDOM_DIGITS}}}")


def _digits(value: int, count: int) -> str:
    out = []
    for _ in range(count):
        value, rest = divmod(value, _BASE)
        out.append(ALPHABET[rest])
    return "".join(reversed(out))


def queue_id(microseconds: int, entropy: int) -> QueueId:
    """Make a queue id from the arrival time (microseconds since the epoch) and any non-negative random number."""
    return QueueId(_digits(microseconds, _TIME_DIGITS) + _digits(entropy, _RANDOM_DIGITS))


def derived_id(origin: str, purpose: str) -> QueueId:
    """Make the queue id of a message that follows from another one: always the same for the same purpose, sorted beside its origin."""
    entropy = int.from_bytes(sha256(f"{origin} {purpose}".encode()).digest()[:8], "big")
    return QueueId(origin[:_TIME_DIGITS] + _digits(entropy, _RANDOM_DIGITS))


def arrival(queue_id: str) -> float:
    """The time that a queue id holds, in seconds since the epoch."""
    microseconds = 0
    for digit in queue_id[:_TIME_DIGITS]:
        microseconds = microseconds * _BASE + ALPHABET.index(digit)
    return microseconds / 1e6


def is_queue_id(text: str) -> bool:
    """Tell whether ``text`` has the shape of a queue id, so that it may name a file."""
    return _VALID.fullmatch(text) is not None
