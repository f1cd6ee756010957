"""The client's side of TLS: contexts made from policies, and what a handshake and a session tell.

The only module that knows ``ssl`` for outgoing connections; its exceptions become ``TlsSetup`` and ``Fault`` here.
"""

import asyncio
import contextlib
import os
import ssl
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.kernel.smtp.certificates import NotVerified, Standing, judge
from services.kernel.smtp.client import Verb
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import TLS_VERSIONS, TlsPolicy

MAX_CONTEXTS = 64
"""A context holds its CAs, 1 MB or so; more policies than this differ in servers' data, which a context has no part of."""

Key = tuple[object, ...]


class TlsSetup(Exception):
    """What the configuration asks of TLS cannot be done: a file is missing or damaged, ciphers do not exist."""


class Contexts:
    """Makes a context for each kind of policy once, and anew when its files change."""

    def __init__(self) -> None:
        self._made: OrderedDict[Key, ssl.SSLContext] = OrderedDict()

    async def context(self, policy: TlsPolicy) -> ssl.SSLContext:
        """The context for sessions by this policy. It takes 0.1 s to read all CAs, so that happens in a thread. Raises ``TlsSetup``."""
        key = (policy.anchors, policy.identity, policy.versions, policy.ciphers, policy.is_ca_checked, policy.level is TlsLevel.MAY, _stamps(policy))
        context = self._made.get(key)
        if context is None:
            context = self._made[key] = await asyncio.to_thread(make_context, policy)
            if len(self._made) > MAX_CONTEXTS:
                self._made.popitem(last=False)
        return context


@dataclass(frozen=True, slots=True)
class Handshake:
    """How TLS is begun: by which policy, with the context made from it, for how many seconds at most, and at what time certificates are judged."""

    policy: TlsPolicy
    context: ssl.SSLContext
    seconds: float
    now: Callable[[], datetime]

    async def perform(self, transport: asyncio.Transport, protocol: asyncio.Protocol, verb: Verb) -> tuple[asyncio.Transport, Standing]:
        """Begin TLS on a connection and judge the server. Raises ``Fault`` with the awaited ``verb``; the connection is then to be closed."""
        name = self.policy.servername or None
        try:
            upgraded = await asyncio.get_running_loop().start_tls(
                transport, protocol, self.context, server_hostname=name, ssl_handshake_timeout=self.seconds
            )
        except ssl.SSLCertVerificationError as error:
            raise Fault(FaultKind.CERTIFICATE, verb, f"Server certificate not trusted: {error.verify_message}") from None
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError, a name that cannot be an SNI a ValueError
            raise Fault(FaultKind.TLS, verb, f"TLS handshake failed: {error}") from None
        if upgraded is None:
            raise Fault(FaultKind.TLS, verb, "TLS handshake failed: lost connection")
        try:
            anchors = () if self.policy.level.is_proven else self.context.get_ca_certs(binary_form=True)
            return upgraded, judge(self.policy, peer_chain(upgraded.get_extra_info("ssl_object")), self.now(), anchors)
        except NotVerified as reason:
            upgraded.abort()
            raise Fault(FaultKind.CERTIFICATE, verb, str(reason)) from None


def peer_chain(session: ssl.SSLObject) -> Sequence[bytes]:
    """The certificates that the server showed, its own first (DER)."""
    if sys.version_info >= (3, 13):
        return session.get_unverified_chain()
    chain = session._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]  # public from 3.13 on
    return [certificate.public_bytes(_DER) for certificate in chain]


_DER = 2
"""``_ssl.ENCODING_DER``."""


def _stamps(policy: TlsPolicy) -> Key:
    identity = policy.identity
    own = (identity.certificate_file, identity.key_file) if identity else ()
    return tuple(_stamp(file) for file in (*policy.anchors.files, *own))


def _stamp(file: str) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        status = os.stat(file)
        return status.st_mtime_ns, status.st_ino
    return 0, 0


def make_context(policy: TlsPolicy) -> ssl.SSLContext:
    """A context for sessions by this policy. Raises ``TlsSetup``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # names are compared after the handshake, by Postfix's rules
    context.verify_mode = ssl.CERT_REQUIRED if policy.is_ca_checked else ssl.CERT_NONE
    versions = [version for name in policy.versions if (version := TLS_VERSIONS[name]) is not None]
    context.minimum_version, context.maximum_version = min(versions), max(versions)
    for version, option in _SWITCHES.items():
        if min(versions) < version < max(versions) and version not in versions:
            context.options |= option
    # opportunistic: a weak key protects more than clear text does (RFC 7435 section 3)
    level = ":@SECLEVEL=0" if policy.level is TlsLevel.MAY else ""
    try:
        context.set_ciphers(policy.ciphers + level)
    except ssl.SSLError:
        raise TlsSetup(f"no cipher is left by {policy.ciphers!r}") from None
    _load(context, policy)
    return context


_SWITCHES = {ssl.TLSVersion.TLSv1_1: ssl.OP_NO_TLSv1_1, ssl.TLSVersion.TLSv1_2: ssl.OP_NO_TLSv1_2}


def _load(context: ssl.SSLContext, policy: TlsPolicy) -> None:
    """Our certificate, and whom we trust."""
    anchors, identity = policy.anchors, policy.identity
    file = ""
    try:
        if identity is not None:
            file = f"{identity.certificate_file} or {identity.key_file}"
            context.load_cert_chain(identity.certificate_file, identity.key_file)
        if policy.is_ca_checked and anchors.has_system:
            context.set_default_verify_paths()
        for file in anchors.files:
            with contextlib.nullcontext() if policy.is_ca_checked else contextlib.suppress(OSError):  # there it only serves to tell
                context.load_verify_locations(file)
    except OSError as error:  # ssl.SSLError is one
        raise TlsSetup(f"{file}: {error.strerror or error}") from None
    if anchors.is_partial:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
