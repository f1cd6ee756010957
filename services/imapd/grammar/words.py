"""Mailbox names and STATUS items, which several commands take."""

import re

from services.imapd.grammar.requests import StatusItem
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.kernel.mailbox import names

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class BadMailbox(Exception):
    """The mailbox name is well-formed as an argument, but no name can be like that (``[CANNOT]``, RFC 5530)."""


def mailbox(scanner: Scanner) -> str:
    """Read a mailbox name. Raises ``BadMailbox``."""
    return mailbox_name(scanner.astring(), has_utf8=scanner.has_utf8)


def mailbox_name(text: bytes, *, has_utf8: bool) -> str:
    """Return the name that ``text`` spells, in UTF-8 or modified UTF-7. Raises ``BadMailbox``."""
    try:
        name = text.decode() if has_utf8 else names.decode(text.decode("ascii"))
    except ValueError:
        raise BadMailbox(f"Mailbox name is not {'UTF-8' if has_utf8 else 'modified UTF-7'}") from None
    if _CONTROL.search(name):
        raise BadMailbox("Mailbox name holds a control character")
    return name


def status_items(scanner: Scanner) -> tuple[StatusItem, ...]:
    """Read a list of what STATUS shall tell."""
    scanner.expect(b"(")
    items = [_status_item(scanner)]
    while scanner.skip(b" "):
        items.append(_status_item(scanner))
    scanner.expect(b")")
    return tuple(dict.fromkeys(items))


def _status_item(scanner: Scanner) -> StatusItem:
    try:
        return StatusItem(scanner.word().decode())
    except ValueError:
        raise BadSyntax("Unknown status item") from None
