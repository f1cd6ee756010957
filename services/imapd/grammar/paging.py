"""Some of many results: PARTIAL of SEARCH and FETCH (RFC 9394)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.imapd.grammar.scanner import BadSyntax, Scanner

_RANGE = re.compile(rb"(-?)([1-9][0-9]{0,9}):(-?)([1-9][0-9]{0,9})")


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the results (RFC 9394): from the ``first`` to the ``last``, counted from 1, or from the end when ``is_from_end``."""

    first: int
    last: int
    is_from_end: bool
    label: bytes
    """As the client wrote it, for the reply."""


def read_page(scanner: Scanner) -> Page:
    """Read ``1:500`` or ``-1:-500``. Raises ``BadSyntax``."""
    found = _RANGE.match(scanner.rest()[:32])
    if found is None or found[1] != found[3]:
        raise BadSyntax("Invalid range of results")
    scanner.at += found.end()
    first, last = sorted((int(found[2]), int(found[4])))
    return Page(first, last, bool(found[1]), found[0])


def on_page(results: Sequence[int], page: Page) -> Sequence[int]:
    """Return the results that a page shows."""
    if not page.is_from_end:
        return results[page.first - 1 : page.last]
    end = len(results) - page.first + 1
    return results[max(end - (page.last - page.first) - 1, 0) : max(end, 0)]
