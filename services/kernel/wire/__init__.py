"""The hops between containers, and the events they emit.

Holds, for each hop, the messages that cross it and the client stub its caller uses: ``delivery`` (qmgr, verify ->
relay), ``control`` (admin -> qmgr), ``hint`` (smtpd -> qmgr), ``events`` (every service -> admin); and ``channel``, the framed
request/response connection that ``delivery`` and ``control`` share. Refuses everything that a program decides: a
hop says what is asked and answered, never how it is done. A hop is imported only by its two ends.
"""
