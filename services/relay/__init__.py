"""relay: the only speaker of outgoing SMTP and LMTP.

Owns outgoing connections. qmgr asks over the delivery hop: this queued message, to these recipients, at this next hop; relay resolves the next
hop, speaks to its servers, streams the content out of the queue file, and answers one outcome for each recipient. It never writes to the queue.

::

    request -> delivery -> a kept connection of the next hop? -> transfer: fits? MAIL RCPT DATA, content -> outcomes
                  |                                                  ^
                  `-> hosts: MX, addresses, loop cut -> pool: connect, EHLO, STARTTLS

A recipient is open until it has an outcome. After each server ``attempt`` asks ``trouble``, which alone decides between the next host, later, and
never; what is still open when no host is left gets the outcome of its last trouble.

Refuses routing, retries, and memory of a destination: concurrency, backoff and dead sites are qmgr's. A restart forgets nothing but open
connections.

What goes wrong:

* An unknown trouble defers. A defect of ours defers the one request and is told as an event.
* The final dot was sent and the answer is lost: the message may have been taken. It is deferred without another host, so a duplicate is possible and
  a loss is not.
* qmgr is gone: its requests are cancelled, and their connections, in an unknown state, are closed. qmgr asks again.
* Stopping: what is under way is finished within ``GRACE_SECONDS``; requests that come meanwhile stay unanswered until the hop closes, which tells
  qmgr to ask again at once, without a mark against the destination.

TLS is opportunistic: no certificate is verified (``may``, ``encrypt``), and the outcome says ``unverified``. SASL to a smarthost, verified TLS, BDAT
and conversion for servers without 8BITMIME do not exist yet.
"""
