"""Addresses made complete, as Postfix's trivial-rewrite does in its local context."""

from services.kernel.mail.address import split
from services.kernel.routing.config import RoutingSettings


class Names:
    """The names that complete an address (Postfix ``myorigin``, ``append_dot_mydomain``)."""

    def __init__(self, settings: RoutingSettings, hostname: str) -> None:
        self.origin = settings.myorigin or hostname
        self._domain = hostname.partition(".")[2] if settings.append_dot_mydomain else ""

    @property
    def appends_domain(self) -> bool:
        """Whether a domain of one word is not complete."""
        return bool(self._domain)

    def complete(self, address: str) -> str:
        """``user`` becomes ``user@myorigin``, and ``user@host`` an address in the site's domain where that is wanted. The dot at the end of a
        domain goes, as in Postfix: the same domain without it has another class."""
        address = address.removesuffix(".") if "@" in address else address
        local, domain = split(address)
        if not domain:
            return f"{local}@{self.origin}"
        if self._domain and "." not in domain and not domain.startswith("["):
            return f"{address}.{self._domain}"
        return address

    def target(self, word: str, address: str, unmatched: str, *, propagates: bool) -> str:
        """What a table makes of ``address``, complete: ``@other`` keeps the local part, and the extension that the key did not hold goes with it
        (virtual(5), "TABLE FORMAT" and "ADDRESS EXTENSION")."""
        local, domain = split(word)
        local = local or split(address)[0].removesuffix(unmatched)
        if unmatched and propagates:
            local = f'{local[:-1]}{unmatched}"' if local.endswith('"') else f"{local}{unmatched}"
        return self.complete(f"{local}@{domain}" if domain else local)
