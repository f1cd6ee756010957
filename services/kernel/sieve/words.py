"""What a command or test is made of: its signature, and the checked call that its builder gets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from services.kernel.sieve.delivery import Location
from services.kernel.sieve.flaws import Flaw
from services.kernel.sieve.limits import DEFAULT, Limits
from services.kernel.sieve.syntax import Call
from services.kernel.sieve.templates import Template
from services.kernel.sieve.tokens import Place

if TYPE_CHECKING:
    from services.kernel.sieve.machine import Machine


class Want(StrEnum):
    """The type of an argument; the value is how people are told."""

    STRING = "string"
    STRINGS = "string list"
    NUMBER = "number"


class Tests(Enum):
    """What tests follow the name."""

    NONE = 0
    ONE = 1
    LIST = 2


@dataclass(frozen=True, slots=True)
class Positional:
    """An argument without a tag. One that is optional is there when there is one argument more than the others need."""

    want: Want
    label: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """A tagged argument. Of a ``group`` one may be given. It exists only with its ``capability`` required."""

    name: str
    want: Want | None = None
    group: str = ""
    capability: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that can run."""

    place: Place
    text: str
    run: Callable[["Machine"], None]


@dataclass(frozen=True, slots=True)
class Test:
    """A test that can be asked. ``constant`` is its outcome where that is known when the script is compiled."""

    place: Place
    text: str
    holds: Callable[["Machine"], bool]
    constant: bool | None = None


@dataclass(frozen=True, slots=True)
class Include:
    """An ``include`` in a script, and where it stands."""

    place: Place
    location: Location
    name: str
    is_optional: bool


class BadCall(Exception):
    """An error in a call that its builder found; any number of flaws."""

    def __init__(self, *flaws: Flaw) -> None:
        super().__init__()
        self.flaws = flaws


@dataclass(frozen=True, slots=True)
class Value:
    """A checked argument: ``texts`` of a string or string list, or ``number``."""

    place: Place
    texts: tuple[Template, ...] = ()
    number: int = 0

    @property
    def text(self) -> Template:
        """The only string."""
        return self.texts[0]


@dataclass(slots=True)
class Tally:
    """What the calls of one script use up together: instructions of regular expressions."""

    pattern_states: int = 0


@dataclass(frozen=True, slots=True)
class Bound:
    """A call whose arguments have the right number, types and tags."""

    call: Call
    kind: str
    options: Mapping[str, Value]
    arguments: tuple[Value, ...]
    tests: tuple[Test, ...]
    block: tuple[Command, ...]
    required: frozenset[str]
    loops: tuple[str, ...] = ()
    """The names of the loops around the call, outermost first; empty for one without a name."""
    limits: Limits = DEFAULT
    tally: Tally = field(default_factory=Tally)

    @property
    def name(self) -> str:
        """As people are told: ``the header test``."""
        return f"the {self.call.name} {self.kind}"

    def has(self, option: str) -> bool:
        """The tag was given."""
        return option in self.options

    def text(self, option: str) -> Template | None:
        """The string of a tag."""
        value = self.options.get(option)
        return value.text if value else None

    def first_of(self, *options: str) -> str:
        """The first of these tags that was given, or the empty string."""
        return next((option for option in options if option in self.options), "")

    def fail(self, message: str, place: Place | None = None) -> BadCall:
        """The exception to raise for a call that is wrong in itself."""
        return BadCall(Flaw(*(place or self.call.place), message))


@dataclass(frozen=True, slots=True)
class Word:
    """The signature of a command or test. The builder makes it runnable, or raises ``BadCall``."""

    name: str
    build: Callable[[Bound], Callable[["Machine"], None]] | Callable[[Bound], Callable[["Machine"], bool]]
    is_test: bool = False
    capability: str = ""
    positionals: tuple[Positional, ...] = ()
    options: tuple[Option, ...] = ()
    tests: Tests = Tests.NONE
    has_block: bool = False

    @property
    def kind(self) -> str:
        """As people are told."""
        return "test" if self.is_test else "command"
