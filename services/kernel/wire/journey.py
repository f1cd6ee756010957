"""The hop between two sites by which a trace goes on: a secondary asks the primary what became of messages that it has handed over.

Beside ``recipients``, on the same pinned HTTPS: ``GET /trace?id=TRACE&id=...``. The body is the primary's event lines of these messages, JSON each. A
trace id is known to those only through whose hands the message went, so nothing is told of other mail.
"""

from collections.abc import Iterable
from urllib.parse import parse_qs, urlencode

from services.kernel.mail.queueid import is_queue_id

PATH = "/trace"
MOST_TRACES = 100
"""In one question."""


def write_query(traces: Iterable[str]) -> str:
    """What stands behind the question mark."""
    return urlencode([("id", trace) for trace in list(traces)[:MOST_TRACES]])


def read_query(query: str) -> list[str]:
    """The traces of a question; whatever is none is left out: an address would name the mail of others."""
    return [word for word in parse_qs(query).get("id", [])[:MOST_TRACES] if is_queue_id(word)]
