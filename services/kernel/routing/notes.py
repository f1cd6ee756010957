"""Why a decision did not go another way: the closed vocabulary of explanations."""

from enum import StrEnum


class Note(StrEnum):
    """One reason. What comes before the colon was not asked or not used, what follows says why."""

    DOMAINS_OF_PATTERN = (
        "domain not taken from a table of addresses: its entry fits every domain; set virtual_alias_domains or virtual_mailbox_domains"
    )
    CANONICAL_NOT_THIS_CLASS = "canonical tables not asked: their classes do not hold this address"
    SENDER_NULL = "tables of senders not asked: null sender"
    MASQUERADE_EXCEPTION = "masquerade_domains not used: the user is in masquerade_exceptions"
    DIRECTORY_ALIASES_NOT_ASKED = "directory aliases not asked: virtual_alias_maps decided"
    MAILBOX_BEFORE_CATCH_ALL = "catch-all of the directory not asked: the mailbox exists"
    ALIAS_MAPS_NOT_LOCAL = "alias_maps not asked: not a local domain"
    RELAY_RECIPIENTS_OPEN = "relay_recipient_maps not asked: none are set, each recipient is taken"
    TRANSPORT_MAPS_ALIAS_DOMAIN = "transport_maps not asked: a virtual alias domain has no transport"
    TRANSPORT_FOR_ALL = "transport_maps not used: an entry for all mail names a smarthost, which is not for relay and backup domains"
    SENDER_TRANSPORT_HOSTED = "sender_dependent_default_transport_maps not asked: mailbox here"
    SENDER_TRANSPORT_RELAY = "sender_dependent_default_transport_maps not asked: relay domain"
    SENDER_TRANSPORT_BACKUP = "sender_dependent_default_transport_maps not asked: backup domain"
    SENDER_RELAYHOST_HOSTED = "sender_dependent_relayhost_maps not asked: mailbox here"
    SENDER_RELAYHOST_RELAY = "sender_dependent_relayhost_maps not asked: relay domain"
    SENDER_RELAYHOST_BACKUP = "sender_dependent_relayhost_maps not asked: backup domain"
    SENDER_RELAYHOST_NEXTHOP = "sender_dependent_relayhost_maps not asked: the default transport names its next hop"
    RELAYHOST_HOSTED = "relayhost not used: mailbox here"
    RELAYHOST_RELAY = "relayhost not used: relay domain"
    RELAYHOST_BACKUP = "relayhost not used: backup domain"
    RELAYHOST_SENDER = "relayhost not used: sender_dependent_relayhost_maps decided"
    RELAYHOST_NEXTHOP = "relayhost not used: the default transport names its next hop"
    RELAYHOST_TRANSPORT = "relayhost not used: transport_maps decided"
    LOGIN_NOT_SMARTHOST = "login by sender not used: the way is the recipient's own"
    LOGIN_NOT_BY_SENDER = "login by sender not used: sender_dependent_authentication is off"
