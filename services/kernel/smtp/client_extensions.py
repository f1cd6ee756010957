"""What a server announces in its EHLO or LHLO reply."""

from dataclasses import dataclass

from services.kernel.mail.reply import Reply
from services.kernel.smtp.forwarding import ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions that matter to a client. ``size_bytes`` is the largest message taken, 0 for no stated limit."""

    name: str = ""
    """How the server calls itself, in lower case."""
    has_size: bool = False
    size_bytes: int = 0
    has_pipelining: bool = False
    has_8bitmime: bool = False
    has_smtputf8: bool = False
    has_dsn: bool = False
    has_starttls: bool = False
    has_xtrace: bool = False
    """Our own mda takes the trace id and queue id as MAIL parameter ``XTRACE=<trace>/<queue id>``."""
    auth: tuple[str, ...] = ()
    """The SASL mechanisms offered, in upper case."""
    xforward: frozenset[str] = frozenset()
    """The attributes of XFORWARD that we know and the server takes from us (Postfix XFORWARD_README)."""
    has_chunking: bool = False
    has_xmbox: bool = False
    """Our own mda appends to files of the site's, which the MAIL parameter ``XMBOX=<name>`` names."""


def parse(reply: Reply) -> Extensions:
    """Read a positive EHLO or LHLO reply (RFC 5321 section 4.1.1.1); keywords are case-insensitive."""
    first, *lines = reply.text.split("\n")
    words: dict[str, str] = {}
    mechanisms: list[str] = []
    for line in lines:
        keyword, _, value = line.replace("=", " ", 1).partition(" ")
        words[keyword.upper()] = value.strip()
        if keyword.upper() == "AUTH":  # old servers say it twice, the second time as ``AUTH=``
            mechanisms += value.upper().split()
    size = words.get("SIZE", "")
    return Extensions(
        name=first.partition(" ")[0].lower(),
        has_size="SIZE" in words,
        size_bytes=int(size) if size.isascii() and size.isdigit() else 0,
        has_pipelining="PIPELINING" in words,
        has_8bitmime="8BITMIME" in words,
        has_smtputf8="SMTPUTF8" in words,
        has_dsn="DSN" in words,
        has_chunking="CHUNKING" in words,
        has_starttls="STARTTLS" in words,
        auth=tuple(dict.fromkeys(mechanisms)),
        xforward=frozenset(words.get("XFORWARD", "").upper().split()).intersection(ATTRIBUTES),
        has_xtrace="XTRACE" in words,
        has_xmbox="XMBOX" in words,
    )
