"""Domains, mailboxes, aliases and quotas: a small SQL database that services read and ``admin`` alone writes.

Holds the schema (``schema``), the reader that every service uses (``reader``), password hashes (``passwords``), the ``directory`` section of
the configuration, and the recipients that a secondary has from its primaries (``mirror``). Refuses writing (that is ``services.admin``'s) and every
decision about a message (``routing``).

Two databases, one text of each query: SQLite through the standard library, read-only on a read-only mount, and anything else
(PostgreSQL) through SQLAlchemy in threads. Services on SQLite never import SQLAlchemy: it would cost each idle container 18 MB.

A change is seen at once: before an answer is taken from the cache, the change counter of SQLite's file is compared; PostgreSQL's
``meta.generation``, which every writing transaction adds one to, is asked for at most every ``poll_seconds``. The rollback journal is used (not
WAL, whose shared memory a read-only mount does not allow): a reader that meets a commit waits for it in a thread.

Trouble (missing file, lost server, full wait) is ``DirectoryTrouble``: temporary, never "no such user". Unknown users cost a login the same
work as known ones.
"""

from services.kernel.directory.account import Account, MailboxFormat
from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.reader import Directory
from services.kernel.directory.trouble import DirectoryTrouble

__all__ = ["Account", "Directory", "DirectorySettings", "DirectoryTrouble", "MailboxFormat"]
