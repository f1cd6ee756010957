"""Asking the catalogue what the view cannot answer, and giving it what had to be read."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from services.imapd import headings
from services.imapd.grammar import keys as ask
from services.imapd.grammar.keys import SearchKey, When, leaves
from services.imapd.searching import FromText, Lookup, wanted
from services.imapd.selected import Selected
from services.imapd.text import Document, comparable
from services.kernel.mailbox.catalog.records import FIELDS, Heading, SortFacts, Words
from services.kernel.mailbox.catalog.shelf import Shelf
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.trouble import MailboxTrouble

CONFIRM_MESSAGES = 300
"""Messages whose words are looked at in one go in a thread, some 10 ms."""
KEEP_CHARACTERS = 1 << 20
"""Of texts that are gathered before they are written: those of some hundred messages, or of three long ones."""


async def look_up(selected: Selected, key: SearchKey, uids: Collection[int], check: Callable[[], None]) -> Mapping[FromText, Lookup]:
    """Ask the catalogue about each key that the view cannot answer. A catalogue in trouble knows nothing.

    ``check`` raises when nobody waits for the answer any more.
    """
    found: dict[FromText, Lookup] = {}
    with suppress(MailboxTrouble):
        shelf = await selected.run(selected.folder.shelf)
        for one in dict.fromkeys(_asked(key)):
            check()
            if isinstance(one, ask.TextHas):
                found[one] = await _text(selected, shelf, one, uids, check)
            else:
                found[one] = await selected.run(_header, shelf, one, uids)
    return found


def _asked(key: SearchKey) -> Iterator[ask.HeaderHas | ask.TextHas | ask.Dated]:
    """The keys of which the catalogue may know something."""
    for one in leaves(key):
        match one:
            case ask.HeaderHas() | ask.TextHas() | ask.Dated(of=ask.Day.SENT):
                yield one


def needs_words(key: SearchKey) -> bool:
    """Whether the words of messages decide, and not only a few fields of their headers."""
    return any(isinstance(one, ask.TextHas) or (isinstance(one, ask.HeaderHas) and one.name.decode("latin-1") not in FIELDS) for one in _asked(key))


def _header(shelf: Shelf, key: ask.HeaderHas | ask.Dated, uids: Collection[int]) -> Lookup:
    if isinstance(key, ask.Dated):
        return Lookup(*shelf.sent_between(*_days(key), uids))
    name = key.name.decode("latin-1")
    if name in FIELDS:
        return Lookup(*shelf.with_field(name, wanted(key), uids))
    return _other_field(shelf, name, key, uids)


def _other_field(shelf: Shelf, name: str, key: ask.HeaderHas, uids: Collection[int]) -> Lookup:
    """A field that is not kept by itself: messages whose header holds its name and the text must be read, all others do not fit."""
    refused: frozenset[int] = frozenset()
    for text in filter(None, (comparable(name), wanted(key))):
        found = shelf.candidates(text, uids)
        refused |= found.known - found.fitting
    return Lookup(frozenset(), refused)


def _days(key: ask.Dated) -> tuple[int, int]:
    day = key.day.toordinal()
    match key.when:
        case When.BEFORE:
            return date.min.toordinal(), day - 1
        case When.ON:
            return day, day
        case When.SINCE:
            return day, date.max.toordinal()


async def _text(selected: Selected, shelf: Shelf, key: ask.TextHas, uids: Collection[int], check: Callable[[], None]) -> Lookup:
    """The index narrows down, the words decide."""
    text = wanted(key)
    candidates = await selected.run(shelf.candidates, text, uids)
    left = sorted(candidates.fitting)
    fitting: set[int] = set()
    known = set(candidates.known - candidates.fitting)
    for start in range(0, len(left), CONFIRM_MESSAGES):
        check()
        hits = await selected.run(shelf.confirm, text, left[start : start + CONFIRM_MESSAGES], in_header=key.in_header, in_body=True)
        fitting |= hits.fitting
        known |= hits.known
    return Lookup(frozenset(fitting), frozenset(known))


async def known_facts(selected: Selected, uids: Collection[int]) -> dict[int, SortFacts]:
    """Return what the catalogue knows of the order of messages; nothing when it is in trouble."""
    try:
        shelf = await selected.run(selected.folder.shelf)
        return await selected.run(shelf.sort_facts, uids)
    except MailboxTrouble:
        return {}


async def known_columns(selected: Selected, uids: Collection[int], names: Sequence[str]) -> dict[str, dict[int, Any]]:
    """Return what the catalogue knows, by the names of the fields of ``SortFacts``; nothing when it is in trouble."""
    try:
        shelf = await selected.run(selected.folder.shelf)
        return await selected.run(shelf.columns, names, uids)
    except MailboxTrouble:
        return {name: {} for name in names}


def read(folder: Folder, uids: Sequence[int]) -> Iterator[tuple[int, Document]]:
    """Read messages, one at a time: a stranger's may be large. Those that are gone are missing. Blocks."""
    for uid, content in folder.read(uids):
        yield uid, Document(content)


def fill(folder: Folder, uids: Sequence[int]) -> None:
    """Read messages and have the catalogue keep all of them. Blocks."""
    keeper = Keeper(folder, with_words=True)
    for uid, document in read(folder, uids):
        keeper.take(uid, document)
    keeper.write()


class Keeper:
    """What was read, on its way into the catalogue: many small messages in one go. A catalogue in trouble keeps nothing. Blocks."""

    def __init__(self, folder: Folder, *, with_words: bool) -> None:
        self._folder = folder
        self._with_words = with_words
        self._headings: dict[int, Heading] = {}
        self._words: dict[int, Words] = {}
        self._characters = 0

    def take(self, uid: int, document: Document) -> Heading:
        """Have a message kept, by the next ``write`` at the latest, and return its heading."""
        found = self._headings[uid] = headings.heading(document)
        self._characters += sum(len(value) for value in found.fields if value is not None)
        if self._with_words:
            words = self._words[uid] = headings.words(document)
            self._characters += len(words.header) + len(words.body)
        if self._characters > KEEP_CHARACTERS:
            self.write()
        return found

    def write(self) -> None:
        """Keep what was taken since the last time."""
        with suppress(MailboxTrouble):
            self._folder.shelf().keep(self._headings, self._words)
        self._headings, self._words, self._characters = {}, {}, 0
