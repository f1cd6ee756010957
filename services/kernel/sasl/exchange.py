"""What a login is to the protocols: responses in, steps out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services.kernel.directory import Account


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send this, which may be empty, and take the next response."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The client is this account."""

    account: Account


class Why(StrEnum):
    """Why a login failed. ``MALFORMED`` is a message that the mechanism does not know; it says nothing about a password."""

    WRONG = "wrong"
    OTHER_USER = "other user"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Refused:
    """The login failed. ``login`` is the name that was tried, as far as there was one, for the operator."""

    why: Why
    login: str = ""


Step = Challenge | SignedIn | Refused


class Exchange(Protocol):
    """One login by one mechanism."""

    starts_with_client: bool
    """Without an initial response the client is asked for its first message by an empty challenge."""

    async def answer(self, response: bytes) -> Step:
        """Take the client's next message. Raises ``DirectoryTrouble``. Not to be called after the end."""


class Accounts(Protocol):
    """Who may sign in: the directory, or a test's own list."""

    async def authenticate(self, login: str, password: str) -> Account | None: ...
    async def account(self, address: str) -> Account | None: ...
    async def scram(self, login: str) -> Account | None: ...
    async def scram_secret(self) -> bytes: ...
    async def has_scram_for_all(self) -> bool: ...
