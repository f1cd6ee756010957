"""managesieve: users' Sieve scripts, managed from their mail programs (RFC 5804).

Owns the dialogue with a client. Refuses everything about scripts but to pass them on: where they lie is ``kernel.mailbox.scripts``, what is
wrong with one ``kernel.sieve``, who may sign in ``kernel.sasl``. It reads no mail.

::

    connection.py  time limits, TLS, sign-in, one command         commands.py   words into requests, without I/O
                   after the other                                responses.py  replies and their strings
    grammar.py     lines and literals into words, without I/O     desk.py       what is done to scripts, and the reply
    service.py     wiring

States of a session: before TLS only STARTTLS, CAPABILITY, NOOP and LOGOUT do anything; after TLS AUTHENTICATE leads to a user's scripts, and
UNAUTHENTICATE back. What was sent in the clear behind STARTTLS is thrown away.

A script is compiled before it is stored or made active: all its errors come back at once, each with line and column. A literal that is too long is
read and thrown away, up to a limit, as the client sends it without asking (RFC 5804 section 1.2). A command has a time limit in all, and one for each
silence in it; who exceeds one is cut. Failure: trouble in directory or store is ``NO
(TRYLATER)`` and an event; the client sees no cause. A session never ends the process.
"""
