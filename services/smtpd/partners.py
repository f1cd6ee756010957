"""Who may say for whom it speaks: the secondaries of this site (Postfix ``smtpd_authorized_xforward_hosts``).

A host is known by its address, and where certificates are named it must show one of them too. One whose very certificate is named (not only the CA
that signed it) may come from any address, as behind a translation of addresses: it greets with its name, and is asked for the certificate. Names
are looked up before the first client comes and again every minute, after a failure sooner: until a name was found its host is a stranger. What was
found before a failure stays.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.kernel.runtime.config import ConfigError
from services.kernel.smtp.handler import Peer

LOOK_UP_SECONDS = 60.0
"""How old an answer may be: the shortest time to live that is common for hosts with changing addresses."""
RETRY_SECONDS = 1.0
"""The first wait after a look-up that failed; each further one is twice as long, up to the usual time."""
ANSWER_SECONDS = 5.0
"""For one look-up: a start waits no longer."""

LookUp = Callable[[str], Awaitable[Iterable[str]]]
"""Addresses of a host. Raises ``OSError``."""
Network = IPv4Network | IPv6Network


async def look_up_by_system(host: str) -> Iterable[str]:
    """By ``/etc/hosts`` and the system's resolver, which is where Docker answers for containers. Raises ``OSError``."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(errno.EINVAL, "no host can have this name") from None
    return [str(address[0]) for *_, address in found]


class Partners:
    """The hosts of one configuration. Raises ``ConfigError`` for certificates that cannot be read."""

    def __init__(self, hosts: Sequence[str], certificates: Path | None, look_up: LookUp = look_up_by_system) -> None:
        self._networks: list[Network] = []
        self._names: dict[str, frozenset[str]] = {}
        self._look_up = look_up
        self._task: asyncio.Task[None] | None = None
        self._trusted = _read(certificates) if certificates is not None else None
        self._pinned = _each(self._trusted) if self._trusted is not None else frozenset()
        for host in hosts:
            network = _network(host)
            if network is None:
                self._names[host.lower()] = frozenset()
            else:
                self._networks.append(network)

    def __bool__(self) -> bool:
        return bool(self._networks or self._names)

    def has_address(self, address: str) -> bool:
        """Whether a client's address is one of theirs."""
        if any(address in addresses for addresses in self._names.values()):
            return True
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._networks)

    def hold(self, peer: Peer) -> bool:
        """Whether a client is one of them: by its address and, where that is asked for, the certificate it has shown; or by a certificate of
        its own that we have."""
        if self._trusted is None:
            return self.has_address(peer.address)
        return bool(peer.certificate) and (peer.certificate in self._pinned or self.has_address(peer.address))

    def looks_known(self, peer: Peer) -> bool:
        """Whether a client looks like one of them, and is to be asked for a certificate. Who is asked and shows a foreign one cannot go on."""
        return self.has_address(peer.address) or peer.helo.lower() in self._names

    def ask_certificate(self, context: ssl.SSLContext) -> None:
        """Make a server's context ask for their certificates; the handshake fails with any other."""
        if self._trusted is not None:
            context.load_verify_locations(cadata=self._trusted)
            context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            context.verify_mode = ssl.CERT_OPTIONAL

    @property
    def asks_certificate(self) -> bool:
        """Whether their addresses alone do not suffice."""
        return self._trusted is not None

    async def start(self, before: "Partners | None" = None) -> None:
        """Look their names up, and from then on again and again. What was known ``before`` holds until something else is found."""
        if before is not None:
            before.stop()
            self._names = {name: before._names.get(name, found) for name, found in self._names.items()}
        if self._names:
            is_whole = await self.look_up()
            self._task = asyncio.get_running_loop().create_task(self._follow(is_whole=is_whole))

    def stop(self) -> None:
        """Look nothing up any more."""
        if self._task is not None:
            self._task.cancel()

    async def _follow(self, *, is_whole: bool) -> None:
        waits = Waits()
        while True:
            await asyncio.sleep(waits.after(is_whole=is_whole))
            is_whole = await self.look_up()

    async def look_up(self) -> bool:
        """Look their names up, all at once; return whether each was found."""
        return all(await asyncio.gather(*map(self._find, self._names)))

    async def _find(self, name: str) -> bool:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._names[name] = frozenset(await self._look_up(name))
        except (OSError, TimeoutError):
            return False
        return True


class Waits:
    """How long to wait between two look-ups."""

    def __init__(self) -> None:
        self._retry = RETRY_SECONDS

    def after(self, *, is_whole: bool) -> float:
        """The wait in seconds after one that found all names, or did not."""
        if is_whole:
            self._retry = RETRY_SECONDS
            return LOOK_UP_SECONDS
        wait, self._retry = self._retry, min(2 * self._retry, LOOK_UP_SECONDS)
        return wait


def _network(host: str) -> Network | None:
    try:
        return ip_network(host, strict=False)
    except ValueError:
        return None


def _each(text: str) -> frozenset[bytes]:
    """The certificates of a PEM text that OpenSSL has read, each in DER."""
    return frozenset(certificate.public_bytes(Encoding.DER) for certificate in x509.load_pem_x509_certificates(text.encode()))


def _read(path: Path) -> str:
    try:
        text = path.read_text()
        ssl.create_default_context(cadata=text)
        _each(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return text
