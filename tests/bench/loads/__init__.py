"""All loads, a module a subject."""

from collections.abc import Sequence

from tests.bench.loads import accept, deferred, delivery, idling, imap, latency, pop3, relaying, signing_in, told
from tests.bench.running import Load

LOADS: Sequence[Load] = [
    *(*idling.FRESH, *accept.LOADS, *delivery.LOADS, *relaying.LOADS, *latency.LOADS, *signing_in.LOADS, *idling.LOADS),
    *(*imap.LOADS, *told.LOADS, *pop3.LOADS),
    *deferred.LOADS,  # last, as some of its mail stays in the queue
]
QUICK: Sequence[Load] = [
    *(*idling.FRESH, *accept.QUICK, *delivery.QUICK, *relaying.QUICK, *latency.QUICK, *imap.QUICK, *told.QUICK),
    *deferred.QUICK,
]
"""Those of ``QUICK=1``, with the names that they have in a full run."""


def chosen(only: str, is_quick: bool) -> list[Load]:
    """Loads whose names, or the first parts of them, are among the words of ``only`` (``relay``, ``relay/0ms``), or all."""
    words = [f"{word}/" for word in only.split()]
    return [load for load in (QUICK if is_quick else LOADS) if not words or f"{load.name}/".startswith(tuple(words))]
