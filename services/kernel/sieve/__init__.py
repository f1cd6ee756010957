"""The Sieve language: scripts that say what becomes of a message at delivery (RFC 5228 and its extensions).

Holds the compiler (``script.compile_script``: bytes to a ``Script``, or all errors at once with line and column), the interpreter (``running.run``:
scripts and a message to a ``Result``), the words between it and who delivers (``actions``, ``delivery``), and the limits (``limits``). Refuses
every effect: it opens no file or socket, stores and sends nothing, reads no clock and runs no regular expression but by its own engine. Whoever
delivers brings the message, the envelope, the time and a ``Site`` that answers questions about mailboxes, scripts and the past.

A script's way: ``tokens`` to ``syntax`` (commands, tests and arguments, no meaning yet) to ``checking`` (names, tags, types and ``require``, by the
signatures in ``words``) to nodes that run. What is not in ``capabilities.CAPABILITIES`` does not exist: ``require`` of it is an error.

A run, and what may be relied upon:

* Scripts run in order (site before, the user's, site after). The next one runs only while the message is still kept, explicitly or implicitly;
  a keep then counts as the last script's. ``stop`` ends its own script. What a script cancels (discard, fileinto, redirect, reject) stays so.
* ``Result.actions`` are all that is to be done, in order, the implicit keep among them as ``Keep``; each action that stores or sends carries the
  header as it was edited then. They are never none: a message that is to be dropped has a ``Discard`` alone.
* Within one script, actions may conflict; what an earlier script asked for never stands in the way of a later one.
* A failure at run time (a limit, a conflict of actions, a missing included script) is ``Result.error``. What this script asked for is dropped, what
  those before it asked for stays, the message is kept in INBOX, and no further script runs.
* Neither compiling nor running raises anything but ``SieveErrors`` from compiling, whatever the bytes; what a ``Site`` raises passes through.

Text is ``str``. What is no UTF-8 in a message reads as replacement characters; octets that a script makes (``${hex:ff}``) are surrogate escapes
until others complete them.

Work is counted in steps, never in seconds: a command, a test, a comparison and every so many octets looked at are steps. Patterns (``:matches``,
``:regex``) are matched by automata, in time proportional to pattern times text, and count as well.
"""
