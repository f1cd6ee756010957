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


def split_extension(local: str, delimiter: str) -> tuple[str, str]:
    """Split ``user+ext`` into ``(user, ext)``; Postfix ``recipient_delimiter``.

    The local parts that must stay whole, as in Postfix: one that begins with the delimiter, ``owner-x`` and
    ``x-request`` when the delimiter is ``-``, and the mailbox names ``mailer-daemon`` and ``double-bounce``.
    """
    if not delimiter or local.lower() in ("mailer-daemon", "double-bounce"):
        return local, ""
    if delimiter == "-" and (local.lower().startswith("owner-") or local.lower().endswith("-request")):
        return local, ""
    base, found, extension = local.partition(delimiter)
    return (base, extension) if found and base else (local, "")
