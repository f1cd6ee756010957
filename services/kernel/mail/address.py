"""Mail addresses as values: splitting, folding and the recipient delimiter.

The strict RFC 5321 path parser for what a stranger sends is in ``path.py``; this module takes addresses that
have already passed it.
"""


def split(address: str) -> tuple[str, str]:
    """Return ``(local part, domain)``; the domain is empty when there is none. Quoted local parts may hold ``@``."""
    local, at, domain = address.rpartition("@")
    return (local, domain) if at else (address, "")


def fold(address: str) -> str:
    """Return the form under which an address is compared here: all of it in lower case."""
    return address.lower()


def is_routed(local: str) -> bool:
    """Tell whether a local part may be an address of its own: ``user%domain``, ``domain!user``, ``"user@domain"`` (RFC 1123 section 5.2.16)."""
    return "%" in local or "!" in local or "@" in local


def split_extension(local: str, delimiter: str) -> tuple[str, str]:
    """Split ``user+ext`` into ``(user, ext)`` at the first of the characters of ``delimiter``; Postfix ``recipient_delimiter``.

    The local parts that must stay whole, as in Postfix: one that begins with a delimiter, ``owner-x`` and
    ``x-request`` when ``-`` is one, and the mailbox names ``postmaster``, ``mailer-daemon`` and ``double-bounce``.
    """
    first = min((place for place in map(local.find, delimiter) if place >= 0), default=-1)
    if first <= 0 or local.lower() in ("postmaster", "mailer-daemon", "double-bounce"):
        return local, ""
    if "-" in delimiter and (local.lower().startswith("owner-") or local.lower().endswith("-request")):
        return local, ""
    return local[:first], local[first + 1 :]
