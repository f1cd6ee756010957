"""The mailbox store: Maildir++ folders with an index beside them, and the user's Sieve scripts.

Holds the layout on disk, the index, delivery and append, flags, expunge, the feed of changes, quota figures, scripts and notification, for
mda, imapd and pop3d at once, which share the volume on one host (``store.MailStore`` is the way in). Refuses protocols: no IMAP
grammar, no sequence numbers, no replies; what a session may be told, and when, is imapd's.

Layout: ``<root>/<domain>/<local part>/Maildir`` is INBOX, ``Maildir/.Sent`` and ``Maildir/.Archive.2026`` are folders with names in modified
UTF-7, so that Dovecot and Courier read them. The hierarchy separator is ``.`` in IMAP too: a folder is its directory name, nothing
needs an escape, and who moves in from Dovecot's Maildir++ keeps the names. ``dovecot-keywords`` and ``subscriptions`` are theirs as well.
``malleposte.attributes`` in a folder holds its annotations (``attributes``), ``dovecot-acl`` who else may use it (``acl``). ``.malleposte.shares`` in
the root is a cache of who shares with whom (``shares``), by which others find what they may see, under names of its own (``others``).

Truth and cache. A message is a file, written once, byte for byte as delivered; its name says all that must survive:
``1763712000.M5P1Q7.mda,S=4096,W=4096,U=17:2,FS`` is size on disk, size with CRLF line ends, UID, flags and keyword letters; its mtime is
INTERNALDATE. ``malleposte.uids`` in each folder is UIDVALIDITY with two ceilings, the UIDs and modseqs that may already be given out. The
index (``malleposte.index``, SQLite) is a cache of that, rebuilt when lost or damaged: no UID changes, modseqs only grow.

States of a message, and who moves it:

====  =========================  =================================================================================
S1    ``tmp/``, no row           being written; a crash leaves litter, swept after 36 hours (maildir(5))
S2    ``new/`` or ``cur/``, no row  durable, not yet visible; a crash here is mended at the next look, with the UID of the name
S3    file and row               visible; acknowledged only from here on
S4    row, no file               expunged by someone else; the next look makes a tombstone of the row
S5    tombstone                  the UID vanished at this modseq; kept for clients that come back (RFC 7162)
====  =========================  =================================================================================

S1 to S2 is a rename, S2 to S3 a commit, both under the index's write lock; flags are a rename and a row under the same lock. A look
compares the times of ``new/`` and ``cur/`` with those in the index and reads the directory only when they differ, so files that
a stranger drops in are found. Every change takes a new modseq in its folder, and each commit touches ``malleposte.notify``, which wakes watchers.

Failure: a full disk or quota and an unknown folder have their own exceptions; anything else is ``MailboxTrouble``, temporary. Not crash-proof: a
flag change of the last seconds before a power cut (names are not synced for flags). A stranger's file that arrives in the same tick of
the kernel's clock as a change of ours (4 ms) is found only with the next change. Not for NFS: SQLite's shared memory needs one kernel.
"""
