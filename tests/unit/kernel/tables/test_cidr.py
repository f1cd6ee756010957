"""cidr tables: the first network that holds the address."""

import asyncio
import ipaddress
import random
from pathlib import Path

import pytest

from services.kernel.tables.cidr import parse_cidr
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.networks import parse_address

NETWORKS = """\
192.0.2.1        host
192.0.2.0/24     network
192.0.2.7        covered
[2001:db8::]/32  six
[2001:db9::/32]  bracket
::ffff:1.2.3.4   mapped
198.18.0.0/015   long,
   text
if 10.0.0.0/8
10.1.0.0/16      inner
if !10.2.0.0/16
10.0.0.0/9       deep
endif
10.2.2.2         after
ENDIF
10.2.3.0/24      outer
!!172.16.0.0/12  twice
! 100.64.0.0/10  not shared
"""


def look_up(tmp_path: Path, text: str, key: str) -> tuple[str, int] | None:
    (tmp_path / "table").write_text(text)
    found = asyncio.run(Tables(lambda _: None, tmp_path).open("cidr:table").lookup(key))
    return (found.value, found.line) if found else None


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("192.0.2.1", ("host", 1)),
        ("192.0.2.7", ("network", 2)),
        ("2001:DB8::5", ("six", 4)),
        ("2001:db9::1", ("bracket", 5)),
        ("::ffff:1.2.3.4", ("mapped", 6)),
        ("198.19.1.1", ("long,   text", 7)),
        ("10.1.1.1", ("inner", 10)),
        ("10.3.0.1", ("deep", 12)),
        ("10.2.2.2", ("after", 14)),
        ("10.2.3.4", ("outer", 16)),
        ("172.17.0.1", ("twice", 17)),
        ("203.0.113.9", ("not shared", 18)),
        ("100.64.0.1", None),
        ("::1", None),
        ("192.0.2", None),
        ("[2001:db8::5]", None),
        ("192.0.2.1 ", None),
        ("ä", None),
        ("", None),
    ],
)
def test_first_matching_network_gives_its_text(tmp_path: Path, key: str, answer: tuple[str, int] | None) -> None:
    assert look_up(tmp_path, NETWORKS, key) == answer


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("192.0.2.1/24 x\n", "1: '192.0.2.1/24' has host bits set; perhaps you mean 192.0.2.0/24"),
        ("2001:db8::1/32 x\n", "1: .* has host bits set"),
        ("192.0.2.0/33 x\n", "1: bad mask length"),
        ("192.0.2.0/ x\n", "1: bad mask value"),
        ("192.0.2 x\n", "1: bad address pattern"),
        ("[::1 x\n", "1: missing ']'"),
        ("[::1]x x\n", "1: garbage after ']'"),
        ("192.0.2.1\n", "1: no value"),
        ("!\n", "1: no address pattern"),
        (" 192.0.2.1 x\n", "1: a logical line must not start"),
        ("if 192.0.2.1\n", "1: if without endif"),
        ("endif\n", "1: endif without if"),
        ("if 192.0.2.1\nendif x\n", "2: garbage after endif"),
        ("if 192.0.2.1 x\nendif\n", "1: bad address pattern"),
    ],
)
def test_fault_names_file_and_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(TableTrouble, match=f"table:{fault}"):
        look_up(tmp_path, text, "192.0.2.1")


def test_network_that_an_earlier_one_covers_is_named() -> None:
    networks, _ = parse_cidr(b"10.0.0.0/24 a\n10.0.0.0/8 b\n10.1.0.0/16 c\n10.0.0.0/24 d\n11.0.0.0/8 e\n0.0.0.0/0 f\n12.0.0.0/8 g\n::1 h\n")
    assert [(flaw.line, flaw.is_error) for flaw in networks.covered()] == [(3, False), (4, False), (7, False)]


def test_index_answers_as_a_walk_through_all_networks_does() -> None:
    chance = random.Random(4)
    listed = [ipaddress.ip_network((chance.getrandbits(5) << 27 | chance.getrandbits(8), chance.randint(3, 32)), strict=False) for _ in range(300)]
    networks, flaws = parse_cidr("".join(f"{network} {number}\n" for number, network in enumerate(listed)).encode())
    assert flaws == []
    for _ in range(500):
        key = str(ipaddress.ip_address(chance.getrandbits(5) << 27 | chance.getrandbits(8)))
        walked = next((number for number, network in enumerate(listed) if ipaddress.ip_address(key) in network), None)
        address = parse_address(key)
        assert address is not None
        found = networks.find(address)
        assert (found[0] if found else None) == (None if walked is None else str(walked))


def test_text_that_is_not_utf8_is_trouble_for_those_it_is_for_alone(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(b"192.0.2.0/24 f\xfcr\n0.0.0.0/0 all\n")
    with pytest.raises(TableTrouble, match="table:1"):
        asyncio.run(Tables(lambda _: None, tmp_path).open("cidr:table").lookup("198.51.100.1"))
    asked = Tables(lambda _: None, tmp_path, is_lenient=True).open("cidr:table")
    found = asyncio.run(asked.lookup("198.51.100.1"))
    assert found is not None and found.value == "all"
    with pytest.raises(TableTrouble, match="not UTF-8"):
        asyncio.run(asked.lookup("192.0.2.1"))
