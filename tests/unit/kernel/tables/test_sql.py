"""sqlite tables, and what all SQL tables have in common."""

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.pgsql import parameters
from services.kernel.tables.sqltemplate import Templates

CONTENT = """
create table alias (address text, goto text);
insert into alias values ('a@example.test', 'x@example.test'), ('a@example.test', 'y@example.test'), ('null@example.test', NULL),
    ('empty@example.test', ''), ('o''brien@example.test', 'ob'), ('100%@example.test', 'all');
create table number (key text, value integer);
insert into number values ('n', 5);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_database(tmp_path / "mail.db", CONTENT)
    return tmp_path


def make_database(path: Path, content: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(content)
    connection.close()


def look_up(folder: Path, settings: str, key: str) -> str | None:
    (folder / "table.cf").write_text(settings)
    found = asyncio.run(Tables(lambda _: None, folder).open("sqlite:table.cf").lookup(key))
    return found.value if found else None


ALIAS = "dbpath = mail.db\nquery = SELECT goto FROM alias WHERE address = '%s'"


@pytest.mark.parametrize(
    ("settings", "key", "value"),
    [
        (ALIAS, "A@Example.test", "x@example.test,y@example.test"),
        (ALIAS, "nobody@example.test", None),
        (ALIAS, "null@example.test", None),
        (ALIAS, "empty@example.test", None),
        (ALIAS, "o'brien@example.test", "ob"),
        (ALIAS, "' OR '1'='1", None),
        (ALIAS, "100%@example.test", "all"),
        (ALIAS, "\udcff", None),
        ("dbpath = mail.db\nquery = SELECT 1e20 UNION SELECT 1.5 UNION SELECT 0.1 + 0.2", "k", "0.3,1.5,1.0e+20"),
        (ALIAS, "", None),
        (ALIAS + "\nresult_format = <%s> %u %d %U", "a@example.test", "<x@example.test> x example.test a,<y@example.test> y example.test a"),
        (ALIAS + "; DROP TABLE alias", "o'brien@example.test", "ob"),
        (ALIAS + "\ndomain = example.org, Example.TEST", "o'brien@example.test", "ob"),
        (ALIAS + "\ndomain = example.org", "o'brien@example.test", None),
        (ALIAS + "\ndomain = !example.test, example.test", "o'brien@example.test", None),
        (ALIAS + "\ndomain = inline:{example.test=1}", "o'brien@example.test", "ob"),
        ("dbpath = mail.db\nquery = SELECT goto\n# a comment\n  FROM alias WHERE address = '%u@%d'", "o'brien@example.test", "ob"),
        ("dbpath=mail.db\ntable=alias\nselect_field=goto\nwhere_field=address\nadditional_conditions = AND 1=1", "o'brien@example.test", "ob"),
        ("dbpath = mail.db\nquery = SELECT value FROM number WHERE key = '%s'", "n", "5"),
    ],
)
def test_rows_become_the_value(folder: Path, settings: str, key: str, value: str | None) -> None:
    assert look_up(folder, settings, key) == value


@pytest.mark.parametrize(
    ("query", "key", "expanded"),
    [
        ("%s|%u|%d|%S|%U|%D|%%", "a@b.c", "a@b.c|a|b.c|a@b.c|a|b.c|%"),
        ("%s|%u", "user", "user|user"),
        ("%d", "user", None),
        ("%d", "user@", None),
        ("%u", "@b.c", None),
        ("%1 %2", "x@b.c", "c b"),
        ("%3", "x@b.c", None),
        ("%2", "x@a..b", "a"),
        ("%d", "a@b@c", "c"),
        ("plain", "", None),
    ],
)
def test_letters_of_a_query_are_parts_of_the_key(query: str, key: str, expanded: str | None) -> None:
    assert Templates(query, "%s").expand_query(key, str) == expanded


@pytest.mark.parametrize(
    ("result", "value", "expanded"),
    [
        ("%s", "v", "v"),
        ("%s", "", None),
        ("%d", "v", None),
        ("%u at %d", "v@w", "v at w"),
        ("%u", "@w", None),
        ("%U|%D|%S|%1", "v", "user|host.test|user@host.test|test"),
    ],
)
def test_letters_of_a_result_are_parts_of_value_and_key(result: str, value: str, expanded: str | None) -> None:
    assert Templates("%s", result).expand_result(value, "user@host.test") == expanded


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("query = SELECT 1", "1: dbpath is missing"),
        ("dbpath = mail.db", "1: neither query nor table is set"),
        ("dbpath = mail.db\nquery = LIKE '%x'", "2: query: there is no %x"),
        ("dbpath = mail.db\nquery = SELECT 1\nresult_format = 5%", "3: result_format: there is no %"),
        ("dbpath = mail.db\nquery = SELECT 1\nexpansion_limit = few", "3: expansion_limit: 'few' is no number"),
        ("dbpath = mail.db\nquery = SELECT 1\ndomain = /etc/domains", "3: domain: a list of domains in a file"),
        ("dbpath", "1: missing '='"),
        (" dbpath = mail.db", "1: a logical line must not start"),
        ("dbpath = mail.db\nquery = SELEKT", 'mail.db: near "SELEKT": syntax error'),
        ("dbpath = gone.db\nquery = SELECT '%s'", "gone.db: No such file"),
        ("dbpath = mail.db\nquery = SELECT goto FROM alias\nexpansion_limit = 2", "table.cf: more than 2 results"),
        ("dbpath = mail.db\nquery = DELETE FROM alias", "mail.db: attempt to write a readonly database"),
    ],
)
def test_fault_is_trouble_and_names_its_place(folder: Path, settings: str, fault: str) -> None:
    with pytest.raises(TableTrouble, match=fault):
        look_up(folder, settings, "a@example.test")


def test_changed_database_file_and_changed_settings_are_used(folder: Path) -> None:
    (folder / "table.cf").write_text(ALIAS)
    tables = Tables(lambda _: None, folder)
    table = tables.open("sqlite:table.cf")

    async def ask() -> str | None:
        found = await table.lookup("b@example.test")
        return found.value if found else None

    assert asyncio.run(ask()) is None
    make_database(folder / "new.db", CONTENT.replace("'a@example.test', 'y", "'b@example.test', 'y"))
    os.replace(folder / "new.db", folder / "mail.db")
    assert asyncio.run(ask()) == "y@example.test"


def test_what_was_derived_from_a_database_is_good_for_a_second(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    (folder / "table.cf").write_text(ALIAS)
    table = Tables(lambda _: None, folder, clock=lambda: now).open("sqlite:table.cf")
    first = table.version()
    assert table.version() == first
    now += 1
    assert table.version() > first


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("db.test", {"host": "db.test"}),
        ("db.test:5433", {"host": "db.test", "port": "5433"}),
        ("inet:db.test:5433", {"host": "db.test", "port": "5433"}),
        ("inet:[2001:db8::1]:5433", {"host": "2001:db8::1", "port": "5433"}),
        ("unix:/run/postgresql", {"host": "/run/postgresql"}),
        ("/run/postgresql", {"host": "/run/postgresql"}),
    ],
)
def test_host_of_a_postgresql_table_becomes_a_connection(host: str, expected: dict[str, str]) -> None:
    made = parameters(host, {"user": "u", "password": "p", "dbname": "d"})
    assert {key: made[key] for key in ("host", "port", "user", "password", "dbname") if key in made} == {
        "user": "u",
        "password": "p",
        "dbname": "d",
        **expected,
    }


def test_uri_of_a_postgresql_table_says_everything_itself() -> None:
    made = parameters("postgresql://u:p@db.test/d", {"user": "other"})
    assert made["conninfo"] == "postgresql://u:p@db.test/d"
    assert "user" not in made


def test_server_that_cannot_be_reached_is_trouble_without_the_password(tmp_path: Path) -> None:
    (tmp_path / "pg.cf").write_text("hosts = unix:/nowhere, postgresql://u:geheim@/d?host=/nowhere\npassword = secret\nquery = SELECT '%s'\n")
    with pytest.raises(TableTrouble, match=r"no server can be reached: .*/nowhere") as trouble:
        asyncio.run(Tables(lambda _: None, tmp_path).open("pgsql:pg.cf").lookup("key"))
    assert "secret" not in str(trouble.value)
    assert "geheim" not in str(trouble.value)
