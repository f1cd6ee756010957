"""Tables as sites have them, asked with Debian's ``postmap -q`` and with ``malle map query``: the same keys get the same answers.

``tables/tables.list`` names, a line each, the file of keys and the table that is asked with them. A table that cannot be used at all is
told of on stderr by both, and has no answers.
"""

import io
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from malleposte_lab.site import Site

FOLDER = Path(__file__).parent / "tables"
CASES = [tuple(line.split("\t")) for line in (FOLDER / "tables.list").read_text().splitlines()]
POSTMAP = r"""
mkdir /tmp/postmap && cd /tmp/postmap && tar -x
for file in *.hash *.lmdb *.btree; do postmap "${file##*.}:$file"; done
while IFS="	" read -r keys table; do
    printf '== %s\n' "$table"
    postmap -q - "$table" <"$keys" || :
done <tables.list
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables with the database that some of them ask."""
    folder = tmp_path_factory.mktemp("tables")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    database = sqlite3.connect(folder / "mail.db")
    database.executescript((folder / "mail.sql").read_text())
    database.close()
    return folder


@pytest.fixture(scope="module")
def postmap(site: Site, tables: Path) -> dict[str, list[bytes]]:
    """What postmap prints for each table."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(tables, ".")
    done = site.project.execute("client", "sh", "-c", POSTMAP, stdin=packed.getvalue())
    assert done.status == 0, done.err.decode(errors="replace")
    parts = [part.partition(b"\n") for part in done.out.split(b"== ")[1:]]
    return {table.decode(): lines.removesuffix(b"\n").split(b"\n") if lines else [] for table, _, lines in parts}


@pytest.fixture(scope="module")
def malle(site: Site, tables: Path, config: Path) -> Iterator[dict[str, list[bytes]]]:
    """What malle prints for each table, in the same form."""
    added = [config / "tables" / file.name for file in tables.iterdir()]
    shutil.copytree(tables, config / "tables", dirs_exist_ok=True)
    asked = [f"{table}\t".encode() + key for keys, table in CASES for key in (tables / keys).read_bytes().removesuffix(b"\n").split(b"\n")]
    done = site.project.execute("admin", "malle", "map", "query", "-", "-", stdin=b"\n".join(asked))
    assert done.status == 0, done.err.decode(errors="replace")
    answers: dict[str, list[bytes]] = {}
    for line in done.out.removesuffix(b"\n").split(b"\n"):
        table, _, answer = line.partition(b"\t")
        answers.setdefault(table.decode(), []).append(answer)
    yield answers
    for file in added:
        file.unlink()


@pytest.mark.parametrize("table", [table for _, table in CASES])
def test_same_keys_get_the_same_answers_as_from_postmap(postmap: dict[str, list[bytes]], malle: dict[str, list[bytes]], table: str) -> None:
    assert malle.get(table, []) == postmap[table]


def test_most_tables_have_answers(postmap: dict[str, list[bytes]]) -> None:
    assert sum(len(answer) > 2 for answer in postmap.values()) >= 35
    assert sum(map(len, postmap.values())) >= 400
