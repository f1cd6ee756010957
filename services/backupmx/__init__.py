"""backupmx: what makes a secondary MX know its primaries: it mirrors their recipients, watches them, and has mail sent on when one is back.

Owns the mirror's folder, which smtpd reads to answer for a recipient whose primary is away. For each primary of the configuration the
recipients of the domains of class ``backup`` are fetched over HTTPS, with a certificate pinned on both sides, signed by the primary, and only what
changed (``sync``). Each such domain is looked at through the way its mail takes, by a probe for its postmaster that relay makes (``watch``);
when one answers again, qmgr is asked to try what waits for it. So that a short absence between two looks is not missed, qmgr is asked
whether mail has met a primary away that is thought to be there.

Refuses to speak SMTP (relay does), to touch the queue (qmgr does), to decide about a recipient (smtpd does), and to write the directory.

Failure: nothing here is on the way of a message. Without backupmx the mirror grows old and its absences count for nothing after a while, mail
is taken and kept all the same, and qmgr tries a dead primary by its own schedule. A fetch that fails leaves what is there; the age of the mirror
is a metric, and an event tells when it is older than it should be. What a primary did not sign is never written.

Two sites may back each other up: each has its own backupmx.
"""
