"""The catalogue of a mailbox: what SEARCH and SORT want to know of messages, without opening their files.

Holds, for each user, ``malleposte.catalog`` beside the index: columns of header facts (``records.Heading``) and the words of each message with
an index over them (``records.Words``). Refuses to read a message or to fold a text: callers say what a message holds, all texts in the form
in which they are compared. It is a cache. What it does not know, the caller finds in the message and gives to ``Shelf.keep``; a catalogue
that is damaged, of another version, or made for an index that is no more, is begun anew. It is a file of its own, so that filling it
never makes a delivery wait.

A message is known by its shelf and its UID. A shelf belongs to the number of a folder in the index, so that a folder may be renamed, and to its
UIDVALIDITY; the catalogue remembers to which index these numbers belong. Messages never change, so a row is written once, and removed
when the message, or its folder, is gone.

The index over words is SQLite's FTS5 with the trigram tokenizer. IMAP asks for parts of words, in any script (RFC 9051 section 6.4.4), so an index of
words (Xapian, Lucene, FTS5's own tokenizers) would give other answers than a scan, and none for ``@example`` or for a language that does not
separate words. Every text that holds ABCD holds ABC and BCD: the index gives the messages with all of these (``detail=none``: no places are
kept), and a look at the words themselves, which are kept compressed, leaves those with ABCD. So answers are exact, whatever the tokenizer
does. Both together take about as much as the text; an index with places takes three times that, and needs the words all the same to take
a message out again. Texts of one or two characters, which a trigram begins, are found by the list of trigrams. Of each message at most
``records.MOST_CHARACTERS`` are kept; in a longer one, what is not found there is for the caller to look for.

Reads and writes are short: a few messages at a time, so that processes and threads that share the catalogue do not wait for each other.
"""
