"""The values a routing decision is made of."""

from dataclasses import dataclass
from typing import Literal

from services.kernel.mail.domainclass import DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.routing.nexthop import Nexthop
from services.kernel.routing.notes import Note


@dataclass(frozen=True, slots=True)
class Copy:
    """A recipient that the operator adds, with ``original``, the address that the settings name. Nobody is told what becomes of it."""

    address: str
    original: str


@dataclass(frozen=True, slots=True)
class Sender:
    """An envelope sender as it goes on, and who gets a copy of its mail."""

    address: str
    copies: tuple[Copy, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The recipient may come in. ``final`` are the addresses to queue, rewritten, aliases expanded, each once, in order.

    ``domain_class`` is that of the recipient as given; ``REMOTE`` only for a caller that may relay. ``copies`` are for others.
    ``owners`` are the final recipients of lists with an ``owner-`` alias, each with the envelope sender that its mail gets.
    """

    final: tuple[str, ...]
    domain_class: DomainClass
    copies: tuple[Copy, ...] = ()
    owners: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """A recipient that is not taken: no such mailbox ``550 5.1.1``, a disabled one ``550 5.2.1``, moved ``550 5.1.6``, or what an
    ``error:`` (5xx) or ``retry:`` (4xx) entry of the transport tables says.
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class NotOurs:
    """Somebody else's domain: ``550 5.7.1`` to whoever may not relay."""

    reply: Reply


Acceptance = Accepted | Unknown | NotOurs


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a recipient goes.

    ``host`` is a domain whose MX is looked up, unless ``is_literal`` (Postfix's ``[host]``, and LMTP): then it is the host
    itself, or the path of a Unix socket. ``port`` 0 is the protocol's own. ``others`` are tried after it. ``is_ours`` marks passed-on
    domains, whose MX list is cut where it names ourselves, ``is_backup`` those we are only a secondary of. ``is_smarthost`` marks a
    way out that the operator named, ``sender`` the envelope sender where the login there depends on it. ``mbox`` is the name of the site's file that
    mda, at that host, is to append to.
    """

    transport: str
    protocol: Literal["smtp", "lmtp", "pipe"]
    host: str
    port: int = 0
    is_literal: bool = False
    is_ours: bool = False
    others: tuple[Nexthop, ...] = ()
    is_smarthost: bool = False
    sender: str = ""
    is_backup: bool = False
    mbox: str = ""

    def __str__(self) -> str:
        """Postfix's way to write it: ``smtp:[host]:587``; a list where there are several."""
        if self.mbox:
            return f"mbox:{self.mbox}"
        servers = (Nexthop(self.host, self.port, self.is_literal), *self.others)
        return f"{self.transport}:{','.join(map(str, servers))}"


@dataclass(frozen=True, slots=True)
class RouteRefused:
    """A table says ``error:`` (5xx: bounce with this reply) or ``retry:`` (4xx: defer with it), or there is no way to the recipient."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Discarded:
    """A table says ``discard:``: the mail counts as delivered, with this reply, and goes nowhere."""

    reply: Reply


Route = Destination | Discarded | RouteRefused


@dataclass(frozen=True, slots=True)
class Step:
    """One question of a decision: which table was asked for which key. ``hit`` is the value, ``None`` for a miss."""

    table: str
    key: str
    hit: str | None
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """Why something was not asked or not used, for the address ``about``."""

    about: str
    note: Note


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of a decision: what was asked for it, and why other things were not."""

    steps: tuple[Step, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A whole decision with its steps: the sender as it goes on, what accept says, and the route of each final recipient and copy.

    ``stages`` are as many: of the sender, of the acceptance, and of each route in the order of ``destinations``.
    """

    sender: Sender
    acceptance: Acceptance
    destinations: tuple[tuple[str, Route], ...]
    stages: tuple[Stage, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in order."""
        return tuple(step for stage in self.stages for step in stage.steps)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """All remarks, in order."""
        return tuple(remark for stage in self.stages for remark in stage.remarks)
