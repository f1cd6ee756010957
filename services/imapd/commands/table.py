"""Which command may be given in which state, what does it, and what is told after it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from services.imapd.commands import always, auth, fetch, folders, idle, listing, messages, search, select
from services.imapd.grammar import requests as ask
from services.imapd.grammar.requests import Request, Verb
from services.imapd.grammar.responses import Reply, bad
from services.imapd.session import Session, State


class Telling(Enum):
    """When a command looks at the selected folder, and what it then tells besides its own replies."""

    NOTHING = auto()
    """Neither: the command says all itself, or there is no folder yet."""
    NUMBERS_STAND = auto()
    """It looks first and tells all but expunges: RFC 3501 section 7.4.1 forbids them to FETCH, STORE and SEARCH."""
    BEFORE = auto()
    """It looks first and tells everything: the UID forms of these."""
    AFTER = auto()
    """It looks after its work and tells everything."""


Perform = Callable[[Session, Any], Awaitable[Reply]]
"""The request is of the type under which the row stands."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row."""

    states: frozenset[State]
    perform: Perform
    telling: Telling

    def telling_after(self, request: Request) -> Telling:
        """The row's, with expunges allowed where numbers are not used."""
        if self.telling is Telling.NUMBERS_STAND and isinstance(request, ask.Fetch | ask.Store | ask.Search) and request.by_uid:
            return Telling.BEFORE
        return self.telling


_ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
_BEFORE_LOGIN = frozenset({State.NOT_AUTHENTICATED})
_AFTER_LOGIN = frozenset({State.AUTHENTICATED, State.SELECTED})
_SELECTED = frozenset({State.SELECTED})


async def _misplaced_append(_session: Session, _request: ask.Append) -> Reply:
    return bad("Message literal expected")


_TABLE: Mapping[type[Request] | Verb, Entry] = {
    Verb.CAPABILITY: Entry(_ANY, always.capability, Telling.NOTHING),
    Verb.NOOP: Entry(_ANY, always.noop, Telling.AFTER),
    Verb.LOGOUT: Entry(_ANY, always.logout, Telling.NOTHING),
    ask.Identify: Entry(_ANY, always.identify, Telling.NOTHING),
    Verb.STARTTLS: Entry(_BEFORE_LOGIN, auth.starttls, Telling.NOTHING),
    ask.Login: Entry(_BEFORE_LOGIN, auth.login, Telling.NOTHING),
    ask.Authenticate: Entry(_BEFORE_LOGIN, auth.authenticate, Telling.NOTHING),
    Verb.NAMESPACE: Entry(_AFTER_LOGIN, listing.namespace, Telling.AFTER),
    ask.List: Entry(_AFTER_LOGIN, listing.list_folders, Telling.AFTER),
    ask.Lsub: Entry(_AFTER_LOGIN, listing.list_subscribed, Telling.AFTER),
    ask.Status: Entry(_AFTER_LOGIN, folders.status, Telling.AFTER),
    ask.ChangeFolder: Entry(_AFTER_LOGIN, folders.change, Telling.AFTER),
    ask.Rename: Entry(_AFTER_LOGIN, folders.rename, Telling.AFTER),
    ask.Append: Entry(_AFTER_LOGIN, _misplaced_append, Telling.NOTHING),
    ask.Select: Entry(_AFTER_LOGIN, select.select, Telling.NOTHING),
    Verb.IDLE: Entry(_AFTER_LOGIN, idle.idle, Telling.NOTHING),
    Verb.CHECK: Entry(_SELECTED, always.noop, Telling.AFTER),
    Verb.CLOSE: Entry(_SELECTED, select.close, Telling.NOTHING),
    Verb.UNSELECT: Entry(_SELECTED, select.unselect, Telling.NOTHING),
    Verb.EXPUNGE: Entry(_SELECTED, messages.expunge, Telling.AFTER),
    ask.ExpungeUids: Entry(_SELECTED, messages.expunge_uids, Telling.AFTER),
    ask.Fetch: Entry(_SELECTED, fetch.fetch, Telling.NUMBERS_STAND),
    ask.Store: Entry(_SELECTED, messages.store, Telling.NUMBERS_STAND),
    ask.Search: Entry(_SELECTED, search.search, Telling.NUMBERS_STAND),
    ask.Copy: Entry(_SELECTED, messages.copy, Telling.AFTER),
}


def entry_for(request: Request) -> Entry:
    """Return the row of a request."""
    return _TABLE[request.verb if isinstance(request, ask.Bare) else type(request)]
