"""From a text that is looked for to a question for the index of trigrams."""

import sqlite3

LENGTH = 3
MOST_TRIGRAMS = 30
"""Of one question: more narrow nothing down, and FTS5 limits how long a question may be."""
MOST_BEGINNINGS = 300
"""Trigrams that begin with a short text: with more of them nearly every message has one."""
_LAST = chr(0x10FFFF)
_PADDING = "  "


def padded(text: str) -> str:
    """Return a text as it is indexed: every character in it begins a trigram."""
    return text + _PADDING


def query(db: sqlite3.Connection, text: str) -> str | None:
    """Return a MATCH that every message with ``text`` fits; ``None`` when nothing can be narrowed down."""
    return _all_of(text) if len(text) >= LENGTH else _any_of(db, text)


def _all_of(text: str) -> str:
    starts = range(len(text) - LENGTH + 1)
    step = -(-len(starts) // MOST_TRIGRAMS)
    return " AND ".join(_quoted(term) for term in dict.fromkeys(text[at : at + LENGTH] for at in starts[::step]))


def _any_of(db: sqlite3.Connection, text: str) -> str | None:
    """A text too short for a trigram begins some."""
    found = db.execute("SELECT term FROM vocabulary WHERE term >= ? AND term <= ? LIMIT ?", (text, text + _LAST, MOST_BEGINNINGS + 1)).fetchall()
    if len(found) > MOST_BEGINNINGS or not text:
        return None
    return " OR ".join(_quoted(term) for (term,) in found) or _quoted(_LAST * LENGTH)


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
