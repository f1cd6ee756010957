"""Malleposte: a complete mail site made of separate containers.

The way of a message::

                         verdict         probe
                      .--> verify ------------.
                      |                       v
     world --SMTP--> smtpd --queue--> qmgr --delivery--> relay --SMTP--> world, smarthost, primary MX
     user  --587/465-^       volume    |  ^                `-----LMTP--> mda --> mailboxes --> imapd, pop3d --> user
                                       `--' bounces (DSN)                          ^ Sieve
     backup site:  smtpd -> queue -> qmgr -> relay --SMTP--> primary's smtpd;   backupmx mirrors recipients, watches, flushes
     operator:     admin (CLI `malle`, web panel) --control--> qmgr, verify, ...      every service --events--> admin

A directory here is a running program, named by the field's own word; ``kernel`` is what the programs share.
A program imports the kernel and itself, never another program: they meet only at the hops of ``kernel.wire``,
at the queue (``kernel.spool``), the mailboxes (``kernel.mailbox``) and the directory (``kernel.directory``).
"""
