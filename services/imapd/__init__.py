"""IMAP4rev1 and IMAP4rev2: a person's mailboxes, read and filed from any client.

Owns the protocol: the grammar (``grammar``, no I/O), what a session has been told (``view``), when a command may be given (``commands``), and
the sessions of this process. Refuses to know how mail is stored (``kernel.mailbox``), how it is made up (``kernel.mail.mime``) and who may
sign in (``kernel.directory``).

The way of a command: ``connection`` (bytes, TLS, backpressure) feeds ``grammar.framing``, whose commands ``grammar.parser`` reads; ``session`` asks
``commands`` whether and how to do it; the family's module there asks the store through ``selected`` (the open folder and its view)
and sends untagged replies as they come; last, ``selected`` tells what else happened in the folder, and the tagged reply ends it. Commands
are done one after the other, in the order they came.

States (RFC 3501 section 3)::

    not authenticated --LOGIN, AUTHENTICATE--> authenticated --SELECT, EXAMINE--> selected --CLOSE, UNSELECT--> authenticated
    any --LOGOUT, autologout, stop of the service--> BYE, also not authenticated --too many bad commands--> BYE

Failure: a bad command is answered BAD, late when it is one of many, and costs nothing else; what the store refuses is NO with the code of RFC 5530,
by the one table in ``trouble``; what it cannot do now is ``NO [UNAVAILABLE]``; a defect is ``NO [SERVERBUG]``, reported as an event, and the session
goes on. A session whose folder was deleted elsewhere ends with BYE. A client that does not read is waited for, and cut after ``stall_seconds``.

A name becomes a folder in one place, ``access``: it may be another user's, and then what can be done with it is what he allows (RFC 4314). What he
does not even show is answered as what is not there. A session that may not read its selected folder any more ends as if it were deleted.

No password crosses in the clear: LOGIN and AUTHENTICATE want TLS first, and what was sent before STARTTLS is forgotten.

What a session is told, and when, by the modes that ENABLE or a command switched on (``modes``, ``extensions``):

- EXISTS, FLAGS and FETCH of changed flags with any reply, and in IDLE (many at a time, ``idlers``); a keyword before it is first used.
- EXPUNGE never with FETCH, STORE or SEARCH (RFC 3501 section 7.4.1, RFC 2180 section 4.1): the message keeps its number, its flags are as last known,
  and what needs its file is ``NO [EXPUNGEISSUED]``, as is STORE that would tell its flags (RFC 2180 section 4.2.3); what succeeds is
  ``OK [EXPUNGEISSUED]`` (RFC 5530). With all others, the UID forms included, last of all before the tagged reply.
- CONDSTORE: each FETCH of flags has its MODSEQ, also after a silent STORE; a change of the modseq alone is told.
- QRESYNC: VANISHED in place of EXPUNGE, with the same times; what happened while the client was away is told by SELECT and UID FETCH,
  and never names a message that the session still knows. HIGHESTMODSEQ is a modseq up to which all has been told, never above.
- IMAP4rev2: nothing is recent, and changed flags come with the UID. UIDONLY: all is told by UID, and what names numbers is refused.
- NOTIFY: only what was asked for, of the selected folder and of others, at any time between commands (``interest``).

So after each reply a session knows the folder but for what must wait; ``tests/fuzz/test_imap_sessions.py`` holds every reply to that.
"""
