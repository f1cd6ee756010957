"""Table files, next hops and alias graphs that nobody meant: errors of the right kind, and an end."""

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, LookupTrouble, NotOurs, Unknown
from services.kernel.routing.nexthop import Entry, parse_entry, parse_nexthop
from services.kernel.tables.constant import parse_inline
from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.patterns import parse_pattern
from services.kernel.tables.rules import parse_rules
from services.kernel.tables.text import parse_text
from tests.unit.kernel.routing.site import Book, router

LINES = st.lists(st.text(alphabet=' \t"\\#/!$(){}[]ab.@1,=:|*', max_size=20), max_size=8).map("\n".join)
USERS = [f"{name}@example.test" for name in ("a", "b", "c", "d", "@")] + ["x@remote.test", "@example.test", "a+x@example.test"]


def fault_of(parse: Callable[[str], object], text: str) -> str:
    """The words of the trouble, or nothing. Anything but trouble fails the test."""
    try:
        parse(text)
    except TableTrouble as trouble:
        return str(trouble)
    return ""


@given(st.one_of(LINES, st.text()))
def test_any_text_is_a_table_or_trouble_with_its_line(text: str) -> None:
    fault = fault_of(lambda text: parse_text("file", text), text)
    assert fault.startswith("file:" if fault else "")


@given(LINES, st.sampled_from(["regexp", "pcre"]))
def test_any_text_is_a_list_of_rules_or_trouble_with_its_line(text: str, kind: str) -> None:
    fault = fault_of(lambda text: parse_rules("file", text, lambda line: parse_pattern(kind, line)), text)
    assert fault.startswith("file:" if fault else "")


@given(LINES)
def test_any_inline_body_is_entries_or_trouble(text: str) -> None:
    fault = fault_of(lambda text: parse_inline("inline:", text), text)
    assert fault.startswith("inline:" if fault else "")


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
