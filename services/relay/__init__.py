"""relay: the only speaker of outgoing SMTP and LMTP.

Owns outgoing connections. qmgr asks over the delivery hop: this queued message, to these recipients, at this next hop; relay resolves the next
hop, speaks to its servers, streams the content out of the queue file, and answers one outcome for each recipient. It never writes to the queue.

::

    request -> delivery -> a kept connection of the next hop? -> transfer: fits? MAIL RCPT DATA, content -> outcomes
                  |                                                  ^
                  `-> hosts: MX, addresses, loop cut -> lines: TLS policy, login, source -> pool: connect, EHLO, STARTTLS, AUTH

The transport that a request names says how servers are spoken to (``carriers``); one that there is not defers. A next hop has places that are
tried in order within one attempt, and behind them the transport's fallback. A login is found by the very place that is tried (``logins``), and mail
of two logins or from two addresses of ours never shares a connection.

A recipient is open until it has an outcome. After each server ``attempt`` asks ``trouble``, which alone decides between the next host, later, and
never; what is still open when no host is left gets the outcome of its last trouble.

A probe goes the same way, over the same connections, and ends with RSET after RCPT. What is refused for the probe's sender says nothing of the
recipient and counts as not found out; everything else is judged as for a message.

For the operator ``trial`` goes the way to a server step by step and tells of each, and ``inspection`` says what would be done, both by what decides
for deliveries.

Refuses routing, retries, and memory of a destination: concurrency, backoff and dead sites are qmgr's. A restart forgets nothing but open
connections.

What goes wrong:

* An unknown trouble defers. A defect of ours defers the one request and is told as an event.
* The final dot was sent and the answer is lost: the message may have been taken. It is deferred without another host, so a duplicate is possible and
  a loss is not. Where TCP shows that the end was never read, the next host is tried.
* qmgr is gone: its requests are cancelled, and their connections, in an unknown state, are closed. qmgr asks again.
* Stopping: what is under way is finished within ``GRACE_SECONDS``; requests that come meanwhile stay unanswered until the hop closes, which tells
  qmgr to ask again at once, without a mark against the destination.

``policies`` decides for each server what TLS must prove: the operator's tables (``policy_table``) and options (``policy_words``), TLSA records
(``dane``), MTA-STS (``sts``, ``sts_policy``, ``https``). A server that does not prove it gets no mail, which waits; nothing is said in clear text
instead. Connections are kept by policy, so what one policy let in is never used by another.

``parcel`` is the content as the transport and the server want it: as it lies in the queue, which costs nothing; with other addresses in its head
(``generic``); made 7-bit for a server without 8BITMIME, or bounced with 5.6.3. What was said to a server that did not take all goes back to qmgr.
"""
