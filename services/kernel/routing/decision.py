"""The values a routing decision is made of."""

from dataclasses import dataclass
from typing import Literal

from services.kernel.mail.domainclass import DomainClass
from services.kernel.mail.reply import Reply


@dataclass(frozen=True, slots=True)
class Accepted:
    """The recipient may come in. ``final`` are the addresses to queue, aliases expanded, each once, in order.

    ``domain_class`` is that of the recipient as given; ``REMOTE`` only for a caller that may relay.
    """

    final: tuple[str, ...]
    domain_class: DomainClass


@dataclass(frozen=True, slots=True)
class Unknown:
    """A domain of ours without such a mailbox: ``550 5.1.1``, or ``550 5.2.1`` when it is disabled."""

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
    itself. ``port`` 0 is the protocol's own. ``is_ours`` marks passed-on domains, whose MX list is cut where it names ourselves.
    """

    transport: str
    protocol: Literal["smtp", "lmtp"]
    host: str
    port: int = 0
    is_literal: bool = False
    is_ours: bool = False

    def __str__(self) -> str:
        """Postfix's way to write it: ``smtp:[host]:587``."""
        host = f"[{self.host}]" if self.is_literal else self.host
        return f"{self.transport}:{host}:{self.port}" if self.port else f"{self.transport}:{host}"


@dataclass(frozen=True, slots=True)
class RouteRefused:
    """A table says ``error:`` (5xx: bounce with this reply) or ``retry:`` (4xx: defer with it)."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Step:
    """One question of a decision: which table was asked for which key. ``hit`` is the value, ``None`` for a miss."""

    table: str
    key: str
    hit: str | None
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """A whole decision with its steps: what accept says, and the destination of each final recipient."""

    acceptance: Acceptance
    destinations: tuple[tuple[str, Destination | RouteRefused], ...]
    steps: tuple[Step, ...]
