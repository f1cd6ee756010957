"""IMAP4rev1: a person's mailboxes, read and filed from any client.

Owns the protocol: the grammar (``grammar``, no I/O), what a session has been told (``view``), when a command may be given (``commands``), and
the sessions of this process. Refuses to know how mail is stored (``kernel.mailbox``), how it is made up (``kernel.mail.mime``) and who may
sign in (``kernel.directory``).

The way of a command: ``connection`` (bytes, TLS, backpressure) feeds ``grammar.framing``, whose commands ``grammar.parser`` reads; ``session`` asks
``commands`` whether and how to do it; the family's module there asks the store through ``selected`` (the open folder and its view)
and sends untagged replies as they come; last, ``selected`` tells what else happened in the folder, and the tagged reply ends it. Commands
are done one after the other, in the order they came.

States (RFC 3501 section 3)::

    not authenticated --LOGIN, AUTHENTICATE--> authenticated --SELECT, EXAMINE--> selected --CLOSE, UNSELECT--> authenticated
    any --LOGOUT, autologout, too many bad commands, stop of the service--> BYE

Failure: a bad command is answered BAD and costs nothing else; what the store refuses is NO with the code of RFC 5530, by the one table in
``trouble``; what it cannot do now is ``NO [UNAVAILABLE]``; a defect is ``NO [SERVERBUG]``, reported as an event, and the session goes on. A
session whose folder was deleted elsewhere ends with BYE. A client that does not read is waited for, and cut after ``stall_seconds``.

No password crosses in the clear: LOGIN and AUTHENTICATE want TLS first, and what was sent before STARTTLS is forgotten.

Not here yet: IMAP4rev2, CONDSTORE, QRESYNC, ESEARCH. The view keeps modseqs and announces expunges with number and UID for them.
"""
