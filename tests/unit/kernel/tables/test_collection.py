"""Tables are opened by name."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.runtime.config import ConfigError
from services.kernel.tables.collection import UNSUPPORTED, Tables
from services.kernel.tables.lookup import TableTrouble


def look_up(name: str, key: str, root: Path = Path("/nowhere")) -> str | None:
    found = asyncio.run(Tables(lambda _: None, root).open(name).lookup(key))
    return found.value if found else None


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("static:yes or no", "anything", "yes or no"),
        ("static:{ yes or no }", "anything", "yes or no"),
        ("static:a$1", "anything", "a$1"),
        ("static:yes", "\udcff", None),
        ("inline:{ a@x=b@y, C=d }", "c", "d"),
        ("inline:{a=b}", "A", "b"),
        ("inline:{a=b,a=c}", "a", "c"),
        ("inline:{ {key = two, words} other=x }", "key", "two, words"),
        ("inline:{ {key = two, words} other=x }", "other", "x"),
        ("inline:{a={b c}, d=e}", "a", "{b c}"),
        ("inline:{ a=b }", "b", None),
        ("pcre:{{/^a(.*)$/ x$1}, {/b{2}/ y}}", "aB", "xB"),
        ("pcre:{{/^a(.*)$/ x$1}, {/b{2}/ y}}", "bb", "y"),
        ("regexp:{ {if /a/} {/b/ c} {endif} }", "ab", "c"),
        ("cidr:{{192.0.2.0/24 yes}, {::/0 six}}", "192.0.2.9", "yes"),
        ("proxy:inline:{a=b}", "a", "b"),
        ("unionmap:{static:a, inline:{x=1,y=2}}", "x", "a,1"),
        ("unionmap:{static:a, inline:{x=1,y=2}}", "z", "a"),
        ("unionmap:{inline:{x=1}, inline:{x=2}}", "z", None),
        ("unionmap:{static:{a b} static:c}", "z", "a b,c"),
        ("pipemap:{inline:{x=Y}, inline:{y=z}}", "X", "z"),
        ("pipemap:{inline:{x=Y}, inline:{y=z}}", "y", None),
        ("pipemap:{unionmap:{static:a,static:b}, inline:{ {a,b = both} }}", "q", "both"),
    ],
)
def test_table_without_a_file_answers(name: str, key: str, value: str | None) -> None:
    assert look_up(name, key) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("regexp:{{/^(.*)$/ got $1}}", "got FooBar"),
        ("unionmap:{inline:{foobar=1}, regexp:{{/^(.*)$/ got $1}}}", "1,got foobar"),
        ("unionmap:{static:x, pcre:{{/^(.*)$/ got $1}}}", "x,got foobar"),
        ("unionmap:{regexp:{{/^(.*)$/ got $1}}, inline:{foobar=1}}", "got FooBar,1"),
        ("pipemap:{inline:{foobar=XyZ}, regexp:{{/^(.*)$/ got $1}}}", "got XyZ"),
    ],
)
def test_first_table_of_a_composite_says_whether_keys_are_folded(name: str, value: str) -> None:
    assert look_up(name, "FooBar") == value


@pytest.mark.parametrize(
    ("name", "is_pattern"),
    [
        ("inline:{a=b}", False),
        ("regexp:{{/a/ b}}", True),
        ("unionmap:{inline:{a=b}, regexp:{{/a/ b}}}", False),
        ("unionmap:{regexp:{{/a/ b}}, inline:{a=b}}", True),
        ("pipemap:{pcre:{{/a/ b}}, inline:{a=b}}", True),
    ],
)
def test_first_table_of_a_composite_says_whether_it_is_a_pattern_table(name: str, is_pattern: bool) -> None:
    assert Tables(print).open(name).is_pattern is is_pattern


@pytest.mark.parametrize("name", ["fail:now", "unionmap:{static:a, fail:now}", "pipemap:{static:a, fail:now}"])
def test_trouble_of_one_table_is_trouble_of_all(name: str) -> None:
    with pytest.raises(TableTrouble):
        look_up(name, "key")


def test_table_inside_a_composite_is_reloaded(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a b\n")
    assert look_up("unionmap:{hash:one, static:x}", "a", tmp_path) == "b,x"


@pytest.mark.parametrize(
    "name",
    [
        *("virtual", "hash:", "nosuch:virtual", "proxy:", "proxy:virtual"),
        *("inline:a=b", "inline:{ a }", "inline:{ {a=b }", "inline:{}", "inline:{ }", "inline:{a=b}}", "inline:{{a = b}x=y}", "inline:{ a = b }"),
        *("static:{a", "static:{a}b"),
        *("unionmap:{}", "unionmap:static:a", "unionmap:{static:a", "unionmap:{virtual}", "unionmap:{{static:a}}", "pipemap:{}"),
        *("pcre:{/a/ b}", "pcre:{{/a/ b}", "pcre:{{/(/ b}}", "cidr:{{192.0.2.1/24 x}}"),
        *(f"{kind}:x" for kind in UNSUPPORTED),
    ],
)
def test_name_that_cannot_be_used_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigError):
        Tables(print).open(name)


@pytest.mark.parametrize(
    "name",
    [
        *("inline:{ secret }", "inline:{a = secret }", "inline:{a=secret", "static:{secret", "pipemap:{static:a, inline:{secret}}"),
        "pcre:{ {/a/ secret} {/(/ secret} }",
    ],
)
def test_fault_of_a_name_does_not_cite_what_is_in_braces(name: str) -> None:
    with pytest.raises(ConfigError) as error:
        Tables(print).open(name)
    assert "secret" not in str(error.value)


def test_table_named_twice_is_opened_once() -> None:
    tables = Tables(print)
    assert tables.open("hash:virtual") is tables.open("hash:virtual")
