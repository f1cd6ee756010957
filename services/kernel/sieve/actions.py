"""What a script decided: values for whoever delivers, who carries them out in order.

``head`` in each action that stores or sends is the whole header section to use instead of the message's own, with CRLF and the empty line that
ends it, or ``None`` when no script edited it (RFC 5293). Every address has been checked for syntax; every mailbox name is valid UTF-8 without
control characters, as the user wrote it, in IMAP's notation with the hierarchy separator that the site uses.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Store:
    """A copy of what is sent, to be kept as well (RFC 8580). ``folder`` as in ``FileInto``."""

    folder: str
    flags: tuple[str, ...] = ()
    create: bool = False
    special_use: str = ""


@dataclass(frozen=True, slots=True)
class Keep:
    """Store in INBOX. ``flags`` are IMAP system flags and keywords (RFC 5232). ``is_implicit``: nobody asked for it."""

    flags: tuple[str, ...] = ()
    is_implicit: bool = False
    head: bytes | None = None


@dataclass(frozen=True, slots=True)
class FileInto:
    """Store in ``folder`` (RFC 5228 section 4.1).

    ``create``: make it when it is missing (RFC 5490). Otherwise, and when it cannot be made, the message goes to INBOX and the failure is told.
    ``special_use`` (RFC 8579), such as ``\\\\Junk``: when the user has a mailbox with this attribute, that one instead of ``folder``; when not,
    ``folder``, and with ``create`` the new mailbox gets the attribute.
    """

    folder: str
    flags: tuple[str, ...] = ()
    create: bool = False
    copy: bool = False
    special_use: str = ""
    head: bytes | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send on, the envelope sender unchanged (RFC 5228 section 4.2).

    ``notify`` and ``ret`` are NOTIFY and RET of RFC 3461 as RFC 6009 gives them (empty: not said).
    """

    address: str
    copy: bool = False
    notify: str = ""
    ret: str = ""
    head: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse with ``reason`` (RFC 5429), which may have several lines.

    ``is_ereject``: in the protocol and never by a message of its own. What earlier scripts of the site asked for may stand beside it, such as
    a copy for an archive, and is done; an answer or a keep never does.
    """

    reason: str
    is_ereject: bool = False


@dataclass(frozen=True, slots=True)
class Vacation:
    """Answer the sender (RFC 5230), unless ``handle`` says that he had one within ``seconds``.

    All of section 4.5 and 4.6 that can be told from message and envelope is decided: ``recipient`` is whom to answer, a valid address,
    never empty, a list or a machine. ``sender`` is the From of the answer, with a name where
    the script gives one, or the address that the message was written to; ``subject`` is never empty.
    ``to`` is what To says: ``recipient`` with the name that the message gives beside it; ``addressee`` the user's address that it was written to.
    ``handle`` is to be remembered with ``recipient``; it fits in 64 characters. With ``is_mime``, ``reason`` is a MIME entity with its
    header; otherwise text. ``seconds`` is within the limits; 0 answers each message.
    """

    reason: str
    subject: str
    recipient: str
    sender: str = ""
    handle: str = ""
    seconds: int = 604_800
    is_mime: bool = False
    message_id: str = ""
    references: str = ""
    addressee: str = ""
    to: str = ""
    fcc: Store | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """Send a notification (RFC 5435) by mail (RFC 5436).

    ``recipients`` and ``copies`` are the addresses of the ``mailto:`` URI, ``hidden`` those that nobody else is to see; ``fields`` what else it sets
    and may (section 2.7), as (name, value); ``body`` its own. ``importance`` is 1 (urgent), 2 or 3. ``message`` is what the script gave, or empty:
    then a summary with From and Subject. ``sender`` is ``:from``, empty for the user's own address.
    """

    recipients: tuple[str, ...]
    copies: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    body: str = ""
    message: str = ""
    importance: int = 2
    sender: str = ""
    options: tuple[str, ...] = ()
    method: str = ""
    fcc: Store | None = None
    hidden: tuple[str, ...] = ()

    @property
    def all_recipients(self) -> tuple[str, ...]:
        """To whom it goes."""
        return (*self.recipients, *self.copies, *self.hidden)


@dataclass(frozen=True, slots=True)
class Discard:
    """Drop silently (RFC 5228 section 4.4): told for the log, there is nothing to do. Beside other actions it only means that INBOX gets no copy."""


Action = Keep | FileInto | Redirect | Reject | Vacation | Notify | Discard
"""In a ``Result`` no two do the same: a second keep, a fileinto of the same mailbox or a redirect to the same address is dropped."""
