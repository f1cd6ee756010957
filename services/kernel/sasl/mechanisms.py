"""The mechanisms that show the password itself: PLAIN and LOGIN."""

from services.kernel.mail.address import fold
from services.kernel.sasl.exchange import Accounts, Challenge, Refused, SignedIn, Step, Why

MALFORMED = Refused(Why.MALFORMED)


class Plain:
    """RFC 4616: ``[authzid] NUL authcid NUL passwd``. Nobody may act for another user."""

    starts_with_client = True

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def answer(self, response: bytes) -> Step:
        try:
            authorization, login, password = response.decode().split("\0")
        except ValueError:
            return MALFORMED
        if not login:
            return MALFORMED
        if authorization and fold(authorization) != fold(login):
            return Refused(Why.OTHER_USER, login)
        return await check(self._accounts, login, password)


class Login:
    """draft-murchison-sasl-login: the user, then the password, each asked for."""

    starts_with_client = False

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._asked = 0
        self._login = ""

    async def answer(self, response: bytes) -> Step:
        """The first call, without a response, gives the first prompt; with one, which some clients send, that is the user."""
        try:
            text = response.decode()
        except UnicodeDecodeError:
            return MALFORMED
        if not self._asked and not text:
            self._asked = 1
            return Challenge(b"Username:")
        if self._asked < 2:
            self._asked, self._login = 2, text
            return Challenge(b"Password:")
        return await check(self._accounts, self._login, text)


async def check(accounts: Accounts, login: str, password: str) -> SignedIn | Refused:
    """Check a password. Raises ``DirectoryTrouble``."""
    account = await accounts.authenticate(login, password)
    return SignedIn(account) if account else Refused(Why.WRONG, login)
