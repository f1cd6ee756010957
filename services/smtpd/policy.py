"""Who may send what to whom: the two roles.

A decision is a ``Reply`` that refuses, or what to go on with. A lookup that fails raises ``LookupTrouble``: the caller answers ``451``.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol, assert_never

from services.kernel.directory.reader import Directory
from services.kernel.mail.address import split
from services.kernel.mail.domain import literal_address
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, LookupTrouble, NotOurs, Router, Unknown

RELAYING_DENIED = Reply(550, "5.7.1", "relaying denied")
"""For an address literal that is not ours; the router says the same of a domain."""


class Policy(Protocol):
    """What a role decides."""

    async def judge_sender(self, sender: str, login: str) -> Reply | None:
        """May whoever signed in as ``login`` (empty: nobody) send with this reverse-path? ``None`` for yes."""

    async def judge_recipient(self, recipient: str) -> Accepted | Reply:
        """The final recipients and the class of the domain, or why not."""


@dataclass(frozen=True, slots=True)
class OwnName:
    """Reads ``user@[our address]`` as ``user@hostname`` (RFC 5321 section 4.1.3)."""

    hostname: str
    addresses: Collection[IPv4Address | IPv6Address]

    def resolve(self, recipient: str) -> str | None:
        """The recipient with a domain; ``None`` when its address literal is not ours."""
        local, domain = split(recipient)
        if not domain.startswith("["):
            return recipient
        return f"{local}@{self.hostname}" if literal_address(domain) in self.addresses else None


class MxPolicy:
    """Anybody may send; only our own recipients are taken."""

    def __init__(self, router: Router, own_name: OwnName) -> None:
        self._router = router
        self._own_name = own_name

    async def judge_sender(self, sender: str, login: str) -> Reply | None:
        return None

    async def judge_recipient(self, recipient: str) -> Accepted | Reply:
        return await _ask(self._router, self._own_name.resolve(recipient), may_relay=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """ETRN (RFC 1985): a domain that we keep mail for asks for it, ``ask_for`` has qmgr try. Anybody may: it goes where it always goes."""

    router: Router
    ask_for: Callable[[str], None]

    async def start(self, domain: str) -> Reply:
        """Answers of RFC 1985 section 5.3."""
        try:
            domain_class = await self.router.domain_class(domain)
        except LookupTrouble:
            return Reply(458, "4.3.0", "unable to queue messages, try again later")
        if not domain_class.is_passed_on:
            return Reply(459, "4.7.1", f"no mail for {domain} waits here")
        self.ask_for(domain)
        return Reply(250, "2.0.0", "queuing started")


class SubmissionPolicy:
    """A user sends from his own addresses, to anybody."""

    def __init__(self, router: Router, own_name: OwnName, directory: Directory) -> None:
        self._router = router
        self._own_name = own_name
        self._directory = directory

    async def judge_sender(self, sender: str, login: str) -> Reply | None:
        """The null sender is for read receipts (RFC 8098 section 3), as in Postfix's ``reject_sender_login_mismatch``."""
        if not sender or await self._directory.may_send_as(login, sender):
            return None
        return Reply(553, "5.7.1", "sender address rejected: not owned by the user who signed in")

    async def judge_recipient(self, recipient: str) -> Accepted | Reply:
        return await _ask(self._router, self._own_name.resolve(recipient) or recipient, may_relay=True)


async def _ask(router: Router, recipient: str | None, *, may_relay: bool) -> Accepted | Reply:
    if recipient is None:
        return RELAYING_DENIED
    answer = await router.accept(recipient, may_relay=may_relay)
    match answer:
        case Accepted():
            return answer
        case Unknown(reply) | NotOurs(reply):
            return reply
        case _:
            assert_never(answer)
