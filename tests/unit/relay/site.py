"""Relay against servers that play dialogues, with a name service made of a table."""

import os
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from services.kernel.dns.answer import Answer, Found, Kind, NxDomain
from services.kernel.dns.resolver import Resolver
from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Outcome
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.options import Transport
from services.kernel.runtime import config
from services.kernel.runtime.config import Document
from services.kernel.smtp.client_tls import make_context
from services.kernel.smtp.client_wire import OnStep
from services.kernel.smtp.connection import SECONDS, Connection, Terms, open_connection
from services.kernel.spool.reader import OpenContent
from services.kernel.tables.collection import Tables
from services.kernel.wire.delivery import DeliveryRequest, NextHop, Protocol
from services.relay.carriers import Carriers, Openers
from services.relay.config import RelaySettings
from services.relay.delivery import Deliverer, Manners, Network
from services.relay.desk import Staff
from services.relay.encryption import Said, tls_policies
from services.relay.generic import make_generic
from services.relay.hosts import HostFinder, Own
from services.relay.inspection import Inspector
from services.relay.logins import without_secrets
from services.relay.pool import Line, Pool, PoolLimits
from services.relay.sts import Known
from services.relay.trial import Trials

OWN = Own(frozenset({"me.test"}))
CONTENT = b"Subject: x\r\n\r\nbody\r\n"
HELLO = "> 220 mx.test ESMTP\n< (EHLO|LHLO) me.test\n> 250-mx.test\n> 250 PIPELINING\n"
TAKE = "< MAIL .*\n< RCPT .*\n< DATA\n> 250 2.1.0 ok | 250 2.1.5 ok | 354 go\n= content\n> 250 2.0.0 taken\n"
QUIT = "< QUIT\n"


def zone(*hosts: str) -> dict[tuple[str, str], Answer[str]]:
    """``d.test`` with these addresses as MX hosts, in this order of preference."""
    records: dict[tuple[str, str], Answer[str]] = {(f"mx{number}.test", "A"): Found((address,)) for number, address in enumerate(hosts)}
    records["d.test", "MX"] = Found(tuple(f"{number} mx{number}.test." for number in range(len(hosts))))
    return records


class Site:
    """A relay for tests. Its queue has one message, ``CONTENT`` unless another is given, under every queue id."""

    def __init__(self, directory: Path, records: Mapping[tuple[str, str], Answer[str]], content: bytes = CONTENT) -> None:
        self._path = directory / "message"
        self._path.write_bytes(b"head" + content)
        self._size = len(content)
        self._records = records
        self.relay = RelaySettings()
        self.transports: dict[str, Transport] = {}
        self.routing = RoutingSettings()
        self.troubles: list[str] = []
        self.seconds = dict(SECONDS)
        self.clock = 0.0
        self.tables = Tables(self.troubles.append, self._path.parent)
        self.pool = Pool(PoolLimits(), self._open, lambda: self.clock)
        self.opener: Callable[[str], OpenContent] = self._open_content

    async def _ask(self, name: str, kind: Kind) -> Answer[str]:
        return self._records.get((name, kind.value), NxDomain())

    async def _open(self, line: Line, on_step: OnStep | None = None) -> Connection:
        context = make_context(line.manner.tls)
        return await open_connection(line.endpoint, Terms(line.manner, context, self.seconds, line.source, on_step=on_step))

    def _open_content(self, queue_id: str) -> OpenContent:
        return OpenContent(os.open(self._path, os.O_RDONLY), 4, self._size)

    def deliverer(self) -> Deliverer:
        return self.staff().deliverer

    def staff(self) -> Staff:
        """Who answers by the settings of the moment."""
        resolver = Resolver(self._ask, lambda: self.clock)
        finder = HostFinder(resolver, OWN, random.Random(0))
        said = Said(Document("malleposte.yaml", {}, {}), self.relay, self.transports)
        policies = tls_policies(said, resolver, self.tables, Known(), self.troubles.append)
        tables = Tables(without_secrets(self.troubles.append), self._path.parent)
        site = config.Site.model_validate({"hostname": "me.test"})
        openers = Openers(tables.open, lambda maps: make_generic(site, self.routing, Tables(self.troubles.append, self._path.parent), maps))
        carriers = Carriers(self.relay, site, self.transports, openers)
        manners = Manners(tell_trouble=self.troubles.append)
        deliverer = Deliverer(manners, carriers, Network(finder, self.pool, OWN, policies), self.opener)
        return Staff(deliverer, Trials(carriers, finder, policies, self._open), Inspector(carriers, finder, policies))

    async def deliver(self, nexthop: NextHop, *recipients: str, **facts: Any) -> Sequence[Outcome]:
        """Deliver the message to the recipients, ``c@d.test`` if there are none; ``facts`` change the request."""
        named = [Recipient(address, address) for address in recipients or ("c@d.test",)]
        request = DeliveryRequest("Q1", "T1", "a@b.test", nexthop, list(range(len(named))), named, self._size)
        return (await self.deliverer().deliver(structs.replace(request, **facts))).outcomes


def smtp(port: int, **facts: Any) -> NextHop:
    """``d.test`` by its MX, on the port of the test's servers."""
    return NextHop(Protocol.SMTP, "d.test", port, **facts)


def lmtp(port: int, **facts: Any) -> NextHop:
    """A mailbox server at the loopback."""
    return NextHop(Protocol.LMTP, "127.0.0.1", port, is_literal=True, **facts)
