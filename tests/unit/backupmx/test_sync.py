"""Fetching recipients over HTTPS with a certificate on both sides."""

import asyncio
from pathlib import Path

import pytest

from services.backupmx.config import BackupmxSettings, Primary
from services.backupmx.sync import Source, SyncFault
from services.kernel.directory.mirror import DomainRecipients, Mirror, Standing
from services.kernel.mail.queueid import queue_id
from services.kernel.runtime.config import ConfigError
from tests.unit.backupmx.pair import Book, Pair, sync


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path, Book(a_test=DomainRecipients(["alice"]), b_test=DomainRecipients(["bob"])))


def ask(pair: Pair, address: str) -> Standing:
    return Mirror(pair.root / "mirror", 1e12).ask(address)


def test_recipients_of_the_domains_asked_for_are_there_and_no_others(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            await sync(pair.source(), "a.test", "elsewhere.test")

    asyncio.run(scene())
    assert [ask(pair, address) for address in ("alice@a.test", "eve@a.test", "bob@b.test")] == [Standing.GOOD, Standing.BAD, Standing.UNKNOWN]


def test_second_fetch_brings_only_what_changed(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            source = pair.source()
            await sync(source, "a.test", "b.test")
            pair.book.domains = {"a.test": DomainRecipients(["alice", "carol"])}
            await sync(source, "a.test", "b.test")

    asyncio.run(scene())
    assert [ask(pair, address) for address in ("carol@a.test", "bob@b.test")] == [Standing.GOOD, Standing.UNKNOWN]


def test_what_has_not_changed_is_confirmed_without_writing_it_anew(pair: Pair) -> None:
    async def scene() -> tuple[int, int]:
        async with pair.serving():
            source = pair.source()
            await sync(source, "a.test")
            first = source.file.stat().st_ino
            pair.clock += 500
            await sync(source, "a.test")
            assert source.confirmed == pair.clock == source.file.stat().st_mtime
            return first, source.file.stat().st_ino

    before, after = asyncio.run(scene())
    assert before == after


def test_restart_goes_on_with_what_is_held(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            await sync(pair.source(), "a.test")
            again = pair.source()
            assert again.held is not None
            assert again.confirmed == pair.clock
            await sync(again, "a.test")

    asyncio.run(scene())


def test_primary_that_is_away_leaves_what_is_held(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            source = pair.source()
            await sync(source, "a.test")
            pair.book.is_away = True
            with pytest.raises(SyncFault, match="503"):
                await sync(source, "a.test")
        with pytest.raises(SyncFault, match="refused"):
            await sync(source, "a.test")

    asyncio.run(scene())
    assert ask(pair, "alice@a.test") is Standing.GOOD


def test_stranger_gets_nothing(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            with pytest.raises(SyncFault):
                await sync(pair.source(as_site="stranger"), "a.test")

    asyncio.run(scene())
    assert ask(pair, "alice@a.test") is Standing.UNKNOWN


def test_host_that_is_not_the_primary_is_not_asked(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            with pytest.raises(SyncFault, match="verify failed"):
                await sync(pair.source(pins="stranger"), "a.test")

    asyncio.run(scene())


def test_answer_that_the_primary_did_not_sign_is_not_kept(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving(signs_as="stranger"):
            with pytest.raises(SyncFault, match="signature"):
                await sync(pair.source(), "a.test")

    asyncio.run(scene())
    assert ask(pair, "alice@a.test") is Standing.UNKNOWN


def test_answer_older_than_the_last_one_is_refused(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            source = pair.source()
            await sync(source, "a.test")
            pair.book.made = 1.0
            pair.book.domains = {}
            with pytest.raises(SyncFault, match="older"):
                await sync(source, "a.test")

    asyncio.run(scene())
    assert ask(pair, "alice@a.test") is Standing.GOOD


def test_answer_by_a_clock_that_was_ahead_does_not_shut_later_ones_out(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            source = pair.source()
            pair.book.made = 1e9
            await sync(source, "a.test")
            pair.book.made = 1.0
            pair.book.domains = {}
            await sync(source, "a.test")

    asyncio.run(scene())
    assert ask(pair, "alice@a.test") is Standing.UNKNOWN


def test_primary_is_asked_for_the_domains_that_it_speaks_for(pair: Pair) -> None:
    settings = BackupmxSettings.model_validate(
        {"mirror_directory": pair.root, "certificate_file": pair.root / "mx2/identity.pem", "key_file": pair.root / "mx2/identity-key.pem"}
    )
    facts = {"url": "https://mx1.test", "certificate_file": pair.root / "mx1/identity.pem"}
    every = Source("mx1", Primary.model_validate(facts), settings, lambda: 0.0)
    some = Source("mx1", Primary.model_validate({**facts, "domains": ["B.test", "c.test"]}), settings, lambda: 0.0)
    assert every.asked(["a.test", "b.test"]) == ["a.test", "b.test"]
    assert some.asked(["a.test", "b.test"]) == ["b.test"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "mx1.test:8443", "https://"])
def test_address_that_cannot_be_asked_is_a_fault_of_the_configuration(pair: Pair, url: str) -> None:
    settings = BackupmxSettings.model_validate({"mirror_directory": pair.root})
    with pytest.raises(ConfigError, match=r"backupmx\.primaries\.mx1\.url"):
        Source("mx1", Primary(url=url, certificate_file=pair.root / "mx1/identity.pem"), settings, lambda: 0.0)


def test_certificate_that_is_not_there_is_a_fault_of_the_configuration(pair: Pair) -> None:
    with pytest.raises(ConfigError, match="certificate_file"):
        Source("mx1", Primary(url="https://mx1.test", certificate_file=pair.root / "none.pem"), BackupmxSettings.model_validate({}), lambda: 0.0)


def test_trace_goes_on_with_what_the_primary_did_and_tells_nothing_of_other_mail(pair: Pair) -> None:
    own, other = queue_id(1, 1), queue_id(2, 2)
    lines = [f'{{"kind":"stored","time":1.0,"trace":"{trace}","recipient":"alice@a.test"}}' for trace in (own, other)]
    (pair.root / "events/mda.0.jsonl").write_text("".join(f"{line}\n" for line in lines))

    async def scene() -> tuple[list[str], list[str]]:
        async with pair.serving():
            source = pair.source()
            return await asyncio.to_thread(source.follow, [own]), await asyncio.to_thread(source.follow, ["alice@a.test"])

    assert asyncio.run(scene()) == ([lines[0]], [])


def test_trace_cannot_be_asked_for_by_a_stranger(pair: Pair) -> None:
    async def scene() -> None:
        async with pair.serving():
            await asyncio.to_thread(pair.source(as_site="stranger").follow, [queue_id(1, 1)])

    with pytest.raises(SyncFault):
        asyncio.run(scene())
