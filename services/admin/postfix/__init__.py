"""``malle import postfix``: a Postfix configuration becomes one of ours.

Owns the reading of main.cf and master.cf as Postfix reads them (``maincf``, ``mastercf``, ``expansion``), what each parameter becomes
(``parameters.txt``, a row a parameter; ``sites``, ``relaying``, ``receiving`` where a row is not enough), the tables and files that come
along (``lookups``) and the report (``findings``). Refuses to write: it makes a ``Draft``, and the command writes it.

Nothing is dropped in silence. Each parameter that stands in main.cf, each entry of master.cf and each ``-o`` has a finding with file and line:
translated (to which setting), not needed (why nothing is to be done here), not supported (why, and what to do instead). What is set to Postfix's own
default and is not supported is not needed. A translated value that our schema refuses is not supported, with the schema's words.

What a setting is called here is looked up in the schemas of its owners: a row whose setting does not exist is "not supported", never a broken file.
"""
