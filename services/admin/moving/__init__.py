"""Mail that moves in and out of mailboxes by the operator's hand.

Owns the forms that mail comes in (``trees``: Maildir folders and archives of them; ``mbox``; ``imap``: an account elsewhere) and goes out in
(``archive``, ``mbox``). All of them become the same files of a Maildir, which ``hop`` hands to mda: how they become messages is
``kernel.mailbox.moving``. Refuses to touch a mailbox's disk.

Every import may be broken off and begun again: messages are named by where they come from, and those that are there are passed over. An
export and a backup read while mail flows: each folder as it was when its list was read, without what is expunged before its turn.
"""
