"""What a client may want to hear: the words of NOTIFY (RFC 5465)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # requests names these among all others
    from services.imapd.grammar.requests import FetchItem


class Occasion(StrEnum):
    """What can happen, as the protocol calls it."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA_CHANGE = "MailboxMetadataChange"
    SERVER_METADATA_CHANGE = "ServerMetadataChange"


OF_MESSAGES = frozenset({Occasion.MESSAGE_NEW, Occasion.MESSAGE_EXPUNGE, Occasion.FLAG_CHANGE})


class Which(StrEnum):
    """Which folders a group is about (RFC 5465 section 6)."""

    SELECTED = "SELECTED"
    SELECTED_DELAYED = "SELECTED-DELAYED"
    INBOXES = "INBOXES"
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    MAILBOXES = "MAILBOXES"

    @property
    def is_selected(self) -> bool:
        """Whether it is about the selected folder, whichever that is."""
        return self in (Which.SELECTED, Which.SELECTED_DELAYED)


@dataclass(frozen=True, slots=True)
class Group:
    """Folders and what is to be told of them, nothing for NONE. ``items`` are fetched of new messages in the selected folder."""

    which: Which
    names: tuple[str, ...]
    occasions: frozenset[Occasion]
    items: "tuple[FetchItem, ...]" = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """NOTIFY SET with its groups, or NONE, which has none. ``wants_status`` when the state of now shall be told first."""

    groups: tuple[Group, ...]
    wants_status: bool = False
