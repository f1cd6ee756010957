"""malle map: what the tables say, and what is wrong with them."""

from pathlib import Path

import pytest

from tests.unit.admin.conftest import Malle


def test_query_prints_the_value_alone(malle: Malle, folder: Path) -> None:
    (folder / "tables/virtual").write_text("info@example.test  alice@example.test\n")
    assert malle("map", "query", "hash:virtual", "Info@example.test").out == "alice@example.test\n"
    missing = malle("map", "query", "hash:virtual", "nobody@example.test")
    assert (missing.status, missing.out, missing.err) == (1, "", "")


def test_query_of_a_dash_reads_keys_and_prints_those_that_are_found(malle: Malle, folder: Path) -> None:
    (folder / "tables/virtual").write_text("a 1\nb 2  3\n")
    done = malle("map", "query", "hash:virtual", "-", stdin="B\nmissing\n\udcff\na")
    assert (done.status, done.out, done.err) == (0, "B\t2  3\na\t1\n", "")
    assert malle("map", "query", "hash:virtual", "-", stdin="missing\n").status == 1


def test_query_of_two_dashes_asks_many_tables(malle: Malle, folder: Path) -> None:
    (folder / "tables/virtual").write_text("a 1\n")
    asked = "hash:virtual\ta\nhash:gone\ta\nnosuch:x\ta\ninline:{b=2}\tB\nhash:virtual\tc\n"
    done = malle("map", "query", "-", "-", stdin=asked)
    assert (done.status, done.out) == (0, "hash:virtual\ta\t1\ninline:{b=2}\tB\t2\n")
    assert "No such file" in done.err
    assert "no such type" in done.err


def test_query_leaves_bad_lines_out_as_postfix_does_and_says_so(malle: Malle, folder: Path) -> None:
    (folder / "tables/virtual").write_text("lonely\na 1\n")
    done = malle("map", "query", "hash:virtual", "a")
    assert (done.status, done.out, done.err) == (0, "1\n", f"malle: {folder}/tables/virtual:1: no value for 'lonely'\n")


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("nosuch:x", "table 'nosuch:x': no such type"),
        ("mysql:x", "table 'mysql:x': Postfix's type mysql is not supported"),
        ("hash:gone", "tables/gone: No such file or directory"),
        ("fail:now", "fail:now: this table always fails"),
    ],
)
@pytest.mark.parametrize("key", ["key", "-"])
def test_query_of_a_table_that_cannot_be_asked_is_one_line_and_a_status(malle: Malle, table: str, fault: str, key: str) -> None:
    done = malle("map", "query", table, key, stdin="x\ny\n")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("malle: ")
    assert fault in done.err


def test_check_names_errors_and_warnings_and_fails_for_errors_only(malle: Malle, folder: Path) -> None:
    (folder / "tables/good").write_text("a 1\nA 2\n")
    (folder / "tables/bad").write_text("/(/ x\n")
    warned = malle("map", "check", "hash:good")
    assert (warned.status, warned.out) == (0, f"{folder}/tables/good:2: warning: duplicate entry 'A'; the one in line 1 counts\n")
    failed = malle("map", "check", "hash:good", "unionmap:{static:a, pcre:bad}")
    assert failed.status == 1
    assert f"{folder}/tables/bad:1: bad pattern" in failed.out


def test_check_looks_at_all_tables_that_the_configuration_names(malle: Malle, folder: Path) -> None:
    (folder / "tables/virtual").write_text("lonely\n")
    (folder / "tables/policy").write_text("alone\n")
    with (folder / "malleposte.yaml").open("a") as file:
        file.write("routing: {virtual_alias_maps: ['hash:virtual']}\nrelay: {tls: {policy_maps: ['texthash:policy']}}\n")
    done = malle("map", "check")
    assert done.status == 1
    assert done.out == f"{folder}/tables/virtual:1: no value for 'lonely'\n{folder}/tables/policy:1: no value for 'alone'\n"
    assert "tables/policy:1: no value for 'alone'" in malle("config", "check").err
