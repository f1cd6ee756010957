"""A mailbox as the directory knows it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """``address`` is folded and without extension. Quotas of 0 mean none. ``created`` is seconds since the epoch.

    One that is not ``enabled`` can neither sign in nor get mail (RFC 3463 5.2.1). An empty ``password_hash`` allows no login.
    """

    address: str
    password_hash: str = field(repr=False)
    quota_bytes: int = 0
    quota_messages: int = 0
    enabled: bool = True
    created: float = 0.0
