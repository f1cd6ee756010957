"""Table files, next hops and alias graphs that nobody meant: errors of the right kind, and an end."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, LookupTrouble, NotOurs, Unknown
from services.kernel.routing.nexthop import Entry, parse_entry, parse_nexthop
from services.kernel.runtime.config import ConfigError
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import Table, TableTrouble
from tests.unit.kernel.routing.site import Book, router

LINES = st.lists(st.text(alphabet=' \t"\\#/!$(){}[]ab.@1,=:|*', max_size=20), max_size=8).map("\n".join)
USERS = [f"{name}@example.test" for name in ("a", "b", "c", "d", "@")] + ["x@remote.test", "@example.test", "a+x@example.test"]


KEYS = ["", "a", "ab.ab", "a@b", "192.0.2.1", "::1", "\udcff", "ä"]


def ask_all(table: Table) -> None:
    """Ask all keys. Anything but an answer and trouble fails the test."""
    for key in KEYS:
        with contextlib.suppress(TableTrouble):
            asyncio.run(table.lookup(key))


@settings(deadline=None)
@given(st.one_of(LINES.map(str.encode), st.binary(), st.text().map(str.encode)), st.sampled_from(["hash", "regexp", "pcre", "cidr"]))
def test_any_bytes_are_a_table_with_answers_or_trouble_with_its_line(tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "table").write_bytes(data)
    faults: list[str] = []
    ask_all(Tables(faults.append, folder, is_lenient=True).open(f"{kind}:table"))
    assert all(re.match(rf"{folder}/table:\d+: .", fault) for fault in faults)


@settings(deadline=None)
@given(st.sampled_from(["static:", "inline:", "regexp:", "pcre:", "cidr:", "unionmap:", "pipemap:", ""]), st.one_of(LINES, st.text()))
def test_any_name_of_a_table_is_one_or_a_configuration_error(kind: str, rest: str) -> None:
    try:
        table = Tables(lambda _: None, Path("/nowhere"), is_lenient=True).open(kind + rest)
    except ConfigError:
        return
    ask_all(table)


@given(st.one_of(st.text(), st.text(alphabet="smtpler:[]0123456789.,IPv6 ")))
def test_any_transport_entry_is_understood_or_refused(text: str) -> None:
    try:
        entry = parse_entry(text)
    except ValueError:
        return
    assert isinstance(entry, Reply | Entry)


@given(st.text(alphabet="ab.:[]0123456789"))
def test_next_hop_has_a_host_and_a_port_in_range(text: str) -> None:
    try:
        nexthop = parse_nexthop(text)
    except ValueError:
        return
    assert nexthop.host
    assert 0 <= nexthop.port < 65536


@given(st.dictionaries(st.sampled_from(USERS), st.lists(st.sampled_from(USERS), min_size=1, max_size=4).map(tuple)), st.sampled_from(USERS))
def test_any_graph_of_aliases_comes_to_an_end_with_each_recipient_once(aliases: dict[str, tuple[str, ...]], recipient: str) -> None:
    book = Book(accounts={"a@example.test": True, "b@example.test": True}, aliases=aliases)
    try:
        answer = asyncio.run(router(book).accept(recipient))
    except LookupTrouble:
        return
    assert isinstance(answer, Accepted | Unknown | NotOurs)
    if isinstance(answer, Accepted):
        assert answer.final
        assert len({address.lower() for address in answer.final}) == len(answer.final)
