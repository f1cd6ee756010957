"""The hops between containers, and the events they emit.

Holds, for each hop, the messages that cross it and the client stub its caller uses: ``delivery`` (qmgr, verify -> relay; ``nexthop`` puts
a routing decision into its words), ``verdict`` (smtpd, admin -> verify), ``control`` (admin, backupmx -> qmgr), ``standby`` (admin -> backupmx),
``recipients`` and ``journey`` (backupmx -> the primary's admin), ``hint`` (smtpd, mda -> qmgr), ``room`` (mda -> smtpd), ``events`` (every
service -> admin); and ``channel``, the framed request/response connection that most of them share. Refuses everything that a
program decides: a hop says what is asked and answered, never how it is done. A hop is imported only by its two ends.
"""
