"""The ``routing`` section."""

import re
from typing import Literal

from pydantic import Field, field_validator

from services.kernel.routing.options import Transport
from services.kernel.runtime.config import Section

CanonicalClass = Literal["envelope_sender", "envelope_recipient", "header_sender", "header_recipient"]
ExtensionClass = Literal["canonical", "virtual", "alias", "generic"]

_MBOX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?<!\.lock)", re.ASCII)
"""A file name that is no path, not hidden, and not that of a lock."""


class RoutingSettings(Section):
    """Which mail is ours, how its addresses are rewritten, and where it goes. Table names are `type:file`, files relative to `config/tables`;
    lists of domains hold names, tables of names, and `!name` for what is not meant."""

    # domain classes
    mydestination: tuple[str, ...] = ()
    """Domains whose users are `user` alone in tables, with the aliases of `alias_maps`, beside the site's hostname
    unless that stands here with `!` before it, as on a null client (Postfix `mydestination`)."""
    virtual_alias_domains: tuple[str, ...] | None = None
    """Domains of aliases alone, without mailboxes, in addition to the directory's; unset: those with an entry of their own in
    `virtual_alias_maps` (Postfix `virtual_alias_domains`)."""
    virtual_mailbox_domains: tuple[str, ...] | None = None
    """Domains with mailboxes, in addition to the directory's; unset: those with an entry of their own in `virtual_mailbox_maps` (Postfix
    `virtual_mailbox_domains`)."""
    relay_domains: tuple[str, ...] = ()
    """Domains that are passed on, in addition to the directory's (Postfix `relay_domains`)."""
    parent_domain_matches_subdomains: tuple[Literal["relay_domains", "transport_maps"], ...] = ("relay_domains",)
    """Where `example.com` means its subdomains, too; elsewhere `.example.com` does (Postfix `parent_domain_matches_subdomains`)."""

    # recipients
    local_recipient_maps: tuple[str, ...] = ()
    """Tables of users in `mydestination`, beside the directory's mailboxes and `alias_maps` (Postfix `local_recipient_maps`)."""
    virtual_mailbox_maps: tuple[str, ...] = ()
    """Tables of addresses in hosted domains with a mailbox elsewhere, beside the directory's (Postfix `virtual_mailbox_maps`)."""
    relay_recipient_maps: tuple[str, ...] = ()
    """Tables with all valid recipients of the passed-on domains; with none, each is taken (Postfix `relay_recipient_maps`)."""
    relocated_maps: tuple[str, ...] = ()
    """Tables of addresses that have moved, with words for the sender (Postfix `relocated_maps`)."""

    # rewriting
    myorigin: str = ""
    """The domain of an address that has none; unset: the site's hostname (Postfix `myorigin`)."""
    append_dot_mydomain: bool = False
    """Make `user@host` an address in the site's domain, in tables and in mail of signed-in users (Postfix `append_dot_mydomain`)."""
    canonical_maps: tuple[str, ...] = ()
    """Tables that rewrite addresses of senders and recipients as mail comes in (Postfix `canonical_maps`)."""
    canonical_classes: tuple[CanonicalClass, ...] = ("envelope_sender", "envelope_recipient", "header_sender", "header_recipient")
    """Where `canonical_maps` apply; headers only in mail of signed-in users (Postfix `canonical_classes`, `local_header_rewrite_clients`)."""
    sender_canonical_maps: tuple[str, ...] = ()
    """Tables that rewrite addresses of senders (Postfix `sender_canonical_maps`)."""
    sender_canonical_classes: tuple[Literal["envelope_sender", "header_sender"], ...] = ("envelope_sender", "header_sender")
    """Where `sender_canonical_maps` apply (Postfix `sender_canonical_classes`)."""
    recipient_canonical_maps: tuple[str, ...] = ()
    """Tables that rewrite addresses of recipients (Postfix `recipient_canonical_maps`)."""
    recipient_canonical_classes: tuple[Literal["envelope_recipient", "header_recipient"], ...] = ("envelope_recipient", "header_recipient")
    """Where `recipient_canonical_maps` apply (Postfix `recipient_canonical_classes`)."""
    masquerade_domains: tuple[str, ...] = ()
    """Domains that stand for their subdomains: `user@host.example.com` becomes `user@example.com`; `!host.example.com` stays (Postfix
    `masquerade_domains`)."""
    masquerade_exceptions: tuple[str, ...] = ()
    """Users whose addresses stay as they are, or tables of them (Postfix `masquerade_exceptions`)."""
    masquerade_classes: tuple[CanonicalClass, ...] = ("envelope_sender", "header_sender", "header_recipient")
    """Where `masquerade_domains` apply (Postfix `masquerade_classes`)."""
    propagate_unmatched_extensions: tuple[ExtensionClass, ...] = ("canonical", "virtual")
    """The tables where an extension that the key did not hold goes with the result (Postfix `propagate_unmatched_extensions`)."""

    # copies
    always_bcc: str = ""
    """An address that gets a copy of all mail (Postfix `always_bcc`)."""
    sender_bcc_maps: tuple[str, ...] = ()
    """Tables with an address that gets a copy of all mail of a sender (Postfix `sender_bcc_maps`)."""
    recipient_bcc_maps: tuple[str, ...] = ()
    """Tables with an address that gets a copy of all mail for a recipient (Postfix `recipient_bcc_maps`)."""

    # aliases
    virtual_alias_maps: tuple[str, ...] = ()
    """Alias tables, asked before the directory's aliases (Postfix `virtual_alias_maps`)."""
    virtual_alias_expansion_limit: int = Field(default=1000, ge=1)
    """Most addresses that one recipient may expand to, those on the way included (Postfix `virtual_alias_expansion_limit`)."""
    virtual_alias_recursion_limit: int = Field(default=1000, ge=1)
    """Deepest nesting of aliases (Postfix `virtual_alias_recursion_limit`)."""
    alias_maps: tuple[str, ...] = ()
    """Aliases of users in `mydestination`; files of the types hash, lmdb and texthash are in the format of aliases(5), with `:include:` and `owner-`;
    commands and files as targets are refused (Postfix `alias_maps`)."""

    # transports
    transport_maps: tuple[str, ...] = ()
    """Tables that name the transport and next hop of an address or domain (Postfix `transport_maps`)."""
    local_transport: str = "local"
    """Where mail for users of `mydestination` is delivered; `local` means the mailboxes here (Postfix `local_transport`)."""
    mailbox_transport: str = "lmtp:inet:mda:24"
    """Where mail for mailboxes is delivered (Postfix `virtual_transport`)."""
    mboxes: tuple[str, ...] = ()
    """The mbox files that transport tables may name, `mbox:NAME`: letters, digits, `.`, `_` and `-`.
    They are made on the volume `mail` (docs/mbox.md)."""
    mbox_transport: str = "lmtp:inet:mda:24"
    """Where mda, which writes these files, takes mail."""
    relay_transport: str = "relay"
    """The transport of the passed-on domains (Postfix `relay_transport`)."""
    default_transport: str = "smtp"
    """The transport of all that is not ours (Postfix `default_transport`)."""
    relayhost: str = ""
    """Smarthost for all that is not ours: `[host]:port` or a domain whose MX is used; several, separated by commas, are tried in order (Postfix
    `relayhost`). Never used for passed-on domains."""
    sender_dependent_default_transport_maps: tuple[str, ...] = ()
    """Tables with the `default_transport` of a sender (Postfix `sender_dependent_default_transport_maps`)."""
    sender_dependent_relayhost_maps: tuple[str, ...] = ()
    """Tables with the `relayhost` of a sender (Postfix `sender_dependent_relayhost_maps`)."""
    empty_address_default_transport_maps_lookup_key: str = "<>"
    """The null sender in `sender_dependent_default_transport_maps` (the Postfix parameter of this name)."""
    empty_address_relayhost_maps_lookup_key: str = "<>"
    """The null sender in `sender_dependent_relayhost_maps` (the Postfix parameter of this name)."""
    sender_dependent_authentication: bool = False
    """At smarthosts, look a password up by sender before host and next hop (Postfix `smtp_sender_dependent_authentication`)."""
    transports: dict[str, Transport] = Field(default_factory=dict)
    """Transports beside `smtp`, `relay`, `lmtp` and `smtps`, by the names that transport tables use (a master.cf entry with `-o`)."""

    @field_validator("mboxes")
    @classmethod
    def _check_mboxes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _MBOX.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an mbox: letters, digits, '.', '_' and '-' expected, and no '.lock' at the end")
        return value

    @property
    def alias_domains(self) -> tuple[str, ...]:
        """``virtual_alias_domains`` with its default."""
        return self.virtual_alias_maps if self.virtual_alias_domains is None else self.virtual_alias_domains

    @property
    def mailbox_domains(self) -> tuple[str, ...]:
        """``virtual_mailbox_domains`` with its default."""
        return self.virtual_mailbox_maps if self.virtual_mailbox_domains is None else self.virtual_mailbox_domains

    @property
    def depends_on_sender(self) -> bool:
        """Tell whether a route can be another one for another sender."""
        by_table = self.sender_dependent_relayhost_maps or self.sender_dependent_default_transport_maps
        by_login = self.sender_dependent_authentication or any(each.sender_dependent_authentication for each in self.transports.values())
        return bool(by_table or by_login)
