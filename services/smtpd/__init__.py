"""smtpd: takes mail in, from the world (``mx``) and from users (``submission``), and puts it into the queue.

Owns the conversation with the client: which sender and recipient it may name, the trace field on top of a message, and the promise that
``250`` after content means "on stable storage". Aliases are expanded here, so the queue holds final recipients.
Refuses to route, to deliver, to list or read the queue, and to keep anything of its own: a worker can die at any moment, and
what had no ``250`` was never promised.

One program, two roles by the first argument. ``mx``: no login, mail for our own domains only (``550 5.7.1``, ``550 5.1.1``).
``submission``: login under TLS first, any recipient, but only the user's own sender addresses (``553 5.7.1``); the null sender is allowed, as
read receipts need it; Message-ID and Date are added when missing (RFC 6409 section 8); the client's address is not shown in the trace field.

A recipient whose mailbox has no room for the message hears so at once, as far as mda has said (``capacity``).

Senders and recipients are rewritten by the operator's maps, copies added (``routing``). A list with an owner becomes a message of its own.

Content is kept byte for byte; one Received field goes on top of it. Only in mail of signed-in users, and only where the operator has maps for it, are
addresses in the header rewritten. A Return-Path that came along stays where it is: mda puts the true one
above it at final delivery. A message without header fields gets the empty line that ends them, so that its text stays text.

Failure: a lookup that cannot be done is ``451 4.3.0``, no room ``452 4.3.1``, a broken disk ``451 4.3.0``; refusals of the client's are 5xx.
The client hears general words, the event tells the cause. A defect ends one session with ``421`` and is told as ``trouble``.

Several workers share each port; each is one event loop. The limits on sessions are a worker's.
"""
