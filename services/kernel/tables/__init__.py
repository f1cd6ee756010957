"""Lookup tables in Postfix's own text formats, read as they are; the reference is what ``postmap -q`` of Postfix 3.10 answers.

Holds the parsers of the table types, the lookup with its source line, and the reload of a changed file. Refuses what a key
means: which keys are tried, in what order, and what a value says belongs to ``routing`` and to whoever asks. A table says of itself
whether it is a pattern table (``is_pattern``), which sees whole keys only.

A table is used whole or not at all. A changed file is looked at within half a second; one with an error, which is any line that
Postfix would leave out with a warning, keeps the table in use, and the fault is told once through ``on_trouble``. A table that never was
without errors raises ``TableTrouble`` on lookup: trouble is temporary and never "not found". Only ``malle map query`` leaves
lines out, to answer what Postfix would.

====================================  ==========================================================================================
``lookup`` ``flaws``                  the contract; what can be wrong with a line
``source``                            the followed file: loaded by a thread when it is large
``lines`` ``braces`` ``index``        Postfix's logical lines, its braces, and a compact index for large files
``text``                              ``hash texthash lmdb btree dbm cdb sdbm``: the source text that postmap would be given
``rules`` ``patterns`` ``substitution``   ``regexp pcre``: the frame, the patterns, the text with ``$1``
``posix`` ``pcre2``                   the engines behind them: the C library and libpcre2 themselves, so that they match as Postfix's do
``cidr`` ``networks``                 ``cidr``
``constant`` ``written``              ``static inline fail``, and ``regexp:{...} pcre:{...} cidr:{...}``
``composite``                         ``unionmap pipemap``
``aliases``                           files in the format of aliases(5), which have the type of a text table but another form
``sql`` ``sqlsettings`` ``sqltemplate``  ``sqlite pgsql``: their files, the ``%s`` in a query, and asking in threads
``sqlite`` ``pgsql``                  the two kinds of databases
``collection``                        opens a table by its ``type:name``
``check`` ``shadows``                 what is wrong with a table, line by line
====================================  ==========================================================================================

Keys and values are UTF-8; a key that is not is in no table (Postfix dict_utf8(3)). Patterns match bytes, as Postfix's do.
"""
