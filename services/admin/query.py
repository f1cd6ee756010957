"""Tables, asked by hand as ``postmap -q`` asks them."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from services.kernel.runtime.fault import ConfigError
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import LookupTrouble


class Query:
    """Answers go to stdout, each fault of a table once to stderr. Raises ``ConfigError`` for a table that cannot be named so."""

    def __init__(self, folder: Path) -> None:
        self._told: set[str] = set()
        self._tables = Tables(self._tell, folder, is_lenient=True)

    def print_one(self, table: str, key: str) -> bool:
        """Print the value; was there one?"""
        return asyncio.run(self._print([(table, key.encode(errors="surrogateescape"), b"")]))

    def print_many(self, table: str, lines: Iterable[bytes]) -> bool:
        """Print ``key<TAB>value`` for each line that is a key; was there one? At the first trouble this ends."""
        keys = (line.removesuffix(b"\n") for line in lines)
        return asyncio.run(self._print((table, key, key + b"\t") for key in keys))

    def print_pairs(self, lines: Iterable[bytes]) -> bool:
        """Print ``table<TAB>key<TAB>value`` for each line ``table<TAB>key``; was there one? Trouble ends that table's questions only."""
        by_table: dict[bytes, list[bytes]] = {}
        for line in lines:
            table, _, key = line.removesuffix(b"\n").partition(b"\t")
            by_table.setdefault(table, []).append(key)

        async def ask_all() -> list[bool]:
            return [await self._print_table(table, keys) for table, keys in by_table.items()]

        return any(asyncio.run(ask_all()))

    async def _print_table(self, table: bytes, keys: list[bytes]) -> bool:
        try:
            return await self._print((table.decode(), key, b"%s\t%s\t" % (table, key)) for key in keys)
        except (ConfigError, UnicodeDecodeError) as error:
            self._tell(str(error))
            return False

    async def _print(self, questions: Iterable[tuple[str, bytes, bytes]]) -> bool:
        """Each question is table, key, and what is printed in front of the value."""
        is_found, output = False, sys.stdout.buffer
        try:
            for table, key, front in questions:
                found = await self._tables.open(table).lookup(key.decode(errors="surrogateescape"))
                if found:
                    output.write(front + found.value.encode() + b"\n")
                    is_found = True
        except LookupTrouble as trouble:
            self._tell(str(trouble))
            return False
        return is_found

    def _tell(self, fault: str) -> None:
        if fault not in self._told:
            self._told.add(fault)
            print(f"malle: {fault}", file=sys.stderr)
