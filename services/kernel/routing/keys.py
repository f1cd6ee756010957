"""The lookup keys of an address, in Postfix's order."""

from services.kernel.mail.address import fold, split, split_extension

NO_DOMAIN = "nobody.invalid"
"""What only an entry that fits every domain can hold (RFC 6761 section 6.4)."""


def bare(address: str, delimiter: str) -> tuple[str, str]:
    """``user+ext@dom`` as ``(user@dom, "+ext")``; the second is empty without an extension."""
    local, domain = split(address)
    user = split_extension(local, delimiter)[0]
    return f"{user}@{domain}", local[len(user) :]


def unmatched_extension(address: str, key: str, delimiter: str) -> str:
    """The extension, with its delimiter, that the key which was found did not hold; none for ``@domain`` (mail_addr_find.c)."""
    base, extension = bare(address, delimiter)
    return extension if extension and key in (fold(base), fold(split(base)[0])) else ""


def address_keys(address: str, delimiter: str, *, is_own: bool = False) -> tuple[str, ...]:
    """``user+ext@dom``, ``user@dom``, in a domain of this host also ``user+ext`` and ``user``, and ``@dom``.

    This is Postfix's ``mail_addr_find``, the order of virtual(5), canonical(5), relocated(5) and all that is asked by address.
    """
    address = fold(address)
    local, domain = split(address)
    user = split_extension(local, delimiter)[0]
    names = (local, user) if is_own else ()
    return tuple(dict.fromkeys((address, f"{user}@{domain}", *names, f"@{domain}")))


def transport_keys(address: str, delimiter: str, *, covers_subdomains: bool = False) -> tuple[str, ...]:
    """``user+ext@dom``, ``user@dom``, ``dom``, ``.parent`` ... and ``*`` (transport(5), "TABLE SEARCH ORDER").

    With ``covers_subdomains`` (Postfix ``parent_domain_matches_subdomains``) the parents have no dot.
    """
    address = fold(address)
    domain = split(address)[1]
    return tuple(dict.fromkeys((address, bare(address, delimiter)[0], *domain_keys(domain, covers_subdomains=covers_subdomains), "*")))


def domain_keys(domain: str, *, covers_subdomains: bool) -> tuple[str, ...]:
    """``a.b.c`` with its parents, ``.b.c`` and ``.c``; without their dots when an entry for a parent covers its subdomains."""
    labels = domain.split(".")
    dot = "" if covers_subdomains else "."
    return (domain, *(f"{dot}{'.'.join(labels[n:])}" for n in range(1, len(labels))))
