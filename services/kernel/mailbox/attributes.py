"""Annotations of folders and of the mailbox as a whole (RFC 5464, special uses of RFC 6154): small values that people and programs attach.

They are no cache, so they lie in a file of their own beside the messages, which moves with the folder and goes with it: ``malleposte.attributes`` in
each folder that has any, ``malleposte.server-attributes`` in the Maildir for the mailbox as a whole. A file is a JSON object of entry names with
their values in base64, written whole or not at all. ``/private/...`` is the owner's, ``/shared/...`` everybody's; another user's private ones
have the address in front, ``bob@example.test:/private/...``.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import eq
from pathlib import Path

import msgspec

from services.kernel.mailbox.trouble import AnnotationTooLarge, MailboxTrouble, TooManyAnnotations

NAME = "malleposte.attributes"
SERVER_NAME = "malleposte.server-attributes"
VALUE_BYTES = 65_536
"""RFC 5464 section 4.3 asks for 1,024 octets at least; a signature with a picture has some ten thousand."""
ENTRIES = 100
"""Of the owner and for all in one file, which is read as a whole, and as many of all other users together."""
TOTAL_BYTES = 1 << 20
"""Of the values of each of the two."""
READER_ENTRIES = 10
"""Of one other user, whom the folder is shared with."""
READER_BYTES = 131_072
"""Of his values."""
SPECIAL_USE = "/private/specialuse"
"""RFC 6154 section 4."""

_DECODER = msgspec.json.Decoder(dict[str, bytes])


def read(path: Path) -> dict[str, bytes]:
    """The annotations in a file, by entry; none when it is missing. Raises ``MailboxTrouble`` for a damaged one, ``OSError``."""
    try:
        return _DECODER.decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise MailboxTrouble(f"{path}: {error}") from None


def changed(before: Mapping[str, bytes], changes: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """The annotations after a change, in which ``None`` takes an entry away. Raises ``AnnotationTooLarge``, ``TooManyAnnotations``."""
    if any(value is not None and len(value) > VALUE_BYTES for value in changes.values()):
        raise AnnotationTooLarge(f"an annotation has room for {VALUE_BYTES} bytes")
    after = {key: value for key, value in {**before, **changes}.items() if value is not None}
    _check_room(before, after, lambda reader: not reader, ENTRIES, TOTAL_BYTES)
    _check_room(before, after, bool, ENTRIES, TOTAL_BYTES)
    for one in {_reader(key) for key in changes} - {""}:
        _check_room(before, after, partial(eq, one), READER_ENTRIES, READER_BYTES)
    return after


def _check_room(
    before: Mapping[str, bytes], after: Mapping[str, bytes], counts: Callable[[str], bool], most_entries: int, most_bytes: int
) -> None:
    """What is there may stay and shrink, though it be more. ``counts`` tells of a reader, empty for the owner, whether his are limited here."""
    old, new = ({key: len(value) for key, value in kept.items() if counts(_reader(key))} for kept in (before, after))
    is_growing = not new.keys() <= old.keys()
    if (is_growing and len(new) > most_entries) or sum(new.values()) > max(most_bytes, sum(old.values())):
        raise TooManyAnnotations("there is no room for another annotation")


def _reader(key: str) -> str:
    """Whose an entry is, if not the owner's or everybody's."""
    return "" if key.startswith("/") else key.partition(":/private/")[0]


def form(annotations: Mapping[str, bytes]) -> str:
    """What ``read`` reads."""
    return msgspec.json.encode(dict(sorted(annotations.items()))).decode()


def of_reader(kept: Mapping[str, bytes], who: str) -> dict[str, bytes]:
    """What ``who``, not the owner, has attached for himself and finds attached for all, under the names that he knows."""
    own = {key.removeprefix(f"{who}:"): value for key, value in kept.items() if key.startswith(f"{who}:/private/")}
    return own | {key: value for key, value in kept.items() if key.startswith("/shared/")}


def by_reader(changes: Mapping[str, bytes | None], who: str) -> dict[str, bytes | None]:
    """The entries that changes by ``who``, not the owner, mean."""
    return {f"{who}:{key}" if key.startswith("/private/") else key: value for key, value in changes.items()}
