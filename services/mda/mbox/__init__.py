"""mbox as the form of a mailbox: for accounts whose users open files (mutt, procmail, formail), beside the Maildirs of ``kernel.mailbox``.

``mbox`` in the account's home is INBOX, ``mail/NAME`` another folder, as Dovecot has them by ``mbox:~/mail:INBOX=~/mbox``; the words in them are
``kernel.mail.mbox``'s. ``.mbox/NAME`` on the volume is a file of the site's, for transport tables (``mbox:NAME``): its name is one of
``routing.mboxes``, nobody's rules or quota hold, and all trouble with it is temporary.

Refuses reading: imapd and pop3d refuse such an account, and no message of it is ever looked at again.

A file is locked as by Postfix's ``mailbox_delivery_lock = fcntl, dotlock``, checked (a regular file of mda's with one name), appended to and
brought to stable storage; on any trouble it is cut to its length of before, unless a program that ignores locks changed it. What waits for one file
goes in with one lock and one sync. Where somebody else has the lock, the event loop tries again each second until ``mda.mbox.lock_seconds``, and no
thread waits; few deliveries wait so, the others are ``451 4.2.0`` at once, so that a mailbox that stays locked takes no connections from others.

Not crash-proof: a crash between the write and the answer leaves a whole or a broken copy beside the one that comes with the next attempt, and the
dot lock until it is stale. The next message begins after an empty line all the same.
"""
