"""What a process offers to who wants to sign in."""

from contextlib import suppress

from services.kernel.directory import DirectoryTrouble
from services.kernel.sasl import binding
from services.kernel.sasl.bearer import Bearer
from services.kernel.sasl.config import SaslSettings
from services.kernel.sasl.config import Scram as WhenScram
from services.kernel.sasl.exchange import Accounts, Exchange
from services.kernel.sasl.introspection import Introspection
from services.kernel.sasl.mechanisms import Login, Plain
from services.kernel.sasl.scram import Scram

_PLAIN = ("PLAIN", "LOGIN")
_BEARER = ("OAUTHBEARER", "XOAUTH2")


class Sasl:
    """Made once a process. Raises ``ConfigError`` for settings that cannot be used."""

    def __init__(self, settings: SaslSettings, accounts: Accounts) -> None:
        self._settings = settings
        self._accounts = accounts
        self._issuer = Introspection(settings.oauth) if settings.oauth.introspection_url else None
        self._offers_scram = settings.scram is WhenScram.ALWAYS

    async def look(self) -> None:
        """Learn whether SCRAM can be offered: before a session is greeted. A directory that cannot be asked leaves what was known."""
        if self._settings.scram is WhenScram.AUTO:
            with suppress(DirectoryTrouble):
                self._offers_scram = await self._accounts.has_scram_for_all()

    def mechanisms(self, certificate: bytes = b"") -> tuple[str, ...]:
        """The mechanisms on offer over TLS, the strongest first. ``certificate`` is the one that the server showed (DER), for PLUS."""
        scram = ("SCRAM-SHA-256",) if self._offers_scram else ()
        plus = ("SCRAM-SHA-256-PLUS",) if scram and self._bindings(certificate) else ()
        return (*plus, *scram, *(_BEARER if self._issuer is not None else ()), *_PLAIN)

    def begin(self, mechanism: str, certificate: bytes = b"") -> Exchange | None:
        """Start a login by a mechanism on offer, named in capital letters; ``None`` for any other."""
        if mechanism not in self.mechanisms(certificate):
            return None
        match mechanism:
            case "PLAIN":
                return Plain(self._accounts)
            case "LOGIN":
                return Login(self._accounts)
            case "OAUTHBEARER" | "XOAUTH2":
                assert self._issuer is not None
                return Bearer(self._accounts, self._issuer, is_xoauth2=mechanism == "XOAUTH2", scope=self._settings.oauth.scope)
            case _:
                return Scram(self._accounts, self._bindings(certificate), is_bound=mechanism.endswith("-PLUS"))

    def _bindings(self, certificate: bytes) -> binding.Bindings:
        return binding.of_certificate(certificate) if self._settings.channel_binding else {}
