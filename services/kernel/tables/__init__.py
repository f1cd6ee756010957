"""Lookup tables in Postfix's own text formats, read as they are.

Holds the parsers of the table types (``hash texthash lmdb`` by their source text, ``regexp pcre cidr static inline``), the
lookup with its source line, and the reload of a changed file. Refuses what a key means: which keys are
tried, in what order, and what a value says belongs to ``routing`` and to whoever asks.

A table is used whole or not at all. A changed file is looked at within half a second; one that does not parse
keeps the table in use, and the fault is told once through ``on_trouble``. A table that never parsed raises
``TableTrouble`` on lookup: trouble is temporary and never "not found".

Module by module: ``lookup`` the contract, ``text`` key-value files, ``patterns`` regexp and pcre, ``cidr`` networks,
``source`` the followed file, ``collection`` opens a table by its ``type:name``.
"""
