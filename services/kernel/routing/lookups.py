"""What routing asks of the directory: satisfied by ``kernel.directory.Directory`` and by a dictionary in tests."""

from typing import Protocol

from services.kernel.mail.domainclass import Domain


class Mailbox(Protocol):
    """The part of an account that matters here."""

    @property
    def enabled(self) -> bool: ...

    @property
    def mailbox_format(self) -> str: ...


class Directory(Protocol):
    """All raise ``LookupTrouble`` when the directory cannot be asked. Names and addresses are folded."""

    async def version(self) -> int: ...

    async def domain(self, name: str) -> Domain | None: ...

    async def account(self, address: str) -> Mailbox | None: ...

    async def alias(self, source: str) -> tuple[str, ...] | None: ...
