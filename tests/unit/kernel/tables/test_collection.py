"""Tables are opened by name."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.runtime.config import ConfigError
from services.kernel.tables.collection import Tables


def look_up(name: str, key: str) -> str | None:
    found = asyncio.run(Tables(print).open(name).lookup(key))
    return found.value if found else None


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("static:yes or no", "anything", "yes or no"),
        ("inline:{ a@x=b@y, C=d }", "c", "d"),
        ("inline:{a=b}", "A", "b"),
        ("inline:{ {key = two, words} other=x }", "key", "two, words"),
        ("inline:{ {key = two, words} other=x }", "other", "x"),
        ("inline:{ a=b }", "b", None),
    ],
)
def test_table_without_a_file_answers(name: str, key: str, value: str | None) -> None:
    assert look_up(name, key) == value


@pytest.mark.parametrize("name", ["virtual", "hash:", "btree:virtual", "inline:a=b", "inline:{ a }", "inline:{ {a=b }"])
def test_name_that_cannot_be_used_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigError):
        Tables(print).open(name)


def test_table_named_twice_is_opened_once(tmp_path: Path) -> None:
    tables = Tables(print, tmp_path)
    assert tables.open("hash:virtual") is tables.open("hash:virtual")
