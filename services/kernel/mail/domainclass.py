"""What a domain is to this site: the word that decides whether its mail is taken and where it goes."""

from dataclasses import dataclass
from enum import StrEnum


class DomainClass(StrEnum):
    """The classes of DESIGN: Postfix's virtual mailbox, virtual alias, relay and default classes, and backup."""

    HOSTED = "hosted"
    """Mailboxes here."""
    ALIAS = "alias"
    """Another name of a domain: ``user@alias`` is ``user@target``."""
    RELAY = "relay"
    """Ours to pass on to a host inside."""
    BACKUP = "backup"
    """We are a secondary MX of it."""
    REMOTE = "remote"
    """Everybody else's."""

    @property
    def is_passed_on(self) -> bool:
        """Ours, but without mailboxes here: sent on, never by a smarthost, and cut at our own preference in its MX list."""
        return self in (DomainClass.RELAY, DomainClass.BACKUP)


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of ours. ``target`` is the domain that an alias stands for, or the next hop of a passed-on one (empty: its MX).

    The quotas are for each mailbox of it that has none of its own; 0 is none.
    """

    name: str
    domain_class: DomainClass
    target: str = ""
    quota_bytes: int = 0
    quota_messages: int = 0
