"""Values as Postfix writes them (postconf(5))."""

import re

_TIME = re.compile(r"(\d+)\s*([smhdw]?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_seconds(text: str, unit: str) -> int:
    """``5d``, ``300`` in ``unit``. Raises ``ValueError``."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time")
    return int(match[1]) * _SECONDS[match[2] or unit]


def with_unit(text: str, unit: str) -> str:
    """The time with its unit. Raises ``ValueError``."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time")
    return match[1] + (match[2] or unit)


def parse_number(text: str) -> int:
    """Raises ``ValueError``."""
    if not text.strip().isdecimal():
        raise ValueError(f"{text!r} is no number")
    return int(text)


def parse_flag(text: str) -> bool:
    """``yes`` or ``no``. Raises ``ValueError``."""
    if text.lower() not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return text.lower() == "yes"
