"""The name of a message's file: what it says and how it is made.

``<unique>,S=<size>,W=<size as served>,U=<uid>:2,<letters>``: ``S`` and ``W`` as Dovecot and Courier write them, ``U`` ours. A name that a
stranger gave may lack any of the fields.
"""

import itertools
import os
import re
import socket
from collections.abc import Callable

import msgspec

from services.kernel.mailbox import flags

_FIELD = re.compile(r",([SWU])=([0-9]{1,15})")


class FileName(msgspec.Struct, frozen=True, gc=False):
    """A parsed name; ``None`` for a field that it lacks. ``stem`` is all before the flags: it never changes once the UID is in it."""

    stem: str
    size: int | None
    served: int | None
    uid: int | None
    bits: int


def parse(name: str) -> FileName:
    """Read a file name; never fails."""
    stem, _, info = name.partition(":")
    found = {key: int(value) for key, value in _FIELD.findall(stem)}
    return FileName(stem, found.get("S"), found.get("W"), found.get("U"), flags.from_letters(info[2:]) if info.startswith("2,") else 0)


def stem(unique: str, size: int, served: int, uid: int) -> str:
    """The name without flags of a message that came to us."""
    return f"{unique},S={size},W={served},U={uid}"


def adopt(found: FileName, size: int, served: int, uid: int) -> str:
    """The name without flags under which a stranger's file is kept: its own with our fields."""
    return f"{_FIELD.sub('', found.stem)},S={size},W={served},U={uid}"


def renumber(kept: str, unique: str, uid: int) -> str:
    """The name without flags of another link to a message: a new unique part and UID, the same sizes."""
    sizes = "".join(f",{key}={value}" for key, value in _FIELD.findall(kept) if key != "U")
    return f"{unique}{sizes},U={uid}"


def in_cur(kept: str, bits: int) -> str:
    """Where a message lies in its folder once it has, or had, flags; until then it is ``new/<stem>``."""
    return f"cur/{kept}:2,{flags.letters(bits)}"


class UniqueNames:
    """Makes names that no other process or moment makes: time, process, random number, counter and host (maildir(5)).

    In a container each start has the same process number and host, and two may fall into one moment: hence ``entropy``.
    """

    def __init__(self, clock: Callable[[], float], entropy: int) -> None:
        self._clock = clock
        self._count = itertools.count(1)
        host = socket.gethostname().replace("/", "_").replace(":", "_").replace(",", "_")
        self._tail = f"P{os.getpid()}R{entropy:x}", f".{host}"

    def make(self) -> str:
        """The next name."""
        seconds, fraction = divmod(int(self._clock() * 1_000_000), 1_000_000)
        process, host = self._tail
        return f"{seconds}.M{fraction}{process}Q{next(self._count)}{host}"
