"""Accounts of a list."""

from services.kernel.directory import Account
from services.kernel.mail.address import fold
from services.kernel.sasl.scram import derive

ALICE, BOB = "alice@example.test", "bob@example.test"
PASSWORD = "pencil"


class ListedAccounts:
    """Alice has a password with keys; Bob has a password without."""

    def __init__(self) -> None:
        self.keys = derive(PASSWORD, b"0123456789abcdef", 4096).text()
        self.is_complete = False
        self.is_enabled = True

    async def authenticate(self, login: str, password: str) -> Account | None:
        return Account(fold(login), "hash") if fold(login) in (ALICE, BOB) and password == PASSWORD else None

    async def account(self, address: str) -> Account | None:
        bare = fold(address).replace("+ext", "")
        return Account(bare, "hash", enabled=self.is_enabled) if bare in (ALICE, BOB) else None

    async def scram(self, login: str) -> Account | None:
        return Account(ALICE, "hash", scram=self.keys) if fold(login) == ALICE else None

    async def scram_secret(self) -> bytes:
        return b"secret of the site"

    async def has_scram_for_all(self) -> bool:
        return self.is_complete
