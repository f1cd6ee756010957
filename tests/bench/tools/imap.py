"""IMAP commands on a whole mailbox. Words: server, user, password, messages, seconds (that the server may say nothing).

Reads names of ``WORKS``: at the first time it signs in anew, selects the mailbox if the work is not to do so, and says so; at the second it does the
work and prints the seconds from command to tagged line, of how many commands, and the bytes that came.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from tests.bench.tools.corpus import FOUND, FOUND_EVERY, Corpus
from tests.bench.tools.wire import Imap, Refused, Reply

SELECTS = 20
SINGLE = 200
"""Messages that are flagged, or appended, one command each."""


class Spent(NamedTuple):
    seconds: float
    commands: int
    size: int


Work = Callable[[Imap, int], Spent]


def total(replies: Sequence[Reply]) -> Spent:
    return Spent(sum(reply.seconds for reply in replies), len(replies), sum(reply.size for reply in replies))


def whole(command: bytes) -> Work:
    """One command on all messages."""

    def work(session: Imap, _: int) -> Spent:
        return total([session.command(command)])

    return work


def opened(session: Imap, _: int) -> Spent:
    return total([session.command(b"SELECT INBOX")])


def select(session: Imap, _: int) -> Spent:
    replies = []
    for _ in range(SELECTS):
        replies.append(session.command(b"SELECT INBOX"))
        session.command(b"UNSELECT")
    return total(replies)


def search_found(session: Imap, messages: int) -> Spent:
    reply = session.command(b"SEARCH RETURN (COUNT) BODY " + FOUND.encode())
    expected = -(-messages // FOUND_EVERY)
    if b"COUNT %d\r\n" % expected not in reply.tail:
        raise ValueError(f"{expected} messages have the word: {reply.tail!r}")
    return total([reply])


def store(session: Imap, _: int) -> Spent:
    """Set and clear a flag of all messages."""
    return total([session.command(b"STORE 1:* %bFLAGS (\\Flagged)" % sign) for sign in (b"+", b"-")])


def store_one(session: Imap, messages: int) -> Spent:
    """The same for single ones, spread over the mailbox."""
    numbers = [1 + position * messages // SINGLE for position in range(SINGLE)]
    return total([session.command(b"STORE %d %bFLAGS (\\Answered)" % (number, sign)) for sign in (b"+", b"-") for number in numbers])


def append(session: Imap, _: int) -> Spent:
    """Into a folder of their own."""
    with suppress(Refused):  # it is there
        session.command(b"CREATE Sent")
    messages = islice(Corpus(SINGLE).messages(), SINGLE)
    return total([session.command(b"APPEND Sent (\\Seen) {%d+}\r\n%b" % (len(message), message)) for message in messages])


WORKS: Mapping[str, Work] = {
    "open": opened,
    "select": select,
    "flags": whole(b"FETCH 1:* (FLAGS)"),
    "envelope": whole(b"FETCH 1:* (ENVELOPE)"),
    "bodystructure": whole(b"FETCH 1:* (BODYSTRUCTURE)"),
    "bodies": whole(b"FETCH 1:* (BODY.PEEK[])"),
    "search_found": search_found,
    "search_absent": whole(b"SEARCH RETURN (COUNT) BODY quetzalcoatl"),
    "store": store,
    "store_one": store_one,
    "append": append,
}

SELECTING = {"open", "select"}

if __name__ == "__main__":
    words = json.loads(sys.argv[1])
    while name := sys.stdin.readline().strip():
        session = Imap(words["server"], words["user"], words["password"], seconds=words["seconds"])
        if name not in SELECTING:
            session.command(b"SELECT INBOX")
        print("{}", flush=True)
        sys.stdin.readline()
        print(json.dumps(WORKS[name](session, words["messages"])._asdict()), flush=True)
        session.command(b"LOGOUT")
        session.close()
