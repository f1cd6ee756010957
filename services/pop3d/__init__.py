"""pop3d: a mailbox's INBOX by POP3 (RFC 1939, extensions RFC 2449, 2595, 3206, 5034, 6856).

Owns the dialogue with a client and the decision which messages go away at the end. Refuses everything else about mail: messages, UIDs
and the lock are the mailbox store's, passwords the directory's.

::

    connection.py  carries out what the session says      stream.py    dot-stuffing, in pieces
    session.py     the protocol without I/O: a line in,   maildrop.py  what the session saw at sign-in: numbers, sizes, marks
                   an ``Action`` out                      mailbox.py   INBOX and the lock, behind the store's threads
    commands.py    lines into commands                    service.py   wiring

States of a session (RFC 1939 section 3):

=============  ==========================================================  ====================================================
AUTHORIZATION  no mailbox, no lock; before TLS nothing that takes a        a right password and the lock lead to TRANSACTION,
               password is offered                                         QUIT to the end
TRANSACTION    the maildrop as it was at sign-in, and the exclusive lock   QUIT leads to UPDATE; a lost connection or the
               that keeps a second POP3 session out (IMAP and delivery     inactivity limit to the end, and nothing is deleted
               go on beside it)
UPDATE         the whole line QUIT has come: marked messages are           always to the end; the answer says whether
               removed, and messages read are marked ``\\Seen``              everything marked is gone
=============  ==========================================================  ====================================================

A message goes to the client byte for byte as the store serves it, with CRLF line ends, but for the dots that RFC 1939 section 3 adds and a line end
after a last line that has none. UIDL is made of UIDVALIDITY and UID, the identity that IMAP shows, so it survives everything that UIDs survive.
UTF8 (RFC 6856) changes nothing: a header in UTF-8 goes out as it is to everybody, where the RFC would have it refused to a client that did not
ask, who then could never fetch it.

Failure: trouble in directory or store is ``-ERR [SYS/TEMP]`` and an event; the client sees no cause. Commands that come in one go
are answered in order (PIPELINING), but what was sent in the clear behind STLS is thrown away. A session never ends the process.
"""
