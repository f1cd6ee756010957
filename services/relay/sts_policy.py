"""MTA-STS (RFC 8461) as text: the TXT record and the policy file. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MAX_AGE_SECONDS = 31_557_600
"""RFC 8461 section 3.2: about one year."""
_RECORD = re.compile(r"v=STSv1\s*;\s*(?:[^;]*;\s*)*?id=([A-Za-z0-9]{1,32})\s*(?:;|$)")
"""RFC 8461 section 3.1."""


class Mode(StrEnum):
    """What is done when a server does not satisfy the policy."""

    ENFORCE = "enforce"
    TESTING = "testing"
    """Mail goes as if there were no policy."""
    NONE = "none"
    """There is none any more."""


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """A policy: the MX hosts that the domain has, and how long this may be believed, in seconds."""

    mode: Mode
    patterns: tuple[str, ...]
    max_age: int

    def allows(self, host: str) -> bool:
        """Whether an MX host is one of the domain's (RFC 8461 section 4.1): ``*`` stands for exactly one label."""
        host = host.lower().rstrip(".")
        return any(host == pattern or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:]) for pattern in self.patterns)


def parse_record(records: Iterable[str]) -> str | None:
    """The id of the policy in force; ``None`` where there is not exactly one record (RFC 8461 section 3.1)."""
    ours = [record for record in records if record.startswith("v=STSv1")]
    found = _RECORD.match(ours[0].strip()) if len(ours) == 1 else None
    return found[1] if found else None


def parse_policy(text: str) -> StsPolicy:
    """Read a policy file (RFC 8461 section 3.2). Raises ``ValueError``."""
    said: dict[str, str] = {}
    patterns: list[str] = []
    for line in re.split(r"\r?\n", text):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            continue
        if key == "mx":
            patterns.append(value.lower().rstrip("."))
        else:
            said.setdefault(key, value)  # of equal fields the first counts
    if said.get("version") != "STSv1":
        raise ValueError(f"version is {said.get('version')!r}, not STSv1")
    age = said.get("max_age", "")
    if not re.fullmatch(r"\d{1,10}", age):
        raise ValueError(f"max_age is {age!r}")
    if said.get("mode") not in set(Mode):
        raise ValueError(f"mode is {said.get('mode')!r}")
    mode = Mode(said["mode"])
    if not patterns and mode is not Mode.NONE:
        raise ValueError("there is no mx")
    return StsPolicy(mode, tuple(patterns), min(int(age), MAX_AGE_SECONDS))
