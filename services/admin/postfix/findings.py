"""What became of each thing that stands in a Postfix configuration."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """``UNKNOWN`` is a name that is neither Postfix's nor referred to: a misspelling, most often; it counts as not supported."""

    TRANSLATED = "translated"
    UNNEEDED = "not needed"
    UNSUPPORTED = "not supported"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One parameter, restriction or entry with its place; ``text`` is the settings it became, or the reason."""

    file: str
    line: int
    name: str
    verdict: Verdict
    text: str

    def __str__(self) -> str:
        """``main.cf:12 relayhost: translated: routing.relayhost``."""
        return f"{self.place} {self.name}: {self.verdict}: {self.text}"

    @property
    def place(self) -> str:
        """File and line; of what is not set the file alone."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a translation says of one value; its place is the caller's to know."""

    verdict: Verdict
    text: str


def unneeded(why: str) -> Outcome:
    """Nothing is to be done."""
    return Outcome(Verdict.UNNEEDED, why)


def unsupported(why: str) -> Outcome:
    """It cannot be had."""
    return Outcome(Verdict.UNSUPPORTED, why)


def translated(*what: str) -> Outcome:
    """It became these settings, or what else is said."""
    return Outcome(Verdict.TRANSLATED, ", ".join(what))
