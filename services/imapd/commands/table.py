"""Which command may be given in which state, what does it, and what is told after it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from services.imapd.commands import acl, always, auth, fetch, folders, idle, listing, messages, metadata, notify, ordering, quota, search, select
from services.imapd.grammar import requests as ask
from services.imapd.grammar.keys import Numbered, Search, SearchKey, Sort, Thread, leaves
from services.imapd.grammar.requests import Request, Verb
from services.imapd.grammar.responses import Reply
from services.imapd.grammar.rights import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from services.imapd.grammar.wishes import Notify
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
        if self.telling is Telling.NUMBERS_STAND and isinstance(request, ask.Fetch | ask.Store | Search | Sort | Thread) and request.by_uid:
            return Telling.BEFORE
        return self.telling


_ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
_BEFORE_LOGIN = frozenset({State.NOT_AUTHENTICATED})
_AFTER_LOGIN = frozenset({State.AUTHENTICATED, State.SELECTED})
_SELECTED = frozenset({State.SELECTED})


_TABLE: Mapping[type[Request] | Verb, Entry] = {
    Verb.CAPABILITY: Entry(_ANY, always.capability, Telling.NOTHING),
    Verb.NOOP: Entry(_ANY, always.noop, Telling.AFTER),
    Verb.LOGOUT: Entry(_ANY, always.logout, Telling.NOTHING),
    ask.Identify: Entry(_ANY, always.identify, Telling.NOTHING),
    ask.Compress: Entry(_AFTER_LOGIN, always.compress, Telling.NOTHING),
    Notify: Entry(_AFTER_LOGIN, notify.notify, Telling.NOTHING),
    ask.Enable: Entry(_AFTER_LOGIN, always.enable, Telling.NOTHING),
    Verb.STARTTLS: Entry(_BEFORE_LOGIN, auth.starttls, Telling.NOTHING),
    ask.Login: Entry(_BEFORE_LOGIN, auth.login, Telling.NOTHING),
    ask.Authenticate: Entry(_BEFORE_LOGIN, auth.authenticate, Telling.NOTHING),
    Verb.NAMESPACE: Entry(_AFTER_LOGIN, listing.namespace, Telling.AFTER),
    ask.List: Entry(_AFTER_LOGIN, listing.list_folders, Telling.AFTER),
    ask.Lsub: Entry(_AFTER_LOGIN, listing.list_subscribed, Telling.AFTER),
    ask.GetQuota: Entry(_AFTER_LOGIN, quota.get, Telling.AFTER),
    ask.GetQuotaRoot: Entry(_AFTER_LOGIN, quota.get_root, Telling.AFTER),
    ask.SetQuota: Entry(_AFTER_LOGIN, quota.set_limits, Telling.AFTER),
    ask.GetMetadata: Entry(_AFTER_LOGIN, metadata.get, Telling.AFTER),
    ask.SetMetadata: Entry(_AFTER_LOGIN, metadata.set_values, Telling.AFTER),
    GetAcl: Entry(_AFTER_LOGIN, acl.get, Telling.AFTER),
    SetAcl: Entry(_AFTER_LOGIN, acl.set_entry, Telling.AFTER),
    DeleteAcl: Entry(_AFTER_LOGIN, acl.delete_entry, Telling.AFTER),
    ListRights: Entry(_AFTER_LOGIN, acl.list_rights, Telling.AFTER),
    MyRights: Entry(_AFTER_LOGIN, acl.mine, Telling.AFTER),
    ask.Status: Entry(_AFTER_LOGIN, folders.status, Telling.AFTER),
    ask.ChangeFolder: Entry(_AFTER_LOGIN, folders.change, Telling.AFTER),
    ask.Rename: Entry(_AFTER_LOGIN, folders.rename, Telling.AFTER),
    ask.Select: Entry(_AFTER_LOGIN, select.select, Telling.NOTHING),
    Verb.IDLE: Entry(_AFTER_LOGIN, idle.idle, Telling.NOTHING),
    Verb.CHECK: Entry(_SELECTED, always.noop, Telling.AFTER),
    Verb.CLOSE: Entry(_SELECTED, select.close, Telling.NOTHING),
    Verb.UNSELECT: Entry(_SELECTED, select.unselect, Telling.NOTHING),
    Verb.EXPUNGE: Entry(_SELECTED, messages.expunge, Telling.AFTER),
    ask.ExpungeUids: Entry(_SELECTED, messages.expunge_uids, Telling.AFTER),
    ask.Fetch: Entry(_SELECTED, fetch.fetch, Telling.NUMBERS_STAND),
    ask.Store: Entry(_SELECTED, messages.store, Telling.NUMBERS_STAND),
    Search: Entry(_SELECTED, search.search, Telling.NUMBERS_STAND),
    Sort: Entry(_SELECTED, ordering.sort, Telling.NUMBERS_STAND),
    Thread: Entry(_SELECTED, ordering.thread, Telling.NUMBERS_STAND),
    ask.Copy: Entry(_SELECTED, messages.copy, Telling.AFTER),
}


def entry_for(request: Request) -> Entry:
    """Return the row of a request."""
    return _TABLE[request.verb if isinstance(request, ask.Bare) else type(request)]


def may_take_long(request: Request) -> bool:
    """Tell whether a request is one that takes time with many messages, and is answered in whole lines."""
    if isinstance(request, ask.Bare):
        return request.verb in (Verb.EXPUNGE, Verb.CLOSE)
    telling = _TABLE[type(request)].telling
    return isinstance(request, ask.Select | ask.Copy | ask.ExpungeUids) or (telling is Telling.NUMBERS_STAND and not isinstance(request, ask.Fetch))


def uses_numbers(request: Request) -> bool:
    """Tell whether a request names messages by number, or is answered with numbers (RFC 9586 section 3)."""
    if isinstance(request, ask.Select):
        return request.resync is not None and request.resync.pairs is not None
    key: SearchKey | None = getattr(request, "key", None)  # of those that search
    in_keys = key is not None and any(isinstance(leaf, Numbered) and not (leaf.by_uid or leaf.messages.is_saved) for leaf in leaves(key))
    return in_keys or not getattr(request, "by_uid", True)
