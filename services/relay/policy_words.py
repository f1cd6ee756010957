"""What the operator said about TLS with one server, put together into a policy. Pure.

The options of the transport, and over them an entry of its policy tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from services.kernel.mail.domain import to_ascii
from services.kernel.routing.options import EffectiveTls
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import Anchors, Identity, TlsPolicy, cipher_list, normal_fingerprint, parse_protocols
from services.kernel.tables.lookup import Table
from services.relay.hosts import Way
from services.relay.policy_table import Entry


@dataclass(frozen=True, slots=True)
class TransportTls:
    """TLS of one transport: its options, its policy tables, and where its level is written."""

    options: EffectiveTls
    tables: Sequence[Table] = ()
    place: str = "default"


@dataclass(frozen=True, slots=True)
class Words:
    """All that is said for one server."""

    transport: TransportTls
    entry: Entry | None
    way: Way

    @property
    def level(self) -> TlsLevel:
        """The level as written; where TLS begins with the first byte it is at least ``encrypt`` (as Postfix wants it there)."""
        level = self.entry.level if self.entry else self.transport.options.level
        return TlsLevel.ENCRYPT if self._is_implicit and level in (TlsLevel.NONE, TlsLevel.MAY) else level

    @property
    def place(self) -> str:
        """Where the level is written."""
        return self.entry.place if self.entry else self.transport.place

    def policy(self, level: TlsLevel, source: str = "") -> TlsPolicy:
        """The policy at a level; ``source`` is who decided it, if not the operator. Raises ``ValueError`` for words that make no policy."""
        options, entry = self.transport.options, self.entry
        versions = entry.versions if entry else None
        grade = entry.grade if entry else ""
        return TlsPolicy(
            level,
            source or self.place,
            names=self._names(level),
            fingerprints=self._fingerprints(level),
            digest=options.fingerprint_digest,
            anchors=self._anchors(),
            identity=self._identity(),
            versions=versions or parse_protocols(options.mandatory_protocols if level.is_mandatory else options.protocols),
            ciphers=cipher_list(grade or (options.mandatory_ciphers if level.is_mandatory else options.ciphers), self._excluded()),
            servername=self._servername(),
            is_implicit=self._is_implicit,
            is_reusable=entry.connection_reuse if entry else True,
        )

    @property
    def _is_implicit(self) -> bool:
        return self.transport.options.is_implicit(self.way.host.endpoint.port)

    def _names(self, level: TlsLevel) -> tuple[str, ...]:
        """Postfix ``smtp_tls_verify_cert_match``, ``smtp_tls_secure_cert_match``, or what the entry has in their place."""
        options = self.transport.options
        wanted = {TlsLevel.VERIFY: options.verify_cert_match, TlsLevel.SECURE: options.secure_cert_match}.get(level, ())
        if wanted and self.entry and self.entry.match:
            wanted = self.entry.match
        return tuple(dict.fromkeys(name for word in wanted if (name := self._name(word))))

    def _name(self, word: str) -> str:
        """A name in A-labels, for one of the words that stand for names."""
        host, nexthop = self.way.host.endpoint.host, self.way.server.host
        dot_nexthop = "" if _is_address(nexthop) else f".{nexthop}"
        name = {"hostname": host, "nexthop": nexthop, "dot-nexthop": dot_nexthop}.get(word.lower(), word)
        return f".{to_ascii(name[1:])}" if name.startswith(".") else to_ascii(name)

    def _fingerprints(self, level: TlsLevel) -> tuple[str, ...]:
        if level is not TlsLevel.FINGERPRINT:
            return ()
        prints = (self.entry.match if self.entry else ()) or self.transport.options.fingerprint_cert_match
        if not prints:
            raise ValueError("no fingerprint to match")
        return tuple(normal_fingerprint(one) for one in prints)

    def _anchors(self) -> Anchors:
        """A file of ours takes the place of the system's CAs (Postfix ``tls_append_default_CA`` is off), ``tafile`` that of both."""
        if self.entry and self.entry.tafiles:
            return Anchors(self.entry.tafiles, has_system=False, is_partial=True)
        file = self.transport.options.ca_file
        return Anchors((str(file),), has_system=False) if file else Anchors()

    def _identity(self) -> Identity | None:
        certificate, key = self.transport.options.certificate_file, self.transport.options.key_file
        return Identity(str(certificate), str(key or certificate)) if certificate else None

    def _excluded(self) -> tuple[str, ...]:
        if self.entry and self.entry.exclude is not None:
            return self.entry.exclude
        return self.transport.options.exclude_ciphers

    def _servername(self) -> str:
        """RFC 6066 section 3: a host name, never an address."""
        word = self.entry.servername if self.entry and self.entry.servername is not None else self.transport.options.servername
        name = self._name(word) if word else ""
        return "" if _is_address(name) or "." not in name else name


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
