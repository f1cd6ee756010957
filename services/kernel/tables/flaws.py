"""What is wrong with a line of a table."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.kernel.tables.lookup import TableTrouble

ORPHAN = "a logical line must not start with white space"
NOT_UTF8 = "not UTF-8"


@dataclass(frozen=True, slots=True)
class Flaw:
    """``is_error``: Postfix would leave the line out with a warning, here the table is refused. Else the line works, but hardly as meant."""

    line: int
    text: str
    is_error: bool = True

    def describe(self, name: str) -> str:
        """The flaw with its place, in one line."""
        return f"{name}:{self.line}: {self.text}"


def refuse(name: str, flaws: Iterable[Flaw]) -> None:
    """Raise ``TableTrouble`` for the first error among the flaws of the table ``name``."""
    for flaw in flaws:
        if flaw.is_error:
            raise TableTrouble(flaw.describe(name))
