"""Whether a message fits a SEARCH (RFC 3501 section 6.4.4).

A key is asked of a ``Candidate``: first with what the view knows, and the answer is yes, no, or ``None`` when the message itself must be read.
Only those messages are read, and only as far as needed.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate
from typing import assert_never

from services.imapd.grammar import requests as ask
from services.imapd.grammar.dates import day_and_time
from services.imapd.grammar.requests import SearchKey, When
from services.imapd.text import Document, folded
from services.imapd.view import View
from services.kernel.mailbox.records import Message


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may fit; ``document`` when it has been read."""

    number: int
    message: Message
    is_recent: bool
    document: Document | None = None


Question = Callable[[Candidate], bool | None]


def question(key: SearchKey, view: View) -> Question:
    """Return the question that a key asks; numbers and ``*`` are those of the view now."""
    match key:
        case ask.Not():
            return _negation(question(key.key, view))
        case ask.Either():
            return _disjunction(question(key.first, view), question(key.second, view))
        case ask.Both():
            return _conjunction([question(one, view) for one in key.keys])
        case ask.Numbered():
            return _numbered(key, view)
        case ask.HeaderHas() | ask.TextHas():
            return _of_text(key)
        case ask.Dated():
            return _dated(key)
        case _:
            return _of_facts(key)


def _of_facts(key: ask.All | ask.HasFlag | ask.IsRecent | ask.Sized) -> Question:
    match key:
        case ask.All():
            return lambda _: True
        case ask.IsRecent():
            return lambda candidate: candidate.is_recent
        case ask.HasFlag(flag):
            return _has_flag(flag)
        case ask.Sized(is_larger, size):
            return lambda candidate: candidate.message.size > size if is_larger else candidate.message.size < size
        case _:
            assert_never(key)


def _negation(inner: Question) -> Question:
    def ask_not(candidate: Candidate) -> bool | None:
        answer = inner(candidate)
        return None if answer is None else not answer

    return ask_not


def _conjunction(inner: list[Question]) -> Question:
    def ask_all(candidate: Candidate) -> bool | None:
        answer: bool | None = True
        for one in inner:
            found = one(candidate)
            if found is False:
                return False
            answer = answer and found if found is not None else None
        return answer

    return ask_all


def _disjunction(first: Question, second: Question) -> Question:
    def ask_either(candidate: Candidate) -> bool | None:
        one = first(candidate)
        if one:
            return True
        other = second(candidate)
        return other if other or one is not None else None

    return ask_either


def _numbered(key: ask.Numbered, view: View) -> Question:
    largest = view.uids[-1] if key.by_uid and view.uids else view.count
    spans = key.messages.spans(largest)
    starts = [first for first, _ in spans]

    def ask_number(candidate: Candidate) -> bool:
        number = candidate.message.uid if key.by_uid else candidate.number
        place = bisect_right(starts, number) - 1
        return place >= 0 and number <= spans[place][1]

    return ask_number


def _has_flag(flag: str) -> Question:
    if flag.startswith("\\"):
        return lambda candidate: flag in candidate.message.flags
    lowered = flag.lower()
    return lambda candidate: any(one.lower() == lowered for one in candidate.message.flags)


def _dated(key: ask.Dated) -> Question:
    if key.is_sent:
        return lambda candidate: None if candidate.document is None else _compare(key, _sent_day(candidate.document))
    return lambda candidate: _compare(key, day_and_time(candidate.message.internaldate).date())


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


def _sent_day(document: Document) -> date | None:
    """The day of the Date field as written there, whatever its zone; ``None`` for one that is missing or makes no sense."""
    values = document.field(b"date")
    try:
        found = parsedate(values[0]) if values else None
        return date(*found[:3]) if found else None
    except (ValueError, TypeError, IndexError, OverflowError):  # the library's parser raises these on odd input
        return None


def _of_text(key: ask.HeaderHas | ask.TextHas) -> Question:
    wanted = folded(key.text)

    def ask_text(candidate: Candidate) -> bool | None:
        document = candidate.document
        if document is None:
            return None
        if isinstance(key, ask.HeaderHas):
            return any(wanted in value for value in document.field(key.name))
        return wanted in document.body or (key.in_header and wanted in document.header)

    return ask_text
