"""What is wrong with a script, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flaw:
    """One error; ``line`` and ``column`` count from 1, the column in characters."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class SieveErrors(ValueError):
    """A script that does not compile. ``flaws`` has at least one, in order of their place, and no more than the limit."""

    def __init__(self, flaws: tuple[Flaw, ...]) -> None:
        super().__init__("\n".join(map(str, flaws)))
        self.flaws = flaws


class RunFault(Exception):
    """A failure at run time, inside the interpreter only: it becomes ``Result.error`` with the line that was running."""
