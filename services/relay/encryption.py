"""Puts together what decides about TLS, from the settings. Part of the composition root."""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from services.kernel.dns.resolver import Resolver
from services.kernel.routing.options import BUILTIN, Transport, resolve
from services.kernel.runtime.config import ConfigError, Document
from services.kernel.smtp.tls import TlsLevel
from services.kernel.tables.collection import Tables
from services.relay.config import RelaySettings
from services.relay.policies import Sources, TlsPolicies
from services.relay.policy_words import TransportTls
from services.relay.sts import Known, PolicyFetcher, StsPolicies


@dataclass(frozen=True, slots=True)
class Said:
    """What the configuration says: the document for places, the section ``relay``, the transports beside the built-in ones."""

    document: Document
    relay: RelaySettings
    transports: Mapping[str, Transport]


def tls_policies(said: Said, resolver: Resolver, tables: Tables, known: Known, tell: Callable[[str], None]) -> TlsPolicies:
    """Who decides about TLS. ``known`` are the MTA-STS policies, which outlive a reload. Raises ``ConfigError``."""
    relay = said.relay
    named = {**BUILTIN, **said.transports}
    transports = {name: _transport(said, name, transport, tables) for name, transport in named.items()}
    is_dnssec = relay.dns_support_level == "dnssec"
    for made in transports.values():
        if made.options.level in (TlsLevel.DANE, TlsLevel.DANE_ONLY) and not is_dnssec:
            raise ConfigError(f"{made.place}: {made.options.level} needs relay.dns_support_level dnssec")
    sts = None
    if relay.mta_sts:
        sts = StsPolicies(resolver, PolicyFetcher(resolver, partial(_web_context, said)), time.monotonic, tell, known)
    return TlsPolicies(transports, Sources(resolver, sts, is_dnssec))


def _transport(said: Said, name: str, transport: Transport, tables: Tables) -> TransportTls:
    options = resolve(said.relay, transport).tls
    return TransportTls(options, [tables.open(table) for table in options.policy_maps], _place(said, name, transport))


def _place(said: Said, name: str, transport: Transport) -> str:
    """Where the level of a transport is written."""
    if transport.tls.level is not None:
        return said.document.place(("routing", "transports", name, "tls", "level"))
    if said.relay.tls.level is not None and transport.program != "lmtp":
        return said.document.place(("relay", "tls", "level"))
    return "default"


def _web_context(said: Said) -> ssl.SSLContext:
    """For policy files: the system's CAs, and those that the operator trusts besides. Raises ``OSError``."""
    context = ssl.create_default_context()
    file = said.relay.tls.ca_file
    if file is not None:
        context.load_verify_locations(file)
    return context
