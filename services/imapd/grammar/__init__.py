"""The language of IMAP4rev1 without I/O: bytes in, requests out, and the words of replies.

``framing`` cuts the stream into commands and offers literals; ``parser`` (with ``scanner``, ``fetch``, ``search``, ``listing``, ``sequence``,
``dates``) turns a command into one of the frozen ``requests``; ``responses`` writes what a server says. Nothing here knows a session, a
folder or a clock.

Hostile input costs bounded time and memory: a line, a literal, the nesting of search keys and the number of items are limited, each
text is read once from left to right, and what is over a limit is passed over while it comes in. What cannot be read is answered; framing
goes on behind it.
"""
