"""The queue store: one file a message, states that are directories.

Holds the format of a queue file (``format``), the way in (``intake``: durable before it returns), qmgr's side (``store``: moves, marks,
recovery; ``history``: what was tried), relay's side (``reader``: content only) and the calls to the disk that they make (``disk``, so that
tests can break it). Refuses schedule, routing and reports: it stores what it is told. Nothing outside this package knows a path.

A file is written once: version line, one status byte a recipient, envelope, recipients, content. Later only status bytes change, each
by a ``pwrite``, so a crash can repeat a delivery and never lose one.

Who may what: smtpd, and mda for what users' rules send on, add to ``incoming``, which it cannot list; qmgr alone moves and removes, one qmgr a
volume (lock); relay reads ``active``.

A name in ``incoming`` is there before its content is whole. A file is finished when its length is what its version line says; smtpd answers
``250`` after file and name are on stable storage and only then hints. What never got finished was never promised to anyone.

Failure: no room is ``QueueFull`` and any other fault of the disk ``QueueTrouble``, both temporary for the client; a file that does not parse
is ``Corrupt`` and is put aside by qmgr, never deleted.
"""
