"""The resolver: typed answers, what it remembers, and what it asks only once."""

import asyncio
from collections import Counter

import pytest

from services.kernel.dns import resolver as module
from services.kernel.dns.answer import Answer, Found, Kind, Mx, NoData, NxDomain, Trouble
from services.kernel.dns.resolver import Resolver


class Zone:
    """Answers by table, and counts the questions. ``gate`` holds answers back while it is closed."""

    def __init__(self, **answers: Answer[str]) -> None:
        self.answers = {tuple(key.split("__")): answer for key, answer in answers.items()}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.now = 0.0

    async def __call__(self, name: str, kind: Kind) -> Answer[str]:
        self.asked[name, kind.value] += 1
        await self.gate.wait()
        return self.answers[name, kind.value]

    def resolver(self) -> Resolver:
        return Resolver(self, lambda: self.now)


def test_mx_records_are_values() -> None:
    zone = Zone(d__MX=Found(("10 MX1.test.", "0 ."), 60, True))
    answer = asyncio.run(zone.resolver().mx("D."))
    assert answer == Found((Mx(10, "mx1.test"), Mx(0, "")), 60, True)


@pytest.mark.parametrize("answer", [NoData(), NxDomain(), Trouble("SERVFAIL")])
def test_three_kinds_of_nothing_are_told_apart(answer: Answer[str]) -> None:
    assert asyncio.run(Zone(d__MX=answer).resolver().mx("d")) == answer


@pytest.mark.parametrize(
    ("four", "six", "merged"),
    [
        (Found(("192.0.2.1",), 60), Found(("2001:db8::1",), 30), Found(("192.0.2.1", "2001:db8::1"), 30)),
        (Found(("192.0.2.1",), 60, True), NoData(), Found(("192.0.2.1",), 60, True)),
        (Found(("192.0.2.1",), 60), Trouble("timeout"), Found(("192.0.2.1",), 60)),
        (NoData(), Trouble("timeout"), Trouble("timeout")),
        (Trouble("timeout"), NxDomain(), Trouble("timeout")),
        (NxDomain(), NxDomain(), NxDomain()),
        (NoData(), NxDomain(), NoData()),
        (NxDomain(), NoData(), NoData()),
    ],
)
def test_addresses_of_both_families_are_one_answer(four: Answer[str], six: Answer[str], merged: Answer[str]) -> None:
    assert asyncio.run(Zone(h__A=four, h__AAAA=six).resolver().addresses("h")) == merged


@pytest.mark.parametrize(
    ("answer", "seconds", "times"),
    [
        (Found(("10 mx.",), 60), 59, 1),
        (Found(("10 mx.",), 60), 60, 2),
        (Found(("10 mx.",), 10**6), module.MAX_SECONDS + 1, 2),
        (Found(("10 mx.",), 0), 0, 2),
        (NxDomain(60), 59, 1),
        (NxDomain(86_400), module.MAX_NEGATIVE_SECONDS + 1, 2),
        (NoData(60), 59, 1),
        (Trouble("SERVFAIL"), 0, 2),
    ],
)
def test_answer_is_remembered_for_its_time(answer: Answer[str], seconds: float, times: int) -> None:
    async def scene() -> None:
        zone = Zone(d__MX=answer)
        resolver = zone.resolver()
        await resolver.mx("d")
        zone.now += seconds
        await resolver.mx("D")
        assert zone.asked["d", "MX"] == times

    asyncio.run(scene())


def test_least_recently_used_answer_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 2)

    async def scene() -> None:
        zone = Zone(a__MX=NoData(60), b__MX=NoData(60), c__MX=NoData(60))
        resolver = zone.resolver()
        for name in "abacab":
            await resolver.mx(name)
        assert zone.asked == {("a", "MX"): 1, ("b", "MX"): 2, ("c", "MX"): 1}

    asyncio.run(scene())


def test_equal_questions_under_way_are_asked_once() -> None:
    async def scene() -> None:
        zone = Zone(d__MX=Found(("10 mx.",), 0))
        resolver = zone.resolver()
        answers = await asyncio.gather(*(resolver.mx("d") for _ in range(5)))
        assert (len(set(answers)), zone.asked["d", "MX"]) == (1, 1)

    asyncio.run(scene())


def test_asker_who_gives_up_takes_nothing_from_the_others() -> None:
    async def scene() -> None:
        zone = Zone(d__MX=NoData())
        zone.gate.clear()
        resolver = zone.resolver()
        first, second = (asyncio.create_task(resolver.mx("d")) for _ in range(2))
        await asyncio.wait([first], timeout=0.001)
        first.cancel()
        await asyncio.wait([first])
        zone.gate.set()
        assert await second == NoData()

    asyncio.run(scene())
