"""The ``routing`` section."""

from pydantic import Field

from services.kernel.runtime.config import Section


class RoutingSettings(Section):
    """Which mail is ours, and where mail goes. Table names are `type:file`, files relative to `config/tables`."""

    virtual_alias_maps: tuple[str, ...] = ()
    """Alias tables, asked before the directory's aliases (Postfix `virtual_alias_maps`)."""
    transport_maps: tuple[str, ...] = ()
    """Tables that name the transport and next hop of an address or domain (Postfix `transport_maps`)."""
    relay_domains: tuple[str, ...] = ()
    """Domains that are passed on, with their subdomains, or tables of them, in addition to the directory's (Postfix `relay_domains`)."""
    relay_recipient_maps: tuple[str, ...] = ()
    """Tables with all valid recipients of the passed-on domains; with none, each is taken (Postfix `relay_recipient_maps`)."""
    relayhost: str = ""
    """Smarthost for all that is not ours: `[host]:port` or a domain whose MX is used (Postfix `relayhost`)."""
    mailbox_transport: str = "lmtp:inet:mda:24"
    """Where mail for mailboxes here is delivered (Postfix `virtual_transport`)."""
    virtual_alias_expansion_limit: int = Field(default=1000, ge=1)
    """Most addresses that one recipient may expand to, those on the way included (Postfix `virtual_alias_expansion_limit`)."""
    virtual_alias_recursion_limit: int = Field(default=1000, ge=1)
    """Deepest nesting of aliases (Postfix `virtual_alias_recursion_limit`)."""
