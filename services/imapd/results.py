"""What is told of the messages that a search found: ESEARCH (RFC 4731) with its options, and what ``$`` is afterwards (RFC 5182)."""

from collections.abc import Sequence

from services.imapd.grammar.keys import Result, Returns
from services.imapd.grammar.paging import on_page
from services.imapd.grammar.responses import string
from services.imapd.grammar.sequence import compact
from services.imapd.view import View

_FEW = 1_000
"""Numbers looked for one by one; for more a table of all is made first."""


class Found:
    """Messages by UID, in the order in which they are told, and by the number that the client asked for."""

    def __init__(self, view: View, uids: Sequence[int], by_uid: bool, *, with_modseq: bool = False) -> None:
        self.view = view
        self.uids = uids
        self.by_uid = by_uid
        self.with_modseq = with_modseq

    @property
    def numbers(self) -> Sequence[int]:
        """UIDs, or message numbers."""
        if self.by_uid:
            return self.uids
        if len(self.uids) < _FEW:
            return [self.view.number(uid) for uid in self.uids]
        number = dict(zip(self.view.uids, range(1, self.view.count + 1), strict=True))
        return [number[uid] for uid in self.uids]

    def line(self, word: bytes) -> bytes:
        """Write the reply of a search without RETURN: SEARCH or SORT (RFC 7162 section 3.1.6)."""
        modseq = self.modseq(self.uids)
        return b"* %b%b%b\r\n" % (word, b"".join(b" %d" % number for number in self.numbers), b" (%b)" % modseq if modseq else b"")

    def modseq(self, uids: Sequence[int]) -> bytes:
        """Write the highest modseq of some of them (RFC 7162 section 3.1.10); nothing when it was not asked for or there are none."""
        if not self.with_modseq or not uids:
            return b""
        return b"MODSEQ %d" % max(self.view.message(uid).modseq for uid in uids)


def esearch(tag: bytes, found: Found, returns: Returns) -> bytes:
    """Write the reply. What has no result is left out, but for COUNT (RFC 4731 section 3.1)."""
    uids, numbers, wants = found.uids, found.numbers, returns.results
    words = [b"(TAG %b)" % string(tag)]
    if found.by_uid:
        words.append(b"UID")
    if Result.MIN in wants and uids:
        words.append(b"MIN %d" % numbers[0])
    if Result.MAX in wants and uids:
        words.append(b"MAX %d" % numbers[-1])
    if Result.COUNT in wants:
        words.append(b"COUNT %d" % len(uids))
    if Result.ALL in wants and uids:
        words.append(b"ALL " + compact(numbers))
    if returns.page is not None:
        words.append(b"PARTIAL (%b %b)" % (returns.page.label, compact(on_page(numbers, returns.page)) or b"NIL"))
    words.append(found.modseq(_told(found, returns)))
    return b"* ESEARCH %b\r\n" % b" ".join(filter(None, words))


def saved(found: Found, returns: Returns) -> Sequence[int]:
    """Return the UIDs that ``$`` stands for: what the reply is about, or all when SAVE is all that was asked for (RFC 5182 section 2.4)."""
    return found.uids if returns.results == {Result.SAVE} and returns.page is None else _told(found, returns)


def _told(found: Found, returns: Returns) -> Sequence[int]:
    """Return the messages that the reply is about (RFC 7162 section 3.1.10, RFC 9394 section 3.2)."""
    if Result.ALL in returns.results or Result.COUNT in returns.results:
        return found.uids
    chosen: list[int] = []
    if Result.MIN in returns.results:
        chosen += found.uids[:1]
    if Result.MAX in returns.results:
        chosen += found.uids[-1:]
    if returns.page is not None:
        chosen += on_page(found.uids, returns.page)
    return list(dict.fromkeys(chosen))
