"""The lookup keys of an address, in Postfix's order."""

from services.kernel.mail.address import fold, split, split_extension


def bare(address: str, delimiter: str) -> tuple[str, str]:
    """``user+ext@dom`` as ``(user@dom, "+ext")``; the second is empty without an extension."""
    local, domain = split(address)
    user = split_extension(local, delimiter)[0]
    return f"{user}@{domain}", local[len(user) :]


def alias_keys(address: str, delimiter: str) -> tuple[str, ...]:
    """``user+ext@dom``, ``user@dom``, ``@dom`` (virtual(5), "TABLE SEARCH ORDER")."""
    address = fold(address)
    return tuple(dict.fromkeys((address, bare(address, delimiter)[0], f"@{split(address)[1]}")))


def transport_keys(address: str, delimiter: str) -> tuple[str, ...]:
    """``user+ext@dom``, ``user@dom``, ``dom``, ``.parent`` ... and ``*`` (transport(5), "TABLE SEARCH ORDER")."""
    address = fold(address)
    domain = split(address)[1]
    return tuple(dict.fromkeys((address, bare(address, delimiter)[0], domain, *parents(domain), "*")))


def parents(domain: str) -> tuple[str, ...]:
    """``.b.c`` and ``.c`` of ``a.b.c``."""
    labels = domain.split(".")
    return tuple(f".{'.'.join(labels[n:])}" for n in range(1, len(labels)))
