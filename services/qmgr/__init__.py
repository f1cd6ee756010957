"""qmgr owns the queue: it moves every message from ``incoming`` to its end and is the only one that may.

Legal states of a message, by the directory its file is in::

    S1 incoming, open      smtpd   being written; promised to nobody
    S2 incoming, whole     smtpd   promised as soon as smtpd's sync returns
    S3 active              qmgr    in memory, deliveries are planned or under way
    S4 deferred            qmgr    waits; the modification time of history/<id> is the next attempt
    S5 hold                qmgr    waits for the operator
    S6 corrupt             qmgr    does not parse; waits for the operator
    S7 gone                qmgr    every recipient is delivered, or failed and reported where a report is owed

    S1 -> S2 smtpd; S1 -> S7 smtpd (refused), qmgr (not written to for a day)
    S2 -> S3 hint or scan; S3 -> S4 -> S3 backoff; S2, S3, S4 -> S5 -> S4 operator; S2, S3, S4 -> S6 parser
    S3 -> S7 done or expired; S2, S4, S5, S6 -> S7 operator

Each move is one ``rename`` or ``unlink`` within the volume. A recipient's status byte goes pending -> delivered, or pending -> failed ->
closed; with a report owed: statuses on stable storage -> report on stable storage in S2, under a queue id that follows from message and
recipients -> status that it is made -> move. ``recovery`` repeats what was cut off before anything else may move, and finds the report made.

What is not crash-proof: a delivery whose answer or status byte is lost is repeated (kill: those under way; power loss: also those of
the last seconds, for bytes and moves of qmgr are not synced). A power loss in the same seconds can repeat a report. Never is one lost.

A message in memory, step by step: ``hints``/``admission`` load it, ``active`` asks ``routes`` and cuts it into jobs, ``schedule`` (with
``site``) says which is next, ``dispatch`` hands it to relay, ``active`` records outcomes, ``fate`` decides, ``settler`` and ``clerk``
write it down with what ``reports`` composes, ``plan`` knows when deferred mail is due; ``control`` and ``survey`` serve the operator.

Time: plans are in a steady time, so that a clock which is set makes nothing sleep or expire; ``clock`` says more. Expiry is Postfix's, after an
attempt that failed, but a step of the clock while qmgr runs adds nothing to an age. A message of the future lives from its first attempt.

Refuses: content (relay reads it), policy about clients (smtpd's), DNS and SMTP (relay's), writes to the directory.

Failure: a disk that refuses a write keeps the message in memory and the write is repeated; a file that does not parse goes to S6; lookup
trouble and a lost relay defer; a defect in handling one message puts it on hold; any other ends the process, and a new one recovers.
"""
