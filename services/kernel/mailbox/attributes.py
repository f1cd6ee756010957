"""Annotations of folders and of the mailbox as a whole (RFC 5464, special uses of RFC 6154): small values that people and programs attach.

They are no cache, so they lie in a file of their own beside the messages, which moves with the folder and goes with it: ``malleposte.attributes`` in
each folder that has any, ``malleposte.server-attributes`` in the Maildir for the mailbox as a whole. A file is a JSON object of entry names with
their values in base64, written whole or not at all. ``/private/...`` is the owner's, ``/shared/...`` everybody's; another user's private ones
have the address in front, ``bob@example.test:/private/...``.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from services.kernel.mailbox.trouble import AnnotationTooLarge, MailboxTrouble, TooManyAnnotations

NAME = "malleposte.attributes"
SERVER_NAME = "malleposte.server-attributes"
VALUE_BYTES = 65_536
"""RFC 5464 section 4.3 asks for 1,024 octets at least; a signature with a picture has some ten thousand."""
ENTRIES = 100
"""Of one file, which is read as a whole."""
TOTAL_BYTES = 1 << 20
"""Of one file's values."""
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
    is_growing = any(key not in before for key in after)
    if (is_growing and len(after) > ENTRIES) or sum(map(len, after.values())) > max(TOTAL_BYTES, sum(map(len, before.values()))):
        raise TooManyAnnotations("there is no room for another annotation")
    return after


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
