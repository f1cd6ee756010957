"""Fetching from one primary: its recipients, pinned, signed, and only what is new; and its events of a message."""

import contextlib
import http.client
import os
import ssl
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import msgspec
from cryptography import x509

from services.backupmx.config import BackupmxSettings, Primary
from services.kernel.directory.mirror import Recipients
from services.kernel.runtime.config import ConfigError
from services.kernel.wire import journey
from services.kernel.wire.recipients import ANSWER_BYTES, PATH, Unauthentic, Whole, apply, unseal

FETCH_SECONDS = 30.0
"""For each step of the exchange; a million recipients are 20 MB."""

FOLLOW_SECONDS = 5.0
"""The same for a trace: an operator waits for it."""

SKEW_SECONDS = 3600.0
"""What was made later than this from now was made by a clock that has been set right since: it is no reason to refuse what comes after it."""


class SyncFault(Exception):
    """The recipients could not be fetched now; the words are for the operator."""


class Source:
    """One primary's mirror. Raises ``ConfigError`` for files that cannot be used. Blocks: its owner calls it in a thread."""

    def __init__(self, name: str, primary: Primary, settings: BackupmxSettings, clock: Callable[[], float]) -> None:
        self.name = name
        self.file = settings.mirror_directory / f"{name}.json"
        self._clock = clock
        self._domains = frozenset(domain.lower() for domain in primary.domains)
        address = urlsplit(primary.url)
        if address.scheme != "https" or not address.hostname:
            raise ConfigError(f"backupmx.primaries.{name}.url: https://host:port is expected")
        self._host, self._port = address.hostname, address.port or 443
        self._certificate, self._context = _read_pin(name, primary.certificate_file), _context(name, primary, settings)
        self.held = _read(self.file)
        self.confirmed = self.file.stat().st_mtime if self.held is not None else 0.0

    def asked(self, domains: Sequence[str]) -> list[str]:
        """Which of the domains that we back up it is asked for."""
        return [domain for domain in domains if not self._domains or domain in self._domains]

    def sync(self, domains: Sequence[str]) -> None:
        """Fetch what is new of ``domains`` and write it down. Raises ``SyncFault``; what is held then stays as it is."""
        try:
            answer = unseal(self._fetch(domains), self._certificate)
            if isinstance(answer, Whole):
                new = answer.recipients
            elif self.held is not None:
                new = apply(self.held, answer)
            else:
                raise Unauthentic("changes of nothing")
        except (OSError, http.client.HTTPException, Unauthentic) as error:
            raise SyncFault(str(error) or type(error).__name__) from None
        is_credible = self.held is not None and self.held.made <= self._clock() + SKEW_SECONDS
        if self.held is not None and is_credible and new.made < self.held.made:
            raise SyncFault("an answer that is older than the last one")
        self._take(new, frozenset(domains))

    def follow(self, traces: Sequence[str]) -> list[str]:
        """The primary's event lines of some messages. Raises ``SyncFault``."""
        try:
            body = self._get(f"{journey.PATH}?{journey.write_query(traces)}", FOLLOW_SECONDS)
        except (OSError, http.client.HTTPException) as error:
            raise SyncFault(str(error) or type(error).__name__) from None
        return body.decode(errors="replace").splitlines()

    def _fetch(self, domains: Sequence[str]) -> bytes:
        query = urlencode([("since", self.held.version if self.held else ""), *(("domain", domain) for domain in domains)])
        return self._get(f"{PATH}?{query}", FETCH_SECONDS)

    def _get(self, what: str, seconds: float) -> bytes:
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=self._context)
        with contextlib.closing(connection):
            connection.request("GET", what)
            response = connection.getresponse()
            body = response.read(ANSWER_BYTES + 1)
        if response.status != 200:
            raise http.client.HTTPException(f"{response.status} {response.reason}: {body[:200].decode(errors='replace').strip()}")
        if len(body) > ANSWER_BYTES:
            raise http.client.HTTPException("the answer has no end")
        return body

    def _take(self, new: Recipients, asked: frozenset[str]) -> None:
        """Never more than was asked for: a primary has no say about the domains of others."""
        if not asked.issuperset(new.domains):
            raise SyncFault("an answer about domains that were not asked for")
        now = self._clock()
        try:
            if self.held is None or new.version != self.held.version:
                _write(self.file, msgspec.json.encode(new))
            os.utime(self.file, (now, now))
        except OSError as error:
            raise SyncFault(f"{self.file}: {error.strerror}") from None
        self.held, self.confirmed = new, now


def _context(name: str, primary: Primary, settings: BackupmxSettings) -> ssl.SSLContext:
    """TLS 1.3; the certificate is the pinned one, whatever name it has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_cert_chain(settings.certificate_file, settings.key_file)
        context.load_verify_locations(primary.certificate_file)
    except OSError as error:
        raise ConfigError(f"backupmx.primaries.{name}: {primary.certificate_file}, {settings.certificate_file}: {error}") from None
    return context


def _read_pin(name: str, path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"backupmx.primaries.{name}.certificate_file: {path}: {error}") from None


def _read(path: Path) -> Recipients | None:
    """What is held from before; a file that does not parse is as good as none, and is fetched anew."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Recipients)
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, data: bytes) -> None:
    """In one step, for readers and for a crash."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o640)
            file.write(data)
            file.flush()
            os.fsync(handle)
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
