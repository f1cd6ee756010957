"""The header fields of final delivery."""

from services.kernel.mail.address import fold

_ORCPT_KINDS = ("rfc822", "utf-8")
"""Address types that name a mailbox (RFC 3461 section 4.2, RFC 6533 section 3)."""


def prefix(sender: str, recipient: str, original: str) -> bytes:
    """The fields that go on top of one recipient's copy, CRLF included."""
    return f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\nX-Original-To: {original}\r\n".encode()


def original_recipient(recipient: str, orcpt: str) -> str:
    """What the sender wrote: the address in a decoded ORCPT ``type;address``, else the recipient itself.

    Decoding may have brought forth line ends, which have no place in a header field.
    """
    kind, _, address = orcpt.partition(";")
    printable = "".join(character for character in address if character.isprintable())
    return printable if kind.lower() in _ORCPT_KINDS and printable else recipient


def delivered_to(head: bytes) -> frozenset[str]:
    """The folded addresses in the ``Delivered-To`` fields of a header section."""
    return _addresses(head, b"delivered-to")


def redirection(mailbox: str) -> bytes:
    """The field that a user's redirection puts on top, CRLF included, by which it knows the message when it comes back."""
    return f"X-Sieve-Redirected-From: {mailbox}\r\n".encode()


def redirected_from(head: bytes) -> frozenset[str]:
    """The folded addresses of those who redirected the message."""
    return _addresses(head, b"x-sieve-redirected-from")


def is_notification(head: bytes) -> bool:
    """Whether the message was made by rules to tell somebody of another one (RFC 5436 section 2.7.1)."""
    return b"\nauto-submitted: auto-notified" in b"\n" + head.lower()


def _addresses(head: bytes, name: bytes) -> frozenset[str]:
    lines = (b"\n" + head.lower()).split(b"\n" + name + b":")[1:]
    return frozenset(fold(line.partition(b"\r\n")[0].decode("utf-8", "replace").strip()) for line in lines)
