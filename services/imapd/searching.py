"""Which messages fit a SEARCH (RFC 3501 section 6.4.4).

A key is asked of a set of messages at once, with what is known so far (``Evidence``): the view's facts, what the catalogue told, the messages
that have been read. The answer is those that fit and those of which it cannot be told yet. Only the latter are looked up in the catalogue, and
only what is open even then is read.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import inf
from typing import NamedTuple, TypeVar, assert_never

from services.imapd.grammar import keys as ask
from services.imapd.grammar.keys import SearchKey, When
from services.imapd.headings import sent
from services.imapd.text import Document, comparable, comparable_line
from services.imapd.view import View

T = TypeVar("T")
Uids = frozenset[int] | set[int]
FromText = ask.HeaderHas | ask.TextHas | ask.HasEmailId | ask.Dated
"""Keys that the view cannot answer: it knows no header and no text."""
_EPOCH = date(1970, 1, 1)
_DAY_SECONDS = 86_400
_NOTHING: frozenset[int] = frozenset()


class Verdict(NamedTuple):
    """Messages that fit, and messages of which it is not known; all others asked about do not fit."""

    fitting: Uids
    unsure: Uids = _NOTHING


class Lookup(NamedTuple):
    """What the catalogue tells of a key: messages that fit, and all of which it knows whether they do."""

    fitting: frozenset[int]
    known: frozenset[int]


class Spans(NamedTuple):
    """Disjoint ascending ranges of UIDs, by their first and last ones: a set of messages that takes no more room than it took to write."""

    firsts: Sequence[int]
    lasts: Sequence[int]

    def among(self, uids: Uids) -> Uids:
        """Those of ``uids`` that lie in a range."""
        if not uids:
            return _NOTHING
        smallest, largest = min(uids), max(uids)
        start, end = bisect_left(self.lasts, smallest), bisect_right(self.firsts, largest)
        if end - start != 1:
            return {uid for uid in uids if self._holds(uid)} if start < end else _NOTHING
        first, last = self.firsts[start], self.lasts[start]
        return uids if first <= smallest and largest <= last else {uid for uid in uids if first <= uid <= last}

    def _holds(self, uid: int) -> bool:
        place = bisect_left(self.lasts, uid)
        return place < len(self.lasts) and self.firsts[place] <= uid


_UNKNOWN = Lookup(_NOTHING, _NOTHING)


@dataclass(slots=True)
class Evidence:
    """What is known of the messages of a folder. ``now`` is whole seconds since the epoch, as dates are."""

    view: View
    now: int
    lookups: Mapping[FromText, Lookup] = field(default_factory=dict)
    documents: Mapping[int, Document] = field(default_factory=dict)
    _numbered: dict[ask.Numbered, "Spans"] = field(default_factory=dict)

    def with_lookups(self, lookups: Mapping[FromText, Lookup]) -> "Evidence":
        """Return the same with what the catalogue told."""
        return Evidence(self.view, self.now, lookups, {}, self._numbered)

    def with_documents(self, documents: Mapping[int, Document]) -> "Evidence":
        """Return the same with messages that were read."""
        return Evidence(self.view, self.now, self.lookups, documents, self._numbered)

    def numbered(self, key: ask.Numbered) -> "Spans":
        """The UIDs of a set; numbers that are not there are passed over."""
        if key not in self._numbered:
            self._numbered[key] = _spans(self.view, key)
        return self._numbered[key]


def judge(key: SearchKey, uids: Uids, evidence: Evidence) -> Verdict:
    """Ask a key of messages, whose UIDs the view must know."""
    match key:
        case ask.Not():
            inner = judge(key.key, uids, evidence)
            return Verdict(uids - inner.fitting - inner.unsure, inner.unsure)
        case ask.Either():
            return _either(key, uids, evidence)
        case ask.Both():
            return _both(key, uids, evidence)
        case ask.HeaderHas() | ask.TextHas() | ask.HasEmailId() | ask.Dated(of=ask.Day.SENT):
            return _from_text(key, uids, evidence)
        case _:
            return Verdict(_from_view(key, uids, evidence))


def asks_modseq(key: SearchKey) -> bool:
    """Tell whether modseqs matter to a search, so that its reply names the highest (RFC 7162 section 3.1.5)."""
    return any(isinstance(leaf, ask.Changed) for leaf in ask.leaves(key))


def _either(key: ask.Either, uids: Uids, evidence: Evidence) -> Verdict:
    first = judge(key.first, uids, evidence)
    second = judge(key.second, uids - first.fitting, evidence)
    return Verdict(first.fitting | second.fitting, (first.unsure | second.unsure) - second.fitting)


def _both(key: ask.Both, uids: Uids, evidence: Evidence) -> Verdict:
    """Each key is asked only of what the ones before it left."""
    left, unsure = uids, _NOTHING
    for one in key.keys:
        found = judge(one, left, evidence)
        left = found.fitting | found.unsure
        unsure = (unsure | found.unsure) & left
        if not left:
            break
    return Verdict(left - unsure, unsure)


def _from_text(key: FromText, uids: Uids, evidence: Evidence) -> Verdict:
    told = evidence.lookups.get(key, _UNKNOWN)
    fits = _question(key)
    rest = uids - told.known
    read = rest & evidence.documents.keys()
    return Verdict((uids & told.known & told.fitting) | {uid for uid in read if fits(evidence.documents[uid])}, rest - read)


def _question(key: FromText) -> Callable[[Document], bool]:
    match key:
        case ask.HeaderHas():
            text = wanted(key)
            return lambda document: any(text in value for value in document.field(key.name))
        case ask.TextHas():
            text = wanted(key)
            return lambda document: (key.in_header and text in document.header) or document.has_in_body(text)
        case ask.HasEmailId(email_id):
            return lambda document: document.email_id == email_id
        case ask.Dated():
            return lambda document: _compare(key, when.day if (when := sent(document)) else None)
        case _:
            assert_never(key)


def wanted(key: ask.HeaderHas | ask.TextHas) -> str:
    """Return what a key looks for, in the form in which texts are compared."""
    return comparable_line(key.text) if isinstance(key, ask.HeaderHas) else comparable(key.text)


def _from_view(key: SearchKey, uids: Uids, evidence: Evidence) -> Uids:
    columns = evidence.view.columns
    match key:
        case ask.All():
            return uids
        case ask.Numbered():
            return evidence.numbered(key).among(uids)
        case ask.IsRecent():
            return {uid for uid in uids if evidence.view.is_recent(uid)}
        case ask.HasFlag(flag):
            spelled = _spelled(flag, evidence.view)
            return _fitting(uids, evidence, columns.flags, lambda flags: spelled in flags) if spelled else _NOTHING
        case ask.Changed(modseq):
            return _fitting(uids, evidence, columns.modseqs, lambda one: one >= modseq)
        case ask.Sized(is_larger, size):
            return _fitting(uids, evidence, columns.sizes, lambda one: one > size if is_larger else one < size)
        case ask.Aged(is_younger, seconds):  # RFC 5032 section 3: the second itself belongs to both
            limit = evidence.now - seconds
            return _fitting(uids, evidence, columns.internaldates, lambda date: date >= limit if is_younger else date <= limit)
        case ask.Dated(of=of):
            first, end = _days(key)
            dates = columns.saved if of is ask.Day.SAVED else columns.internaldates
            return _fitting(uids, evidence, dates, lambda date: first <= date < end)
    raise AssertionError(key)


def _fitting(uids: Uids, evidence: Evidence, column: Sequence[T], fits: Callable[[T], bool]) -> set[int]:
    """Look through a column, from the first of the messages to the last."""
    if not uids:
        return set()
    first, last = evidence.view.number(min(uids)) - 1, evidence.view.number(max(uids))
    return {uid for uid, value in zip(evidence.view.uids[first:last], column[first:last], strict=True) if uid in uids and fits(value)}


def _days(key: ask.Dated) -> tuple[float, float]:
    """The seconds since the epoch from which, and before which, a date fits; days are those of UTC."""
    midnight = (key.day - _EPOCH).days * _DAY_SECONDS
    match key.when:
        case When.BEFORE:
            return -inf, midnight
        case When.ON:
            return midnight, midnight + _DAY_SECONDS
        case When.SINCE:
            return midnight, inf


def _spelled(flag: str, view: View) -> str | None:
    """Keywords are compared without case (RFC 9051 section 2.3.2); the folder knows one spelling of each."""
    if flag.startswith("\\"):
        return flag
    lowered = flag.lower()
    return next((known for known in view.flags if known.lower() == lowered), None)


def _compare(key: ask.Dated, day: date | None) -> bool:
    if day is None:
        return False
    match key.when:
        case When.BEFORE:
            return day < key.day
        case When.ON:
            return day == key.day
        case When.SINCE:
            return day >= key.day


def _spans(view: View, key: ask.Numbered) -> Spans:
    if key.messages.is_saved:
        return Spans(view.saved, view.saved)
    uids = view.uids
    if key.by_uid:
        found = key.messages.spans(uids[-1] if uids else 0)
    else:
        spans = key.messages.spans(view.count)
        found = [(uids[max(first, 1) - 1], uids[min(last, view.count) - 1]) for first, last in spans if first <= view.count]
    return Spans([first for first, _ in found], [last for _, last in found])
