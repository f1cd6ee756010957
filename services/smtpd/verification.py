"""Address verification at the front door: for which domains, and what is said.

Postfix ``reject_unverified_recipient`` and ``reject_unverified_sender``.
"""

from dataclasses import dataclass

from services.kernel.directory.mirror import Mirror, Standing
from services.kernel.mail.address import fold, split
from services.kernel.mail.domainclass import DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, NotOurs, Router
from services.kernel.tables.collection import Tables
from services.kernel.wire.verdict import State, Verdict
from services.smtpd.asker import Asker
from services.smtpd.config import Mx, Role
from services.smtpd.standing import Action, Unknown, decide

NEVER_VERIFIED = frozenset({"postmaster", "double-bounce", "mailer-daemon"})
"""Senders of probes and reports, on any host: to verify them is to verify in circles. RFC 5321 section 4.5.1 has everyone take mail for the first."""
_NOT_APPLIED = ("dunno", "ok", "no")


class DomainList:
    """Domains, with their subdomains, and tables of them. Raises ``ConfigError`` for a table that cannot be."""

    def __init__(self, names: tuple[str, ...], unknown: Unknown, tables: Tables) -> None:
        self._names = frozenset(name.lower() for name in names if ":" not in name)
        self._tables = tuple(tables.open(name) for name in names if ":" in name)
        self._unknown = unknown

    async def find(self, address: str) -> Unknown | None:
        """What holds for unknown addresses of this domain; ``None`` when it is not verified. Raises ``LookupTrouble``.

        A table is asked for the domain, then for its parents. Its value ``accept`` or ``defer`` is the choice for that domain, ``DUNNO``, ``OK`` or
        ``no`` leave it out, and any other, such as ``reject_unverified_recipient``, verifies it by the general choice.
        """
        if not self._names and not self._tables:
            return None
        labels = fold(split(address)[1]).split(".")
        names = [".".join(labels[number:]) for number in range(len(labels))]
        for number, name in enumerate(names):
            for table in self._tables:
                if number == 0 or not table.is_pattern:
                    found = await table.lookup(name)
                    if found is not None:
                        return self._read(found.value)
        return self._unknown if "*" in self._names or not self._names.isdisjoint(names) else None

    def _read(self, value: str) -> Unknown | None:
        word = value.strip().lower()
        if word in _NOT_APPLIED:
            return None
        return Unknown(word) if word in tuple(Unknown) else self._unknown


@dataclass(frozen=True, slots=True)
class Refusal:
    """``reply`` is for the client, ``cause`` for the event."""

    reply: Reply
    cause: str


@dataclass(frozen=True, slots=True)
class _Words:
    """How one kind of address is refused."""

    subject: str
    enhanced: str
    reject_code: int
    defer_code: int

    def refusal(self, verdict: Verdict, unknown: Unknown) -> Refusal | None:
        """What is said to the client, if anything."""
        match decide(verdict.state, unknown):
            case Action.ACCEPT:
                return None
            case Action.REFUSE:
                code, what = self.reject_code, "undeliverable"
            case Action.DEFER:
                code, what = self.defer_code, "unverified"
        reply = Reply(code, f"{code // 100}.{self.enhanced}", f"{self.subject} address rejected: {what} address")
        return Refusal(reply, f"{what}: {verdict.reply}" if verdict.reply else what)


class Verification:
    """The rules of one role. Raises ``ConfigError``."""

    def __init__(self, role: Role, tables: Tables, router: Router, asker: Asker) -> None:
        unknown = Unknown(role.verify_unknown)
        self._unknown = unknown
        self._mirror = Mirror(role.mirror_directory, role.mirror_max_age_seconds) if isinstance(role, Mx) else None
        self._recipients = DomainList(role.reject_unverified_recipient, unknown, tables)
        self._senders = DomainList(role.reject_unverified_sender, unknown, tables)
        # enhanced codes as Postfix has them: 1.1 of RFC 3463 for a recipient, 1.7 for a sender
        self._recipient_words = _Words("recipient", "1.1", role.unverified_recipient_reject_code, role.unverified_recipient_defer_code)
        self._sender_words = _Words("sender", "1.7", role.unverified_sender_reject_code, role.unverified_sender_defer_code)
        self._router = router
        self._asker = asker

    async def judge_recipient(self, given: str, accepted: Accepted) -> Refusal | None:
        """May mail be taken for what ``given`` stands for? An alias of several addresses is one. Raises ``LookupTrouble``.

        Of a domain that we back up each recipient is looked for in the mirror of its primary first.
        """
        if len(accepted.final) != 1:
            return None
        (address,) = accepted.final
        if accepted.domain_class is DomainClass.BACKUP and self._mirror is not None:
            return await self._judge_mirrored(address, self._mirror)
        unknown = await self._recipients.find(given)
        return None if unknown is None else self._recipient_words.refusal(await self._asker.ask(address), unknown)

    async def _judge_mirrored(self, address: str, mirror: Mirror) -> Refusal | None:
        match mirror.ask(address):
            case Standing.GOOD:
                return None
            case Standing.BAD:
                verdict = Verdict(address, State.UNDELIVERABLE, reply=Reply(550, "5.1.1", "not among the recipients of its primary"))
            case Standing.UNKNOWN:
                verdict = await self._asker.ask(address)
        return self._recipient_words.refusal(verdict, self._unknown)

    async def judge_sender(self, sender: str, recipient: str) -> Refusal | None:
        """May mail be taken from a stranger who calls himself ``sender``? Our own addresses are no matter of a probe. Raises ``LookupTrouble``."""
        if not sender or fold(split(sender)[0]) in NEVER_VERIFIED:
            return None
        unknown = await self._senders.find(sender)
        if unknown is None or not isinstance(await self._router.accept(sender), NotOurs):
            return None
        return self._sender_words.refusal(await self._asker.ask(sender, recipient), unknown)


def has_work(role: Role) -> bool:
    """Whether the role may have to verify anything at all: the MX of a site can back a domain up at any time."""
    return isinstance(role, Mx) or bool(role.reject_unverified_recipient or role.reject_unverified_sender)
