"""mda: the last hop. Takes mail by LMTP from relay, sorts it by the recipient's rules and stores it in mailboxes.

Owns the answer for each recipient (RFC 2033 section 4.2), the fields of final delivery on top of the message, and the promise that ``250`` after
the content means "in the mailbox, on stable storage". How mail is stored is ``kernel.mailbox``, what scripts mean ``kernel.sieve``. Refuses
bounces: who sent the message hears of a refusal from qmgr. There is no authentication: the port is for the site's own network only.

A message's way: MAIL brings the trace with the private parameter ``XTRACE=<trace>/<queue id>``; RCPT asks the directory, ``user+extension`` is
``user``; the content is held in memory or, when large, in an unnamed file; then each recipient gets a copy, in INBOX unless his rules say
otherwise, with

* ``Return-Path`` the envelope sender (RFC 5321 section 4.4),
* ``Delivered-To`` the recipient, which also finds loops: a message that has it already is refused,
* ``X-Original-To`` what the sender wrote, from ORCPT, as Postfix's local delivery has it.

The content stays byte for byte as it came. Deliveries of many sessions are committed together (``kernel.mailbox.delivery``).

Rules are Sieve scripts: the site's before, the user's, the site's after (``rulebook``); ``sorting`` runs them and carries out what they decide, with
``filing`` (folders), ``forwarding`` (redirect), ``notices`` (vacation, notify) and ``memory`` (the past). Who has none is asked one system call.

Accounts of the format mbox have files instead (``mbox``), IMAP and POP3 not; all else is the same for them.

Mailboxes with a quota: ``quotas`` warns their owners and tells smtpd which have little room.

=========================  ========================================
unknown recipient          ``550 5.1.1``
disabled mailbox           ``550 5.2.1``
over quota                 ``552 5.2.2``, or ``452 4.2.2`` by setting
loop                       ``554 5.4.6``
refused by his rules       ``550 5.7.1``
disk full                  ``452 4.3.1``
mbox locked                ``451 4.2.0``
directory, disk, unknown   ``451 4.3.0``
=========================  ========================================

One recipient's trouble is his alone. A crash between commit and ``250`` makes a second copy, never a loss. One event loop, threads for the disk.
"""
