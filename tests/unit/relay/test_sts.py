"""MTA-STS: records and policies as text, what is remembered, and how it is fetched."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.kernel.dns.answer import Answer, Found, Kind, NxDomain
from services.kernel.dns.answer import Trouble as DnsTrouble
from services.kernel.dns.resolver import Resolver
from services.relay import https
from services.relay.https import NotFetched
from services.relay.sts import PolicyFetcher, StsPolicies
from services.relay.sts_policy import Mode, StsPolicy, parse_policy, parse_record
from tests.unit.kernel.smtp.certificates import Authority, Shown, self_signed

TEXT = "version: STSv1\r\nmode: enforce\r\nmx: mx.d.test\r\nmx: *.Backup.test\r\nmax_age: 604800\r\n"
POLICY = StsPolicy(Mode.ENFORCE, ("mx.d.test", "*.backup.test"), 604800)


@pytest.mark.parametrize(
    ("records", "id_"),
    [
        (["v=STSv1; id=20261128T0900;"], "20261128T0900"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1; other=x; id=1;"], "1"),
        (["v=spf1 -all", "v=STSv1; id=1;"], "1"),
        (["v=STSv1; id=1;", "v=STSv1; id=2;"], None),
        (["v=STSv1; id=;"], None),
        (["v=STSv1; id=no-hyphens;"], None),
        (["id=1; v=STSv1"], None),
        ([], None),
    ],
)
def test_record_has_an_id(records: list[str], id_: str | None) -> None:
    assert parse_record(records) == id_


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (TEXT, POLICY),
        (TEXT.replace("\r\n", "\n"), POLICY),
        (TEXT.replace("mode: enforce", "mode: enforce\r\nmode: none\r\nunknown: x"), POLICY),
        ("version: STSv1\nmode: none\nmax_age: 99999999\n", StsPolicy(Mode.NONE, (), 31_557_600)),
    ],
)
def test_policy_is_read(text: str, policy: StsPolicy) -> None:
    assert parse_policy(text) == policy


@pytest.mark.parametrize("gone", ["version: STSv1\r\n", "mode: enforce\r\n", "max_age: 604800\r\n", "mx: mx.d.test\r\nmx: *.Backup.test\r\n"])
def test_policy_that_lacks_a_field_is_none(gone: str) -> None:
    with pytest.raises(ValueError, match=r"is None|max_age|no mx"):
        parse_policy(TEXT.replace(gone, ""))


class World:
    """Policies of ``d.test`` with a record, a web server and a clock set by hand."""

    def __init__(self) -> None:
        self.record: Answer[str] = Found(('"v=STSv1; id=" "1;"',))
        self.text: str | None = TEXT
        self.now = 1000.0
        self.fetched = 0
        self.troubles: list[str] = []
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.policies = StsPolicies(Resolver(self._ask, lambda: self.now), self._fetch, lambda: self.now, self.troubles.append)

    async def _ask(self, name: str, kind: Kind) -> Answer[str]:
        return self.record if (name, kind) == ("_mta-sts.d.test", Kind.TXT) else NxDomain()

    async def _fetch(self, domain: str) -> str:
        self.fetched += 1
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.text is None:
            raise NotFetched("no answer")
        return self.text

    async def policy(self) -> StsPolicy | None:
        return await self.policies.policy("d.test")


def run(scene: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        await asyncio.wait_for(scene(World()), 20)

    asyncio.run(whole())


def test_policy_is_fetched_once_and_remembered() -> None:
    async def scene(world: World) -> None:
        assert [await world.policy() for _ in range(3)] == [POLICY] * 3
        assert world.fetched == 1

    run(scene)


def test_who_asks_at_the_same_time_waits_for_one_fetch() -> None:
    async def scene(world: World) -> None:
        world.gate = asyncio.Event()
        asked = [asyncio.create_task(world.policy()) for _ in range(5)]
        await asyncio.wait(asked, timeout=0.01)
        world.gate.set()
        assert await asyncio.gather(*asked) == [POLICY] * 5
        assert world.fetched == 1

    run(scene)


def test_another_id_has_the_policy_fetched_again() -> None:
    async def scene(world: World) -> None:
        await world.policy()
        world.record, world.text = Found(('"v=STSv1; id=2;"',)), TEXT.replace("enforce", "testing")
        changed = await world.policy()
        assert changed is not None and changed.mode is Mode.TESTING

    run(scene)


@pytest.mark.parametrize("record", [NxDomain(), DnsTrouble("SERVFAIL")])
def test_remembered_policy_outlives_its_record(record: Answer[str]) -> None:
    async def scene(world: World) -> None:
        await world.policy()
        world.record = record
        assert await world.policy() == POLICY
        world.now += POLICY.max_age
        assert await world.policy() is None

    run(scene)


@pytest.mark.parametrize("record", [NxDomain(), DnsTrouble("SERVFAIL")])
def test_domain_without_a_record_has_no_policy_and_is_not_asked(record: Answer[str]) -> None:
    async def scene(world: World) -> None:
        world.record = record
        assert (await world.policy(), world.fetched) == (None, 0)

    run(scene)


@pytest.mark.parametrize("text", [None, "<html>", TEXT.replace("enforce", "maybe")])
def test_policy_that_cannot_be_fetched_is_none_and_asked_for_later(text: str | None) -> None:
    async def scene(world: World) -> None:
        world.text = text
        assert [await world.policy() for _ in range(3)] == [None] * 3
        assert world.fetched == 1 and world.troubles[0].startswith("MTA-STS policy of d.test cannot be used: ")
        world.text, world.now = TEXT, world.now + 301
        assert await world.policy() == POLICY

    run(scene)


def test_remembered_policy_outlives_a_broken_web_server() -> None:
    async def scene(world: World) -> None:
        await world.policy()
        world.record, world.text = Found(('"v=STSv1; id=2;"',)), None
        assert await world.policy() == POLICY

    run(scene)


def test_policy_is_renewed_each_day_without_waiting_for_it() -> None:
    async def scene(world: World) -> None:
        await world.policy()
        world.now += 86401
        world.gate, world.begun = asyncio.Event(), asyncio.Event()
        assert await world.policy() == POLICY
        await world.begun.wait()
        world.gate.set()

    run(scene)


@asynccontextmanager
async def web(shown: Shown, answer: bytes, asked: list[bytes]) -> AsyncIterator[int]:
    """A web server that says the same to everybody, or nothing for ever."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        if not answer:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=shown.context)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def fetch(authority: Authority, shown: Shown, answer: bytes, asked: list[bytes] | None = None) -> str:
    async def ask(name: str, kind: Kind) -> Answer[str]:
        return Found(("127.0.0.1",)) if (name, kind) == ("mta-sts.d.test", Kind.A) else NxDomain()

    def trusting() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(authority.file))

    async def scene() -> str:
        async with web(shown, answer, asked if asked is not None else []) as port:
            return await PolicyFetcher(Resolver(ask, lambda: 0.0), trusting, port)("d.test")

    return asyncio.run(asyncio.wait_for(scene(), 20))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 5\r\n\r\nhello and more",
        HEAD + b"\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    ],
)
def test_policy_file_is_fetched_from_its_well_known_place(authority: Authority, answer: bytes) -> None:
    asked: list[bytes] = []
    assert fetch(authority, authority.shown("mta-sts.d.test"), answer, asked) == "hello"
    assert asked[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.d.test\r\n")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.test/\r\n\r\n", "301 Moved"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n", "404 Not Found"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nhello", "text/html"),
        (HEAD + b"Content-Length: 65537\r\n\r\n", "over the limit"),
        (HEAD + b"\r\n" + b"x" * 70_000, "over the limit"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n10001\r\n", "over the limit"),
        (HEAD + b"Content-Length: 10\r\n\r\nshort", "5 bytes read"),
        (b"nonsense\r\n\r\n", "nonsense"),
        (HEAD + b"\r\n\xff\xfe", "decode"),
    ],
)
def test_answer_that_is_no_policy_is_refused(authority: Authority, answer: bytes, words: str) -> None:
    with pytest.raises(NotFetched, match=words):
        fetch(authority, authority.shown("mta-sts.d.test"), answer)


def test_certificate_of_the_policy_host_is_checked(authority: Authority, tmp_path: Path) -> None:
    good = HEAD + b"\r\nhello"
    for shown in (authority.shown("other.test"), authority.shown("mta-sts.d.test", expired=True), self_signed(tmp_path, "mta-sts.d.test")):
        with pytest.raises(NotFetched, match="certificate: "):
            fetch(authority, shown, good)


def test_web_server_that_says_nothing_is_given_up(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "SECONDS", 0.2)
    with pytest.raises(NotFetched, match="no answer within"):
        fetch(authority, authority.shown("mta-sts.d.test"), b"")
