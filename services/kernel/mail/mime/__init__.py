"""The structure of a message: MIME parts, header fields, and what IMAP tells of them.

Holds a scanner that turns a message into a tree of parts in one pass (``structure``), the header fields (``fields``), the values of
MIME fields (``parameters``) and address lists (``addresses``), the facts of ENVELOPE (``envelope``) and the IMAP notation for all of it
(``imapform``). Refuses to decode, repair or judge: whoever reads a message gets the bytes that came in.

Nothing here fails. Mail is read as it comes: lines end in CRLF or LF, mixed as they like; a boundary that never closes ends where the
enclosing one goes on; what cannot be understood gets the default of RFC 2045 section 5.2. Sizes and line counts are given as if every line ended in
CRLF, since that is how a message leaves by IMAP and POP3. Of broken mail it tells what Dovecot and Cyrus agree on; where they do not, what
the standards say, and else what Dovecot does.

Work is bounded: a part is found by searching for boundaries, never by looking at each line, and the number and the depth of parts are limited.
"""
