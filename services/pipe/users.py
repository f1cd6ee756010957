"""Who a command runs as."""

import os

from services.kernel.routing.commands import OWN_USER
from services.kernel.runtime.users import Identity, UserRefused, look_up, resolve


def identify(text: str) -> Identity | None:
    """Read ``user`` or ``user:group``, names or numbers; ``None`` for the user that this process runs as. Raises ``UserRefused``."""
    if os.geteuid() != 0:
        _refuse_others(text)
        return None
    return look_up(OWN_USER) if text in ("", OWN_USER) else resolve(text)


def _refuse_others(text: str) -> None:
    """Without the right to change users there is only one."""
    own = Identity(os.geteuid(), os.getegid())
    if text.partition(":")[0] and look_up(text) != own:
        raise UserRefused(f"user {text}: this service was started without the capabilities to change users")
