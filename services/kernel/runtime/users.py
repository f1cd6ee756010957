"""Users by name and number, and which of them no command of the operator's may be."""

import grp
import pwd
from dataclasses import dataclass

PROGRAMS_IDS = range(5001, 5200)
"""Users and groups of the site's programs and volumes (images/skeleton.sh): what runs under one of them reads what is theirs."""


class UserRefused(Exception):
    """No command runs as this user here; the message says why."""


class UnknownUser(UserRefused):
    """This container has no user or group of that name."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and a group, by number."""

    user: int
    group: int


def look_up(text: str) -> Identity:
    """Read ``user`` or ``user:group``, names or numbers. Raises ``UnknownUser``."""
    name, _, group_name = text.partition(":")
    user, group = _user(name)
    return Identity(user, _group(group_name) if group_name else group)


def resolve(text: str) -> Identity:
    """The same for one that a command may run as. Raises ``UserRefused``."""
    identity = look_up(text)
    if identity.user == 0 or identity.group == 0:
        raise UserRefused(f"user {text}: no command runs as root")
    if identity.user in PROGRAMS_IDS or identity.group in PROGRAMS_IDS:
        raise UserRefused(f"user {text}: no command runs as a user of the site's own programs")
    return identity


def _user(name: str) -> tuple[int, int]:
    try:
        entry = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        if name.isdecimal():
            return int(name), int(name)
        raise UnknownUser(f"user {name}: no such user in this container; give its number") from None
    return entry.pw_uid, entry.pw_gid


def _group(name: str) -> int:
    if name.isdecimal():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise UnknownUser(f"group {name}: no such group in this container; give its number") from None
