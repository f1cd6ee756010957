"""backupmx as a whole, with a relay and a qmgr that answer by script."""

import asyncio
import json
from pathlib import Path

import pytest

from services.admin.directory import DirectoryWriter
from services.backupmx.service import Backupmx, Settings
from services.kernel.directory import DirectorySettings
from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome, Remote
from services.kernel.mail.reply import Reply
from services.kernel.wire import channel, control
from services.kernel.wire.channel import ChannelClient
from services.kernel.wire.delivery import ProbeRequest, ProbeResponse
from services.kernel.wire.standby import Look, Request, Response, State

DEADLINE_SECONDS = 20
PRIMARY = Remote("mx1.a.test", "192.0.2.1", 25, "", "RCPT")
UP = Delivered(Reply(250, "2.1.5", "ok"), PRIMARY)


def configure(root: Path, settings: str = "") -> Settings:
    """With the domains a.test and b.test backed up."""
    (root / "events").mkdir()
    url = f"sqlite:///{root}/directory.sqlite"
    writer = DirectoryWriter(DirectorySettings(url=url))
    writer.prepare()
    for name in ("a.test", "b.test"):
        writer.add_domain(Domain(name, DomainClass.BACKUP))
    writer.close()
    path = root / "malleposte.yaml"
    path.write_text(
        f"site: {{hostname: mx2.test}}\ndirectory: {{url: '{url}'}}\n"
        f"backupmx:\n  relay: unix:{root}/relay\n  qmgr: unix:{root}/qmgr\n  control: unix:{root}/control\n"
        f"  events_directory: {root}/events\n  metrics_address: '127.0.0.1:0'\n{settings}"
    )
    return Settings(path)


class Around:
    """What backupmx speaks with. A probe for a domain without an outcome hangs."""

    def __init__(self, root: Path, **outcomes: Outcome) -> None:
        self.root = root
        self.outcomes = {f"postmaster@{name.replace('_', '.')}": outcome for name, outcome in outcomes.items()}
        self.flushed: asyncio.Queue[str] = asyncio.Queue()
        self.failed: dict[str, str] = {}
        """What qmgr last heard of a host that it could not reach."""

    async def probe(self, request: ProbeRequest) -> ProbeResponse:
        if request.recipient not in self.outcomes:
            await asyncio.Event().wait()
        return ProbeResponse(self.outcomes[request.recipient])

    async def answer(self, request: control.Request) -> control.Response:
        match request:
            case control.Flush(selection):
                self.flushed.put_nowait(selection.recipient)
                return control.Done(1)
            case control.Foresee(nexthop):
                site = control.Site(str(nexthop), 0, 0, 5, reason=self.failed.get(nexthop.host, ""))
                return control.Foreseen(5, 5, 50, 0.0, 0.0, [0.0], 1.0, 0.0, site)
            case _:
                return control.Failed("not understood")

    async def run(self, *ask: str, flushes: int = 0) -> State | None:
        """Start all, wait for so many flushes, and have the operator look at these domains; returns what he hears."""
        servers = [
            await channel.listen(f"unix:{self.root}/relay", ProbeRequest, self.probe, lambda defect: None),
            await channel.listen(f"unix:{self.root}/qmgr", control.Request, self.answer, lambda defect: None),  # type: ignore[arg-type]  # a union is no type
        ]
        service = Backupmx(configure(self.root))
        await service.start()
        heard = None
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                self.names = sorted([await self.flushed.get() for _ in range(flushes)])
                for domain in ask:
                    heard = await self._look(domain)
        finally:
            await service.stop()
            for server in servers:
                server.close()
        return heard

    async def _look(self, domain: str) -> State:
        client: ChannelClient[Request, Response] = await channel.connect(f"unix:{self.root}/control", Response)  # type: ignore[arg-type]  # a union is no type
        answer = await client.call(Look(domain))
        client.close()
        assert isinstance(answer, State)
        return answer

    def events(self, kind: str) -> list[str]:
        lines = (self.root / "events/backupmx.0.jsonl").read_text().splitlines()
        return [event["nexthop"] for event in map(json.loads, lines) if event["kind"] == kind]


def test_primary_that_hangs_keeps_no_other_ones_return_from_us(tmp_path: Path) -> None:
    around = Around(tmp_path, b_test=UP)
    asyncio.run(around.run(flushes=1))
    assert around.names == ["b.test"]
    assert around.events("site_up") == ["b.test"]


def test_absence_between_two_looks_that_mail_met_is_noticed(tmp_path: Path) -> None:
    around = Around(tmp_path, a_test=UP, b_test=UP)
    around.failed["a.test"] = "450 4.4.1 connection refused"
    asyncio.run(around.run(flushes=3))
    assert around.names == ["a.test", "a.test", "b.test"]
    assert around.events("site_down") == ["a.test"]


def test_operator_is_answered_while_a_look_hangs(tmp_path: Path) -> None:
    around = Around(tmp_path, b_test=UP)
    state = asyncio.run(around.run("b.test"))
    assert state is not None
    assert {domain.name: domain.is_up for domain in state.domains} == {"a.test": None, "b.test": True}


@pytest.mark.parametrize(
    ("outcome", "is_up"),
    [
        (UP, True),
        (Bounced(Reply(550, "5.1.1", "nobody here"), PRIMARY), True),
        (Deferred(Reply(450, "4.2.1", "later"), PRIMARY), True),
        (Deferred(Reply(450, "4.4.6", "mail for a.test loops back to myself"), PRIMARY), True),
        (Deferred(Reply(450, "4.4.1", "connection refused"), PRIMARY, site=True), False),
        (Deferred(Reply(450, "4.4.3", "address of mx1.a.test cannot be looked up: SERVFAIL"), Remote("a.test"), site=True), False),
        (Deferred(Reply(450, "4.3.5", "there is no transport x"), Remote()), False),
        (Deferred(Reply(450, "4.4.6", "mail for a.test loops back to myself"), Remote("mx2.test", "192.0.2.2", 25)), False),
    ],
)
def test_only_what_a_primary_says_is_its_answer(tmp_path: Path, outcome: Outcome, is_up: bool) -> None:
    state = asyncio.run(Around(tmp_path, a_test=outcome, b_test=UP).run("a.test"))
    assert state is not None
    (known,) = [domain for domain in state.domains if domain.name == "a.test"]
    assert known.is_up is is_up
    assert outcome.reply.text in known.words
    assert known.since > 1_700_000_000
